#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "calib/constants/constants.hpp"
#include "calib/drs4/correct_readout.hpp"
#include "calib/drs4/kernels.hpp"
#include "calib/drs4/narrow_baselines.hpp"
#include "calib/drs4/readout_history.hpp"
#include "calib/r0/r0_source.hpp"
#include "lib/base/large_vector.hpp"

namespace alisio::calib {

/// Waveforms after the DRS4 corrections, for the events of a block. Pixels are in camera-geometry
/// order.
class CorrectedBlock {
 public:
  std::size_t n_pixels = 0, n_samples = 0;
  std::vector<std::uint16_t> first_capacitor;  ///< [event][gain][pixel]
  std::vector<std::uint8_t> broken;            ///< [event][pixel], 1: not read out
  std::vector<std::uint8_t> empty;             ///< [event][pixel], 1: broken, or removed (DVR)
  std::vector<std::int8_t> stored_gain;        ///< [event][pixel], of events with one gain
  /// [event][pixel], 1 if a corrected high-gain sample is above the threshold: low gain; of events
  /// with two stored gains that are neither interleaved nor calibrated, or of all with both_gains.
  std::vector<std::int8_t> selected_gain;
  /// [event][pixel], 1 if a raw high-gain sample is above the threshold; of interleaved events.
  /// With both_gains, of all.
  std::vector<std::uint8_t> raw_above_threshold;

  /// @param pixels all of the camera, in the order in which they are worked on
  void reserve(std::size_t events, std::span<const std::uint16_t> pixels, std::size_t n_samples);
  /// Return the samples of a pixel, ADC counts. Of events with one stored gain only the stored gain
  /// of each pixel is filled; of events whose gain is selected here, the high gain of all pixels
  /// and the low gain of those that select it. Invalid pixels (not read out, or removed) are 0.
  [[nodiscard]] float* waveform_of(std::size_t event, std::size_t gain, std::size_t pixel) {
    return &waveform_[first_sample_[pixel] + gain * gain_samples_ + event * group_samples_];
  }
  [[nodiscard]] const float* waveform_of(std::size_t event, std::size_t gain,
                                         std::size_t pixel) const {
    return &waveform_[first_sample_[pixel] + gain * gain_samples_ + event * group_samples_];
  }
  /// Return all samples of a module's pixels, those too that are not kept, [pixel of the
  /// module][sample].
  /// @param first_pixel of the module
  [[nodiscard]] float* all_samples_of_module(std::size_t event, std::size_t gain,
                                             std::size_t first_pixel) {
    return waveform_of(event, gain, first_pixel) - readout::first_kept_sample;
  }

 private:
  /// [gain][module][event][pixel of the module][all 40 samples]: a module's pixels lie all over the
  /// camera, and all that is done to one stays in the cache this way. The high gain, which is
  /// filled alone mostly, is one stretch.
  LargeVector<float> waveform_;
  std::vector<std::size_t> first_sample_;  ///< [pixel], kept, of the high gain of the first event
  std::size_t gain_samples_ = 0;           ///< of one gain, all events
  std::size_t group_samples_ = 0;          ///< of the pixels of a module, one event and gain
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

/// Applies the DRS4 corrections: offsets, time lapse, spikes. It keeps what each chip read out
/// lately, so blocks must come in order; the modules of a block are independent.
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
  /// Return the pixels of the camera that the file does not have: prepare() calls them broken.
  [[nodiscard]] std::span<const std::uint16_t> missing_pixels() const {
    return std::span(all_pixels_).subspan(camera_.pixel_ids.size());
  }

 private:
  static constexpr std::size_t chips_per_gain = readout::chips_per_module / n_gains;
  /// What the pixels of a chip have in common, [chip] of one gain.
  struct ChipCorrections {
    std::array<drs4::LapseBaselines, chips_per_gain> lapses;
    std::array<drs4::Spikes, chips_per_gain> spikes;
  };

  void check(const RawEvent& event) const;
  /// Note which pixels were read out, and from which capacitor on.
  void note_status(const RawEvent& event, std::size_t e, CorrectedBlock& out) const;
  /// Bring what the corrections of a module read into the cache.
  void fetch(const RawBlock& block, std::size_t module) const;
  [[nodiscard]] bool wants_both_gains(const RawEvent& event) const;
  /// Return the samples of a pixel; nullptr if they are not in the file.
  /// @param position in the read-out
  [[nodiscard]] const std::uint16_t* raw_samples(const RawEvent& event, std::size_t position,
                                                 std::size_t gain) const;
  void note_raw_above_threshold(const RawEvent& event, std::size_t e, std::size_t module,
                                CorrectedBlock& out) const;
  /// Take over the samples of an event that holds p.e.
  void copy_calibrated(const RawEvent& event, std::size_t e, std::size_t module,
                       CorrectedBlock& out) const;
  /// What the readouts of a module have in common in all events, as if read out from capacitor 0
  /// on; [gain][pixel of the module].
  using ModuleReadouts = std::array<std::array<drs4::Readout, readout::pixels_per_module>, n_gains>;
  [[nodiscard]] ModuleReadouts readouts_of(std::size_t module) const;
  void correct_event(const RawEvent& event, std::size_t e, std::size_t module,
                     const ModuleReadouts& common, CorrectedBlock& out) const;
  /// @param needed a bit for each pixel of the module
  /// @return a bit for each of them that has a sample above the threshold
  unsigned correct_gain(const RawEvent& event, std::size_t e, std::size_t module, std::size_t gain,
                        unsigned needed, const ModuleReadouts& common, CorrectedBlock& out) const;
  /// @param chips a bit for each chip of the gain that is needed
  void find_lapses_and_spikes(const RawEvent& event, std::size_t module, std::size_t gain,
                              unsigned chips, ChipCorrections& out) const;

  std::shared_ptr<const Drs4Pedestal> pedestal_;
  RawCamera camera_;
  Drs4Options options_;
  std::size_t n_pixels_ = 0, n_modules_ = 0;
  drs4::NarrowBaselines narrow_baselines_;
  std::array<float, readout::n_samples> gain_threshold_;  ///< infinite where samples are not kept
  std::vector<drs4::ReadoutHistory> history_;             ///< [module]
  std::vector<std::uint16_t> previous_first_capacitor_;   ///< [module][chip]
  std::vector<std::uint16_t> all_pixels_;  ///< in read-out order, the missing ones last
};

}  // namespace alisio::calib
