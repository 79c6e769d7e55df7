#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "calib/charge/extraction.hpp"
#include "calib/constants/constants.hpp"
#include "calib/drs4/corrector.hpp"
#include "calib/gain/gain.hpp"
#include "calib/measure/charge_collector.hpp"
#include "calib/r0/r0_source.hpp"

namespace alisio::calib {

/// Where the charge of calibration events is looked for.
struct ExtractionWindows {
  Window flatfield{12, 5};       ///< around the peak of each pixel
  Window pedestal{12, 6};        ///< around pedestal_peak
  int pedestal_peak = 18;        ///< sample
  double sampling_rate = 1.024;  ///< GHz
};

/// Return the pulse of a calibration event in one channel.
[[nodiscard]] Pulse calibration_pulse(const float* samples, std::size_t n, bool pedestal,
                                      const ExtractionWindows& windows);

/// Measures the charge calibration (Cat-A) in the corrected waveforms of a run of flat-field and
/// pedestal events. Feed the blocks in order:
///
///     meter.begin(block);                                  // which events count
///     meter.add(block, waveforms, pixels_of_a_module);     // several modules at once
///     meter.end(block, waveforms);                         // the statistics
///
/// Numbers as lstchain_create_calibration_file gives them.
class CameraCalibrationMeter {
 public:
  /// @param time           DRS4 sampling delays, subtracted from the arrival times; may be null
  /// @param events_to_skip first events of the run that do not count
  CameraCalibrationMeter(const RawCamera& camera, std::size_t n_pixels, const TimeCalibration* time,
                         const ExtractionWindows& windows, const CollectorOptions& options,
                         std::vector<double> quadratic_term, std::size_t events_to_skip);

  /// @throws Error(bad_input) for events in photo-electrons.
  void begin(const RawBlock& block);
  void add(const RawBlock& block, CorrectedBlock& waveforms, std::span<const std::uint16_t> pixels);
  void end(const RawBlock& block, const CorrectedBlock& waveforms);

  /// [event] of the block, 1: counts; what Drs4Corrector::correct takes.
  [[nodiscard]] std::span<const std::uint8_t> wanted() const { return wanted_; }

  [[nodiscard]] ChargeCollector& collector() { return collector_; }

 private:
  /// Fill shift_ for an event: what is subtracted from its times, the event's median removed.
  void fill_shifts(const RawEvent& event, const std::uint16_t* first_capacitor);

  std::vector<std::uint16_t> pixel_ids_;  ///< [read-out position]
  std::size_t n_pixels_, events_to_skip_;
  ExtractionWindows windows_;
  TimeShifts shifts_;
  ChargeCollector collector_;
  std::vector<std::size_t> events_;     ///< of the block, that count
  std::vector<std::uint8_t> wanted_;    ///< the same events as flags
  std::vector<float> charge_, time_;    ///< [event that counts][gain][pixel]
  std::vector<std::uint8_t> mask_;      ///< [gain][pixel], of one event
  std::vector<double> shift_, sorted_;  ///< the same
};

}  // namespace alisio::calib
