#include "calib/quality/gates.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace alisio::calib {
namespace {

constexpr std::size_t n_pixels = 40, channels = n_gains * n_pixels;

const Gate& named(const std::vector<Gate>& gates, const std::string& name) {
  const auto found =
      std::find_if(gates.begin(), gates.end(), [&](const Gate& gate) { return gate.name == name; });
  if (found == gates.end()) throw std::runtime_error("no gate " + name);
  return *found;
}

MonitoringRow good_row() {
  MonitoringRow row;
  row.calibration.dc_to_pe.assign(channels, 0.014);
  row.calibration.pedestal_per_sample.assign(channels, -1);
  row.calibration.n_pe.assign(channels, 75);
  row.calibration.unusable_pixels.assign(channels, 0);
  row.pedestal.charge_median.assign(channels, -12);
  row.flatfield.charge_median.assign(channels, 5000);
  row.pedestal.n_events = row.flatfield.n_events = 1000;
  return row;
}

Drs4Pedestal good_pedestal() {
  Drs4Pedestal pedestal;
  pedestal.n_pixels = n_pixels;
  pedestal.baseline.resize(channels * Drs4Pedestal::row);
  std::fill(pedestal.baseline.begin(), pedestal.baseline.end(), std::int16_t{400});
  for (std::size_t c = 0; c < channels; ++c)
    pedestal.spike_height.insert(pedestal.spike_height.end(), {46, 53, 24});
  return pedestal;
}

TEST(CameraCalibrationGates, GoodConstantsPass) {
  const auto gates = camera_calibration_gates(good_row(), {});
  EXPECT_TRUE(all_passed(gates)) << failed_gates(gates);
  EXPECT_EQ(verdict(gates), "passed");
}

TEST(CameraCalibrationGates, EachFaultFailsItsGateAlone) {
  const auto only_failed = [](const MonitoringRow& row) {
    std::string names;
    for (const Gate& gate : camera_calibration_gates(row, {}))
      if (!gate.passed) names += gate.name + " ";
    return names;
  };
  MonitoringRow row = good_row();
  std::fill_n(row.calibration.unusable_pixels.begin(), 5, std::uint8_t{1});
  EXPECT_EQ(only_failed(row), "unusable_pixels_hg ");
  row = good_row();
  std::fill_n(row.calibration.unusable_pixels.begin() + n_pixels, 5, std::uint8_t{1});
  EXPECT_EQ(only_failed(row), "unusable_pixels_lg ");
  row = good_row();
  std::fill_n(row.calibration.pedestal_per_sample.begin(), n_pixels, 30.0);
  EXPECT_EQ(only_failed(row), "pedestal_per_sample_hg ");
  row = good_row();
  for (std::size_t i = 0; i < n_pixels / 2; ++i) row.calibration.dc_to_pe[i] *= 3;
  EXPECT_EQ(only_failed(row), "dc_to_pe_spread_hg ");
  row = good_row();
  for (std::size_t i = 0; i < n_pixels / 2; ++i) row.flatfield.charge_median[i] *= 3;
  EXPECT_EQ(only_failed(row), "gain_spread_hg ");
  row = good_row();
  row.flatfield.n_events = 199;
  EXPECT_EQ(only_failed(row), "flatfield_events ");
  row = good_row();
  row.pedestal.n_events = 10;
  EXPECT_EQ(only_failed(row), "pedestal_events ");
  EXPECT_EQ(verdict(camera_calibration_gates(row, {})),
            "failed: pedestal_events 10 events (at least 200)");
}

TEST(CameraCalibrationGates, NothingUsableFails) {
  MonitoringRow row = good_row();
  std::fill(row.calibration.unusable_pixels.begin(), row.calibration.unusable_pixels.end(),
            std::uint8_t{1});
  const auto gates = camera_calibration_gates(row, {});
  EXPECT_FALSE(all_passed(gates));
  EXPECT_EQ(named(gates, "unusable_pixels_hg").value, 1);
  EXPECT_FALSE(named(gates, "pedestal_per_sample_hg").passed) << "NaN does not pass";
}

TEST(CameraCalibrationGates, LowGainTakenFromTheHighGainHasNoOwnSignal) {
  MonitoringRow row = good_row();
  for (std::size_t i = n_pixels; i < channels; ++i)
    row.flatfield.charge_median[i] = row.calibration.n_pe[i] =
        std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(all_passed(camera_calibration_gates(row, {})));
}

TEST(CameraCalibrationGates, OfSeveralRowsTheWorstCounts) {
  MonitoringRow worse = good_row();
  worse.flatfield.n_events = 100;
  auto gates = camera_calibration_gates(good_row(), {});
  gates = worse_of(gates, camera_calibration_gates(worse, {}));
  gates = worse_of(gates, camera_calibration_gates(good_row(), {}));
  EXPECT_EQ(named(gates, "flatfield_events").value, 100);
  EXPECT_FALSE(all_passed(gates));
}

TEST(Drs4PedestalGates, JudgeLevelEmptyCapacitorsAndSpikes) {
  Drs4Pedestal pedestal = good_pedestal();
  std::vector<std::uint16_t> counts(channels * n_capacitors, 7);
  EXPECT_TRUE(all_passed(drs4_pedestal_gates(pedestal, counts, {})));
  std::fill_n(counts.begin(), n_pixels * n_capacitors / 10, std::uint16_t{0});
  EXPECT_EQ(failed_gates(drs4_pedestal_gates(pedestal, counts, {})),
            "empty_capacitors_hg 0.1 (at most 0.05)");
  for (std::size_t c = 0; c < n_pixels; ++c) pedestal.spike_height[c * 3 + 1] = 0;
  std::fill(pedestal.baseline.begin() + std::ptrdiff_t(pedestal.baseline.size() / 2),
            pedestal.baseline.end(), std::int16_t{1000});
  const auto gates = drs4_pedestal_gates(pedestal, {}, {});
  EXPECT_FALSE(named(gates, "spike_height_1_hg").passed);
  EXPECT_TRUE(named(gates, "spike_height_0_hg").passed);
  EXPECT_FALSE(named(gates, "baseline_lg").passed);
}

TEST(Drs4PedestalGates, ASubtractedBaselineLiesAtZero) {
  Drs4Pedestal pedestal = good_pedestal();
  std::fill(pedestal.baseline.begin(), pedestal.baseline.end(), std::int16_t{2});
  EXPECT_TRUE(all_passed(drs4_pedestal_gates(pedestal, {}, {})));
}

TEST(TimeCalibrationGates, CountChannelsWithoutCurve) {
  TimeCalibration calibration;
  calibration.n_harmonics = 16;
  calibration.fan.assign(channels * 16, 0.1);
  calibration.fbn.assign(channels * 16, 0.0);
  EXPECT_TRUE(all_passed(time_calibration_gates(calibration, {})));
  for (std::size_t c = 0; c < 4; ++c)
    for (std::size_t h = 1; h < 16; ++h) calibration.fan[c * 16 + h] = 0;
  EXPECT_EQ(failed_gates(time_calibration_gates(calibration, {})),
            "channels_without_data_hg 0.1 (at most 0.05)");
}

}  // namespace
}  // namespace alisio::calib
