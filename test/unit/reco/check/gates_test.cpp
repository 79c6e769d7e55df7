#include "reco/check/gates.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>

namespace alisio::check {
namespace {

SubrunSummary good(std::int64_t subrun = 0) {
  SubrunSummary s;
  s.run = 1;
  s.subrun = subrun;
  s.elapsed_time = 10;
  s.num_events = 51000;
  s.num_class_events = {500, 500, 50000};
  s.num_cleaned_events = {1, 500, 40000};
  s.num_ucts_jumps = 0;
  s.num_mistagged = 5;
  s.num_unknown = 0;
  s.unusable_pixels = 0.01;
  s.pedestal_charge = 1.5;
  s.pedestal_spread = 1.4;
  s.flatfield_charge = 75;
  s.num_muon_rings = 90;
  s.num_contained_rings = 60;
  s.muon_efficiency = 0.18;
  return s;
}

const Gate* find(const std::vector<Gate>& gates, const std::string& name) {
  const auto at = std::ranges::find(gates, name, &Gate::name);
  return at == gates.end() ? nullptr : &*at;
}

TEST(DataGates, AGoodSubrunPasses) {
  const auto gates = subrun_gates(good(), {});
  EXPECT_TRUE(all_passed(gates)) << failed_gates(gates);
  ASSERT_NE(find(gates, "cosmics_rate"), nullptr);
  EXPECT_DOUBLE_EQ(find(gates, "cosmics_rate")->value, 5000);
  EXPECT_EQ(find(gates, "muon_efficiency"), nullptr) << "a subrun has too few rings";
}

TEST(DataGates, EachFaultFailsItsOwnGate) {
  const std::vector<std::pair<std::string, std::function<void(SubrunSummary&)>>> faults{
      {"cosmics_rate", [](SubrunSummary& s) { s.num_class_events[2] = 999; }},
      {"cosmics_rate", [](SubrunSummary& s) { s.num_class_events[2] = 200001; }},
      {"unusable_pixels", [](SubrunSummary& s) { s.unusable_pixels = 0.11; }},
      {"pedestal_charge", [](SubrunSummary& s) { s.pedestal_charge = 5.1; }},
      {"pedestal_spread", [](SubrunSummary& s) { s.pedestal_spread = 0.2; }},
      {"flatfield_charge", [](SubrunSummary& s) { s.flatfield_charge = 30; }},
      {"ucts_jumps", [](SubrunSummary& s) { s.num_ucts_jumps = 1; }},
      {"mistagged_events", [](SubrunSummary& s) { s.num_mistagged = 600; }},
      {"mistagged_events", [](SubrunSummary& s) { s.num_unknown = 600; }}};
  for (const auto& [name, fault] : faults) {
    SubrunSummary s = good();
    fault(s);
    for (const Gate& gate : subrun_gates(s, {}))
      EXPECT_EQ(gate.passed, gate.name != name) << gate.name << " after a fault of " << name;
  }
}

TEST(DataGates, WhatIsNotKnownIsNotMeasuredAndFailsNothing) {
  SubrunSummary s = good();
  s.pedestal_charge = SubrunSummary::nan;
  s.num_ucts_jumps = -1;
  const auto gates = subrun_gates(s, {});
  EXPECT_TRUE(all_passed(gates));
  EXPECT_EQ(failed_gates(gates), "");
  EXPECT_EQ(unmeasured_gates(gates), "pedestal_charge, ucts_jumps");
  EXPECT_EQ(verdict(gates), "passed, not measured: pedestal_charge, ucts_jumps");
  s.flatfield_charge = 30;
  EXPECT_EQ(verdict(subrun_gates(s, {})),
            "failed: flatfield_charge 30 p.e. (40 to 150), not measured: pedestal_charge, "
            "ucts_jumps");
  EXPECT_EQ(verdict(subrun_gates(SubrunSummary{}, {})),
            "not measured: cosmics_rate, unusable_pixels, pedestal_charge, pedestal_spread, "
            "flatfield_charge, ucts_jumps, mistagged_events");
  EXPECT_EQ(verdict({}), "not measured") << "of no gates none passed";
}

TEST(DataGates, ASubrunWithEventsHasARate) {
  SubrunSummary one;
  one.num_events = 1;
  one.num_class_events = {0, 0, 1};
  one.elapsed_time = 0;
  EXPECT_EQ(failed_gates(subrun_gates(one, {})), "cosmics_rate 0 Hz (100 to 20000)");
  one.elapsed_time = SubrunSummary::nan;
  EXPECT_FALSE(all_passed(subrun_gates(one, {})));
}

TEST(DataGates, SayWhatIsAllowed) {
  SubrunSummary s = good();
  s.num_ucts_jumps = 6;
  s.num_mistagged = 5100;
  s.unusable_pixels = 0.3;
  EXPECT_EQ(failed_gates(subrun_gates(s, {})),
            "unusable_pixels 0.3 (at most 0.1), ucts_jumps 6 (none allowed), mistagged_events 0.1 "
            "(at most 0.01)");
}

TEST(DataGates, RunsCountTheirSubrunsAndRings) {
  std::vector<SubrunSummary> run{good(0), good(1), good(3)};
  auto gates = run_gates(run, {});
  EXPECT_DOUBLE_EQ(find(gates, "missing_subruns")->value, 1) << "number 2 is absent";
  EXPECT_FALSE(all_passed(gates));
  EXPECT_DOUBLE_EQ(find(run_gates(run, {}, {.number = 6}), "missing_subruns")->value, 3);
  // As many files as there should be, but not those.
  EXPECT_DOUBLE_EQ(find(run_gates(run, {}, {.number = 3}), "missing_subruns")->value, 1);
  EXPECT_TRUE(all_passed(run_gates(run, {}, {.number = 4, .left_out = {2}})));
  EXPECT_DOUBLE_EQ(
      find(run_gates(run, {}, {.number = 5, .left_out = {0, 2}}), "missing_subruns")->value, 1)
      << "what is left out and there all the same makes up for nothing";
  run[2].subrun = 2;
  gates = run_gates(run, {}, {.number = 3});
  EXPECT_TRUE(all_passed(gates)) << failed_gates(gates);
  EXPECT_DOUBLE_EQ(find(gates, "muon_efficiency")->value, 0.18);
  EXPECT_FALSE(all_passed(run_gates(run, {}, {.number = 3}, 100, 0.05)))
      << "the run's own muon file counts";
  const auto few = run_gates(run, {}, {.number = 3}, 49, 0.05);
  EXPECT_EQ(unmeasured_gates(few), "muon_efficiency");
  EXPECT_EQ(find(few, "muon_efficiency")->why, "too few rings (49, at least 50)");
  for (SubrunSummary& s : run) s.num_contained_rings = -1;
  EXPECT_EQ(unmeasured_gates(run_gates(run, {}, {.number = 3})), "muon_efficiency")
      << "good rings are not contained ones";
}

TEST(DataGates, OnlyContainedRingsCountAndWeigh) {
  SubrunSummary a = good(0), b = good(1);
  a.num_muon_rings = 1000;
  a.num_contained_rings = 10;
  a.muon_efficiency = 0.1;
  b.num_muon_rings = 100;
  b.num_contained_rings = 30;
  b.muon_efficiency = 0.2;
  const std::vector run{a, b};
  const SubrunSummary total = total_of(run);
  EXPECT_EQ(total.num_muon_rings, 1100);
  EXPECT_EQ(total.num_contained_rings, 40);
  EXPECT_DOUBLE_EQ(total.muon_efficiency, (10 * 0.1 + 30 * 0.2) / 40);
  EXPECT_EQ(find(run_gates(run, {}), "muon_efficiency")->why, "too few rings (40, at least 50)");
  DataLimits limits;
  limits.min_muon_rings = 40;
  EXPECT_DOUBLE_EQ(find(run_gates(run, limits), "muon_efficiency")->value, 0.175);
}

/// A class of ten events in four pixels, with these mean charges and a spread.
ClassCheck charges_of(const std::vector<double>& means, double spread) {
  ClassCheck check(means.size());
  check.num_events = 10;
  for (std::size_t i = 0; i < means.size(); ++i) {
    check.charge.count[i] = 10;
    check.charge.sum[i] = 10 * means[i];
    check.charge.sum2[i] = 10 * (means[i] * means[i] + spread * spread);
  }
  return check;
}

TEST(UnusablePixels, AreThoseOfTheCalibrationAndThoseWithoutTheFlash) {
  const ClassCheck dark = charges_of({1, 2, 1, 0, 1}, 1.5);
  // The third pixel died after its calibration, the fourth is far too bright.
  const ClassCheck flash = charges_of({75, 74, 0.5, 150, 76}, 9);
  const std::vector<std::uint8_t> calibration{1, 0, 0, 0, 0};
  EXPECT_EQ(unusable_pixels(&dark, &flash, nullptr, calibration),
            (std::vector<std::uint8_t>{1, 0, 1, 1, 0}));
  EXPECT_EQ(unusable_pixels(&dark, nullptr, nullptr, calibration), calibration);
  EXPECT_EQ(unusable_pixels(&dark, &flash, nullptr, {}),
            (std::vector<std::uint8_t>{0, 0, 1, 1, 0}));
  EXPECT_TRUE(unusable_pixels(nullptr, nullptr, nullptr, {}).empty());
  SubrunSummary s;
  fill_from_classes(s, &dark, &flash, nullptr, calibration);
  EXPECT_DOUBLE_EQ(s.unusable_pixels, 0.6);
  // A camera that sees no flash is no camera of unusable pixels.
  const ClassCheck off = charges_of({0, -1, 0, -1, 0}, 1);
  EXPECT_EQ(unusable_pixels(&dark, &off, nullptr, {}), (std::vector<std::uint8_t>(5, 0)));
}

TEST(UnusablePixels, AreThoseThatNeverChange) {
  ClassCheck dark = charges_of({1, 2, 1}, 1.5);
  dark.charge.sum[1] = dark.charge.sum2[1] = 0;
  EXPECT_EQ(unusable_pixels(&dark, nullptr, nullptr, {}), (std::vector<std::uint8_t>{0, 1, 0}));
}

TEST(DataGates, MeansOfARunAreWeightedWithEvents) {
  SubrunSummary a = good(0), b = good(1);
  a.num_class_events[0] = 100;
  a.pedestal_charge = 1;
  b.num_class_events[0] = 300;
  b.pedestal_charge = 2;
  const SubrunSummary total = total_of(std::vector{a, b});
  EXPECT_DOUBLE_EQ(total.pedestal_charge, 1.75);
  EXPECT_DOUBLE_EQ(total.elapsed_time, 20);
  b.pedestal_charge = SubrunSummary::nan;
  EXPECT_DOUBLE_EQ(total_of(std::vector{a, b}).pedestal_charge, 1) << "what is known counts";
  b.num_ucts_jumps = -1;
  a.num_ucts_jumps = 2;
  EXPECT_EQ(total_of(std::vector{a, b}).num_ucts_jumps, 2);
}

TEST(DataGates, ANightIsAsBadAsItsWorstRun) {
  std::vector<SubrunSummary> fine{good()}, bad{good()};
  bad[0].flatfield_charge = 20;
  const std::vector<std::vector<Gate>> runs{run_gates(fine, {}), run_gates(bad, {})};
  const auto gates = night_gates(runs);
  ASSERT_NE(find(gates, "flatfield_charge"), nullptr);
  EXPECT_DOUBLE_EQ(find(gates, "flatfield_charge")->value, 20);
  EXPECT_FALSE(all_passed(gates));
  // What one run does not tell is not passed for the night; what another fails stays failed.
  fine[0].flatfield_charge = SubrunSummary::nan;
  fine[0].pedestal_charge = SubrunSummary::nan;
  for (const auto& order : {std::vector{run_gates(fine, {}), run_gates(bad, {})},
                            std::vector{run_gates(bad, {}), run_gates(fine, {})}})
    EXPECT_EQ(verdict(night_gates(order)),
              "failed: flatfield_charge 20 p.e. (40 to 150), not measured: pedestal_charge");
}

}  // namespace
}  // namespace alisio::check
