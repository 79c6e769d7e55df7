#include "calib/quality/gates.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/base/median.hpp"

namespace alisio::calib {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr const char* gain_suffix[n_gains] = {"_hg", "_lg"};

double mean(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / double(values.size());
}

/// Standard deviation over mean; NaN of nothing.
double spread(std::span<const double> values) {
  const double centre = mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - centre) * (value - centre);
  return std::sqrt(squares / double(values.size())) / std::abs(centre);
}

}  // namespace

std::vector<Gate> drs4_pedestal_gates(const Drs4Pedestal& pedestal,
                                      std::span<const std::uint16_t> counts,
                                      const Drs4PedestalLimits& limits) {
  std::vector<Gate> gates;
  const std::size_t n = pedestal.n_pixels;
  for (std::size_t g = 0; g < n_gains; ++g) {
    double sum = 0;
    double spikes[3] = {};
    for (std::size_t channel = g * n; channel < (g + 1) * n; ++channel) {
      const std::int16_t* const row = &pedestal.baseline[channel * Drs4Pedestal::row];
      for (std::size_t c = 0; c < n_capacitors; ++c) sum += row[c];
      for (std::size_t i = 0; i < 3; ++i) spikes[i] += pedestal.spike_height[channel * 3 + i];
    }
    const double level = sum / double(n * n_capacitors);
    const bool subtracted = std::abs(level) < limits.baseline.low / 2;
    gates.push_back(make_gate(std::string("baseline") + gain_suffix[g], level, "ADC",
                              subtracted ? limits.subtracted_baseline : limits.baseline));
    if (!counts.empty()) {
      const auto of_gain = counts.subspan(g * n * n_capacitors, n * n_capacitors);
      const auto empty = std::count(of_gain.begin(), of_gain.end(), std::uint16_t{0});
      gates.push_back(make_gate(std::string("empty_capacitors") + gain_suffix[g],
                                double(empty) / double(of_gain.size()), "",
                                {-infinity, limits.empty_capacitors}));
    }
    for (std::size_t i = 0; i < 3; ++i)
      gates.push_back(make_gate(fmt::format("spike_height_{}{}", i, gain_suffix[g]),
                                spikes[i] / double(n), "ADC", limits.spike_height));
  }
  return gates;
}

std::vector<Gate> time_calibration_gates(const TimeCalibration& calibration,
                                         const TimeCalibrationLimits& limits) {
  std::vector<Gate> gates;
  const std::size_t harmonics = calibration.n_harmonics;
  const std::size_t n = harmonics == 0 ? 0 : calibration.fan.size() / harmonics / n_gains;
  for (std::size_t g = 0; g < n_gains; ++g) {
    std::vector<double> amplitudes;
    for (std::size_t channel = g * n; channel < (g + 1) * n; ++channel) {
      double amplitude = 0;
      for (std::size_t h = 1; h < harmonics; ++h)
        amplitude += std::hypot(calibration.fan[channel * harmonics + h],
                                calibration.fbn[channel * harmonics + h]);
      if (amplitude > 0) amplitudes.push_back(amplitude);
    }
    gates.push_back(make_gate(std::string("channels_without_data") + gain_suffix[g],
                              1 - double(amplitudes.size()) / double(n), "",
                              {-infinity, limits.channels_without_data}));
    gates.push_back(make_gate(std::string("amplitude") + gain_suffix[g], upper_median(amplitudes),
                              "ns", limits.amplitude));
  }
  return gates;
}

std::vector<Gate> camera_calibration_gates(const MonitoringRow& row,
                                           const CameraCalibrationLimits& limits) {
  const MonitoringRow::Calibration& c = row.calibration;
  const std::size_t n = c.dc_to_pe.size() / n_gains;
  std::vector<Gate> gates;
  for (std::size_t g = 0; g < n_gains; ++g) {
    std::vector<double> pedestals, gains, factors, photoelectrons;
    for (std::size_t at = g * n; at < (g + 1) * n; ++at) {
      if (c.unusable_pixels[at] != 0) continue;
      pedestals.push_back(c.pedestal_per_sample[at]);
      factors.push_back(c.dc_to_pe[at]);
      const double signal = row.flatfield.charge_median[at] - row.pedestal.charge_median[at];
      // A gain that was not stored has constants of the other one, and no charges.
      if (std::isnan(signal)) continue;
      photoelectrons.push_back(c.n_pe[at]);
      if (c.n_pe[at] != 0) gains.push_back(signal / c.n_pe[at]);
    }
    const auto name = [&](const char* what) { return std::string(what) + gain_suffix[g]; };
    gates.push_back(make_gate(name("unusable_pixels"), 1 - double(factors.size()) / double(n), "",
                              {-infinity, limits.unusable_pixels}));
    gates.push_back(make_gate(name("pedestal_per_sample"), upper_median(pedestals), "",
                              limits.pedestal_per_sample));
    gates.push_back(make_gate(name("dc_to_pe_spread"), spread(factors), "",
                              {-infinity, limits.dc_to_pe_spread}));
    if (photoelectrons.empty() && !factors.empty()) continue;
    gates.push_back(
        make_gate(name("gain_spread"), spread(gains), "", {-infinity, limits.gain_spread}));
    gates.push_back(make_gate(name("photoelectrons"), upper_median(photoelectrons), "p.e.",
                              limits.photoelectrons));
  }
  gates.push_back(make_gate("flatfield_events", double(row.flatfield.n_events), "events",
                            {double(limits.flatfield_events), infinity}));
  gates.push_back(make_gate("pedestal_events", double(row.pedestal.n_events), "events",
                            {double(limits.pedestal_events), infinity}));
  return gates;
}

}  // namespace alisio::calib
