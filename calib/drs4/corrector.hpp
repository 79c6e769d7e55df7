#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "calib/constants/constants.hpp"
#include "calib/r0/r0_source.hpp"
#include "lib/base/large_vector.hpp"

namespace alisio::calib {

/// Waveforms after the DRS4 corrections, in camera-geometry order, for the events of a block.
struct CorrectedBlock {
  std::size_t n_pixels = 0, n_samples = 0;
  /// [event][gain][pixel][sample], ADC counts. Of events with one stored gain only the stored gain
  /// of each pixel is filled; of events whose gain is selected here, the high gain of all pixels
  /// and the low gain of those that select it. Invalid pixels (not read out, or removed) are 0.
  LargeVector<float> waveform;
  std::vector<std::uint16_t> first_capacitor;  ///< [event][gain][pixel]
  std::vector<std::uint8_t> broken;            ///< [event][pixel], 1: not read out
  std::vector<std::int8_t> stored_gain;        ///< [event][pixel], of events with one gain
  /// [event][pixel], 1 if a corrected high-gain sample is above the threshold: low gain; of events
  /// with two stored gains that are neither interleaved nor calibrated, or of all with both_gains.
  std::vector<std::int8_t> selected_gain;
  /// [event][pixel], 1 if a raw high-gain sample is above the threshold; of interleaved events.
  /// With both_gains, of all.
  std::vector<std::uint8_t> raw_above_threshold;

  void reserve(std::size_t events, std::size_t n_pixels, std::size_t n_samples);
  [[nodiscard]] float* waveform_of(std::size_t event, std::size_t gain, std::size_t pixel) {
    return &waveform[((event * n_gains + gain) * n_pixels + pixel) * n_samples];
  }
  [[nodiscard]] const float* waveform_of(std::size_t event, std::size_t gain,
                                         std::size_t pixel) const {
    return &waveform[((event * n_gains + gain) * n_pixels + pixel) * n_samples];
  }
};

/// How spikes are removed: by the heights of the DRS4 pedestal file, or by a line between the
/// samples beside them (LSTR0Corrections.spike_correction_method of the peers).
enum class SpikeMethod { subtraction, interpolation };

struct Drs4Options {
  float gain_threshold = 3500;  ///< of the gain selection, ADC counts
  SpikeMethod spike_method = SpikeMethod::subtraction;
  /// Fill both gains of every event that has them, not of interleaved ones alone: for events whose
  /// type is not known yet.
  bool both_gains = false;
};

/// Applies the DRS4 corrections: offsets, time lapse, spikes. It keeps the last readout of every
/// capacitor, so blocks must come in order; the modules of a block are independent.
///
/// Each last readout takes 32 bits, the clock of 64 bits relative to the module's base; the base
/// moves on, and what is older than any correction is forgotten, before 32 bits are exhausted.
class Drs4Corrector {
 public:
  /// @throws Error(bad_input) if the constants and the camera of the file do not fit.
  Drs4Corrector(std::shared_ptr<const Drs4Pedestal> pedestal, const RawCamera& camera,
                const Drs4Options& options);

  [[nodiscard]] std::size_t module_count() const noexcept { return n_modules_; }

  /// Make room in `out` and set what no module fills: pixels that the file does not have.
  /// @throws Error(bad_input) for events that cannot be corrected.
  void prepare(const RawBlock& block, CorrectedBlock& out) const;
  /// Correct one module in all events of a block. Calls for different modules may run at once.
  /// @param wanted [event], 0: the event's readouts are noted, its waveforms are not filled; empty:
  /// all are wanted.
  /// @pre prepare() was called; blocks in order.
  void correct(const RawBlock& block, std::size_t module, CorrectedBlock& out,
               std::span<const std::uint8_t> wanted = {});
  /// Return the pixels of a module.
  [[nodiscard]] std::span<const std::uint16_t> pixels_of(std::size_t module) const;

 private:
  void move_base(std::size_t module, std::uint64_t now);
  void prefetch(const RawEvent& event, std::size_t module) const;

  std::shared_ptr<const Drs4Pedestal> pedestal_;
  RawCamera camera_;
  Drs4Options options_;
  std::size_t n_pixels_ = 0, n_modules_ = 0;
  LargeVector<std::uint32_t> last_readout_;              ///< [position][gain][capacitor]
  std::vector<std::uint64_t> base_;                      ///< [module], clock of last_readout 1
  std::vector<std::uint16_t> previous_first_capacitor_;  ///< [position][gain]
  std::vector<std::uint16_t> missing_pixels_;            ///< not in the file
};

}  // namespace alisio::calib
