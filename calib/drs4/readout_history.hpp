#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "calib/drs4/readout.hpp"

namespace alisio::calib::drs4 {

/// What the capacitors of one readout gained since each was read out last, ADC counts.
class LapseBaselines {
 public:
  /// Return whether every capacitor gained nothing.
  [[nodiscard]] bool empty() const noexcept { return n_ == 0; }
  /// Say that none did.
  void clear() noexcept { n_ = 0; }
  /// Return the baselines of the readout's samples, within time_lapse_uncertainty. @pre evaluate()
  /// @param pixel_in_module the chip's even pixels are read out at more places than the odd ones
  [[nodiscard]] const double* of(std::size_t pixel_in_module) const noexcept {
    return pixel_in_module % 2 == 0 && !alike_ ? even_.data() : odd_.data();
  }
  /// Fill what of() returns without that uncertainty.
  void make_exact();

 private:
  friend class ReadoutHistory;
  friend void evaluate(std::span<LapseBaselines> chips);
  void spread();

  /// Each earlier readout adds a sample to one of two sets of 40; one more may be written, and not
  /// counted. A multiple of 8, for vectors.
  static constexpr std::size_t most = 2 * readout::n_samples + 8;
  std::size_t n_ = 0;
  std::array<std::uint32_t, most> ticks_;                       ///< since the earlier readout
  std::array<std::uint64_t, most> odd_samples_, even_samples_;  ///< bit s: it read sample s last
  std::array<double, most> value_;
  std::array<double, readout::n_samples> odd_, even_;  ///< [sample]
  bool alike_ = true;                                  ///< even_ is odd_, and not filled
};

/// Compute the baselines of what was found for some chips, together: one evaluation of the power
/// law waits for itself most of the time.
/// @pre no more than the chips of one gain of a module
void evaluate(std::span<LapseBaselines> chips);

/// The readouts of the chips of one module, as far as they still matter: 100 ms of them.
///
/// A readout overlaps few of those before it, and they cover it after 300 events on average (40 of
/// 4096 capacitors are read out each time). To look for them, newest first, takes a few vector
/// comparisons in memory that stays in the cache; a table of the last readout of each of the
/// camera's 15 million capacitors would have to be read and written at random places.
///
/// No more than `most_events` are kept: LST would have to be read out at 40 kHz for 100 ms to need
/// more.
class ReadoutHistory {
 public:
  static constexpr std::size_t most_events = 4096;

  ReadoutHistory();

  /// Forget readouts that play no part at `clock` or later. Call it before the events of a block.
  /// A clock that later runs back over them does not find them again.
  /// @param clock ticks of the module clock; 0, of a module that sent no data, forgets nothing
  void forget(std::uint64_t clock);
  /// Note a readout of the module.
  /// @param first_capacitors [chip]
  /// @param clock ticks; after 0 the capacitors count as never read out
  void add(std::span<const std::uint16_t> first_capacitors, std::uint64_t clock);
  /// Find when the capacitors of a readout were read out last, for evaluate(). A clock that stands
  /// still or runs back gives no elapsed time, and so no gain.
  /// @param newer readouts, of those added last, that are not earlier than this one
  void find(std::size_t chip, std::size_t first_capacitor, std::uint64_t clock, std::size_t newer,
            LapseBaselines& out) const;

 private:
  void make_room();

  std::size_t begin_, end_;                     ///< readouts that count
  std::size_t capacity_;                        ///< a chip's
  std::uint64_t previous_clock_ = 0;            ///< of forget()
  std::vector<std::uint16_t> first_capacitor_;  ///< [chip][readout]
  std::vector<std::uint64_t> clock_;            ///< [readout]
};

/// Numbers that find_overlaps() may write, and not count.
inline constexpr std::size_t overlap_room = 32;

/// Find the readouts that overlap one at `first_capacitor`: by their 40 capacitors, or by those
/// that the chip reads besides for even pixels.
/// @param begins [n], first capacitors of the earlier readouts, oldest first
/// @param n a multiple of 32, below 65536
/// @param found [n + overlap_room], gets the numbers of those that do, ascending
/// @return how many these are
std::size_t find_overlaps_scalar(const std::uint16_t* begins, std::size_t n,
                                 std::size_t first_capacitor, std::uint16_t* found);
/// The same, with the widest instructions of the machine.
std::size_t find_overlaps(const std::uint16_t* begins, std::size_t n, std::size_t first_capacitor,
                          std::uint16_t* found);

}  // namespace alisio::calib::drs4
