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
  s.num_muon_rings = 60;
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

TEST(DataGates, WhatIsNotKnownIsNotJudged) {
  SubrunSummary unknown;
  unknown.num_events = 10;
  EXPECT_TRUE(subrun_gates(unknown, {}).empty());
}

TEST(DataGates, RunsCountTheirSubrunsAndRings) {
  std::vector<SubrunSummary> run{good(0), good(1), good(3)};
  auto gates = run_gates(run, {});
  EXPECT_DOUBLE_EQ(find(gates, "missing_subruns")->value, 1) << "number 2 is absent";
  EXPECT_FALSE(all_passed(gates));
  EXPECT_DOUBLE_EQ(find(run_gates(run, {}, 6), "missing_subruns")->value, 3);
  // As many files as there should be, but not those.
  EXPECT_DOUBLE_EQ(find(run_gates(run, {}, 3), "missing_subruns")->value, 1);
  run[2].subrun = 2;
  gates = run_gates(run, {}, 3);
  EXPECT_TRUE(all_passed(gates)) << failed_gates(gates);
  EXPECT_DOUBLE_EQ(find(gates, "muon_efficiency")->value, 0.18);
  EXPECT_FALSE(all_passed(run_gates(run, {}, 3, 100, 0.05))) << "the run's own muon file counts";
  EXPECT_EQ(find(run_gates(run, {}, 3, 49, 0.05), "muon_efficiency"), nullptr);
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
}

}  // namespace
}  // namespace alisio::check
