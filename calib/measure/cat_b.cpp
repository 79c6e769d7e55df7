#include "calib/measure/cat_b.hpp"

#include <utility>

namespace alisio::calib {
namespace {

CollectorOptions with_missing_low_gain(CollectorOptions options) {
  options.expect_missing_low_gain = true;
  return options;
}

}  // namespace

CatBMeter::CatBMeter(const CameraCalibration& start, const ExtractionWindows& windows,
                     CollectorOptions options, std::vector<double> quadratic_term)
    : broken_(start.hardware_failing_pixels),
      windows_(windows),
      collector_(with_missing_low_gain(std::move(options)), broken_.size() / n_gains,
                 std::move(quadratic_term)),
      charge_(broken_.size()),
      mask_(broken_.size()) {}

void CatBMeter::add(EventType type, std::span<const float> waveform,
                    std::span<const float> peak_time, std::span<const std::uint8_t> missing,
                    double unix_s) {
  if (type != EventType::flatfield && type != EventType::sky_pedestal) return;
  const bool pedestal = type == EventType::sky_pedestal;
  const std::size_t channels = broken_.size(), n_samples = waveform.size() / channels;
  for (std::size_t c = 0; c < channels; ++c) {
    mask_[c] = std::uint8_t((broken_[c] != 0 ? masked::broken : 0) |
                            (missing[c] != 0 ? masked::missing_gain : 0));
    charge_[c] = 0;
    if (missing[c] != 0) continue;
    // What did not fit into 16 bits is infinite, and so is its charge.
    charge_[c] = calibration_pulse(&waveform[c * n_samples], n_samples, pedestal, windows_).charge;
  }
  if (pedestal)
    collector_.add_pedestal(charge_, mask_, unix_s);
  else
    collector_.add_flatfield(charge_, peak_time, mask_, unix_s);
}

}  // namespace alisio::calib
