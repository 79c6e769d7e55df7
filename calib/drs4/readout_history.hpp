#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "calib/drs4/lapse_baselines.hpp"
#include "calib/drs4/readout.hpp"

namespace alisio::calib::drs4 {

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
  /// Bring what find() reads into the cache.
  void fetch() const;
  /// A readout of a chip, and what gets the lapses of its capacitors.
  struct Readout {
    std::size_t chip, first_capacitor;
    LapseBaselines* out;
  };
  /// Find when the capacitors of readouts of one event were read out last, for evaluate_lapses(). A
  /// clock that stands still or runs back gives no elapsed time, and so no gain.
  /// @param newer readouts, of those added last, that are not earlier than these
  void find(std::span<const Readout> readouts, std::uint64_t clock, std::size_t newer) const;
  /// The same for one readout, step by step: where there are no wide vectors, or they do not
  /// decide. What lapses come to is the same, how they are noted is not.
  void find_scalar(const Readout& readout, std::uint64_t clock, std::size_t newer) const;

 private:
  void make_room();
  /// @tparam with_besides whether some readout can read besides what this one reads
  template <bool with_besides>
  void find_with(const Readout& readout, std::uint64_t clock, std::size_t newer) const;
  /// The last of the earlier readouts that overlap one: their numbers from `start` on, and first
  /// capacitors.
  struct Latest;
  /// Fill `readout.out` from them, all at once.
  /// @return false, with it undefined, if they do not decide about every sample
  template <bool with_besides>
  bool find_from(const Latest& latest, const Readout& readout, std::uint64_t clock) const;
  /// find() with the widest instructions.
  void find_avx512(std::span<const Readout> readouts, std::uint64_t clock, std::size_t newer) const;

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
