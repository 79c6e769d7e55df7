#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "calib/constants/constants.hpp"
#include "calib/drs4/readout_history.hpp"
#include "calib/r0/r0_source.hpp"
#include "lib/base/large_vector.hpp"
#include "lib/flow/thread_pool.hpp"

namespace alisio::calib {

struct Drs4PedestalOptions {
  /// Samples at both ends of a readout that are noisy and left out.
  std::size_t skip_front = 10, skip_end = 1;
};

/// Channels and capacitors that are not as they should be.
struct OddCells {
  std::size_t missing_channels = 0;  ///< no readout at all: not in the file, or broken
  std::size_t empty_cells = 0;       ///< never read out, in channels that are not missing
  std::size_t single_cells = 0;      ///< read out once: their std is not known
  // Capacitors whose mean is odd for a raw baseline of about 400 ADC counts, and for one that the
  // event builder has subtracted already.
  std::size_t negative_cells = 0;  ///< mean below 0
  std::size_t small_cells = 0;     ///< mean below 25
  std::size_t large_cells = 0;     ///< mean farther than 25 from 0

  OddCells& operator+=(const OddCells& other);
};

/// What a run of random triggers says of the capacitors, ADC counts. Arrays are [gain][pixel]…,
/// flattened, pixels in camera-geometry order. They lie one after the other, as a row of the file
/// does, so that nothing of this size is copied.
class MeasuredDrs4Pedestal {
 public:
  MeasuredDrs4Pedestal() = default;
  explicit MeasuredDrs4Pedestal(std::size_t n_pixels);

  [[nodiscard]] std::size_t n_pixels() const { return n_pixels_; }
  /// [gain][pixel][capacitor]. Of a capacitor that was never read out, the mean over the other
  /// capacitors of the channel; 0 if the channel has none.
  [[nodiscard]] std::span<std::int16_t> baseline_mean() {
    return {items<std::int16_t>(0), cells()};
  }
  /// [gain][pixel][capacitor], of single readouts; 0 if there are fewer than two.
  [[nodiscard]] std::span<std::int16_t> baseline_std() { return {items<std::int16_t>(1), cells()}; }
  /// [gain][pixel][capacitor], readouts without spike; 0 flags the values above.
  [[nodiscard]] std::span<std::uint16_t> baseline_counts() {
    return {items<std::uint16_t>(2), cells()};
  }
  /// [gain][pixel][3], of the three samples of a spike. Of a channel where it cannot be told, the
  /// mean over the camera; 0 if no channel can tell.
  [[nodiscard]] std::span<std::int16_t> spike_height() {
    return {items<std::int16_t>(3), channels() * readout::n_spike_samples};
  }
  /// Return what r0_to_dl1 would read from the file of this.
  [[nodiscard]] Drs4Pedestal constants();
  /// The four, one after the other.
  [[nodiscard]] std::span<const std::byte> row() const { return bytes_; }

  OddCells odd;
  std::size_t unknown_spikes = 0;    ///< channels that carry the camera's mean spike height
  bool baseline_subtracted = false;  ///< by the event builder

 private:
  friend class Drs4PedestalMeter;
  [[nodiscard]] std::size_t channels() const { return n_gains * n_pixels_; }
  [[nodiscard]] std::size_t cells() const { return channels() * n_capacitors; }
  /// Return where array `i` of 16-bit items begins.
  template <typename Item>
  [[nodiscard]] Item* items(std::size_t i) {
    return reinterpret_cast<Item*>(bytes_.data() + i * cells() * sizeof(std::int16_t));
  }
  std::size_t n_pixels_ = 0;
  LargeVector<std::byte> bytes_;
};

/// Measures baseline and spikes of each DRS4 capacitor from random triggers. The time lapse is
/// corrected first, so what each chip read out lately is kept: blocks must come in order; the
/// modules of a block are independent.
///
/// Means and variances are Welford's running ones, in the peers' order of operations, because the
/// last bit of a mean decides how it is rounded when it lies half-way (lstchain's OnlineStats).
/// Statistics are arrays per channel, so that the 29 capacitors of a readout are updated as
/// vectors: 18 bytes a capacitor. Fresh memory costs more than the arithmetic: counts are made
/// where the result has them. Spike samples are a hundredth of all; they are listed and summed at
/// the end.
class Drs4PedestalMeter {
 public:
  /// @param n_pixels of the camera; the file may have fewer.
  /// @throws Error(bad_input) if the file has not as many pixels as its modules, or pixels that the
  /// camera does not have; Error(configuration) if the options leave no sample.
  Drs4PedestalMeter(RawCamera camera, std::size_t n_pixels, const Drs4PedestalOptions& options);

  /// Readouts of one capacitor that can be counted.
  static constexpr std::size_t most_events = 65535;

  [[nodiscard]] std::size_t module_count() const noexcept { return camera_.module_ids.size(); }

  /// Note the events of a block. Call once for each block, before add().
  /// @throws Error(bad_input) for events that give no baseline: one gain only, cut readouts,
  /// photo-electrons, or more than most_events.
  void begin(const RawBlock& block);
  /// Add the readouts of one module in all events of a block. Calls for different modules may run
  /// at once.
  void add(const RawBlock& block, std::size_t module);
  /// Return what was measured, and give the memory of the statistics back.
  [[nodiscard]] MeasuredDrs4Pedestal finish(flow::ThreadPool& pool);

 private:
  /// One sample of a spike.
  struct SpikeSample {
    std::uint16_t channel;  ///< in the module
    std::uint16_t place;    ///< capacitor + 4096 * (0, 1, 2: sample of the spike)
    float value;
  };
  /// Add the events of a block, whose readouts are noted in the history, to the two pixels of a
  /// chip: their statistics stay in the cache meanwhile.
  void add_chip(const RawBlock& block, std::size_t module, std::size_t chip);
  /// Write the results of one module; the heights of its spikes, NaN if unknown, go to `heights`.
  /// Calls for different modules may run at once. @return the counts of odd cells alone.
  [[nodiscard]] OddCells finish_module(std::size_t module, std::vector<float>& heights);

  RawCamera camera_;
  std::size_t n_pixels_ = 0;
  Drs4PedestalOptions options_;
  std::size_t events_ = 0;
  bool baseline_subtracted_ = false;
  MeasuredDrs4Pedestal result_;
  // [gain][pixel][capacitor]
  LargeVector<double> mean_, squares_;         ///< squares: sum of squared deviations from the mean
  std::uint16_t* counts_ = nullptr;            ///< in result_
  std::vector<drs4::ReadoutHistory> history_;  ///< [module]
  std::vector<std::uint16_t> previous_first_capacitor_;  ///< [module][chip]
  std::vector<std::vector<SpikeSample>> spikes_;         ///< [module]
};

}  // namespace alisio::calib
