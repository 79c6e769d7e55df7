#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "calib/r0/event_clock.hpp"
#include "calib/r0/raw_camera.hpp"
#include "lib/base/timings.hpp"
#include "lib/event/event_type.hpp"
#include "lib/flow/thread_pool.hpp"

namespace alisio::calib {

/// Steps that the event builder has already done, bits of RawEvent::preprocessing.
namespace preprocessing {
inline constexpr std::uint32_t gain_selection = 1u << 0, baseline_subtraction = 1u << 1,
                               time_lapse = 1u << 2, spikes = 1u << 3, pedestal = 1u << 5,
                               pe_calibration = 1u << 6;
}

/// Bits of the pixel status byte.
namespace pixel_status {
inline constexpr std::uint8_t dvr = 0x03, high_gain_stored = 0x04, low_gain_stored = 0x08;
}

/// One event as it was read. The spans point into decoded tiles, little-endian items in read-out
/// order, and live as long as the block is not filled again.
struct RawEvent {
  std::int64_t event_id = 0;
  std::int64_t time_tai_ns = 0;  ///< TAI unix
  EventType type = EventType::unknown;
  TriggerData trigger;  ///< repaired
  bool ucts_jump = false;
  std::uint32_t preprocessing = 0;
  std::size_t n_gains = 2;                         ///< stored for each pixel: 2, or 1 if selected
  std::span<const std::uint16_t> waveform;         ///< [gain][stored row][sample]
  std::span<const std::uint8_t> pixel_status;      ///< [position], with DVR bits set if none were
  std::span<const std::uint16_t> first_capacitor;  ///< [module position][chip]
  std::span<const std::uint64_t> module_clock;     ///< [module position], ticks
  std::span<const std::int16_t> pixel_time_shift;  ///< [gain][stored row], 10 ps; empty if none
  /// [position] → row of the pixel in waveform, 65535 if it was not stored; empty if all are.
  std::span<const std::uint16_t> stored_row;
  std::size_t n_stored = 0;   ///< pixels in waveform
  std::size_t n_samples = 0;  ///< of each pixel and gain
};

/// Consecutive events. Reuse one object for many blocks: in steady state nothing is allocated.
struct RawBlock {
  std::size_t first_index = 0;  ///< number of the first event in the job, from 0
  std::vector<RawEvent> events;

 private:
  friend class R0Source;
  std::vector<std::shared_ptr<const void>> tiles_;
  std::vector<std::uint64_t> clocks_;
  std::vector<std::uint16_t> capacitors_, rows_;
  std::vector<std::uint8_t> status_;
};

struct R0Options {
  std::size_t block_events = 32;
  std::optional<std::int64_t> max_events;
  /// Go on into the following subruns, each stream by itself, until a file is missing: how
  /// calibration runs are read.
  bool all_subruns = false;
  /// From the run summary; otherwise the first event gives it (old format only).
  std::optional<ReferenceTime> reference_time;
  TriggerSource trigger_source = TriggerSource::ucts;
  /// Ids of the events that are interleaved pedestals, ascending: those take the place of what the
  /// trigger says, as find-pedestals finds them. Nothing: the trigger counts.
  std::optional<std::vector<std::int64_t>> pedestal_ids;
  Timings* timings = nullptr;  ///< gets the time of decoding and putting together
};

/// The raw events of one subrun, merged from its streams in the order of their ids.
class R0Source {
 public:
  /// Open a file; if its name is that of a stream, LST-<t>.<s>.Run<r>.<subrun>….fits.fz, the other
  /// streams of the subrun too.
  /// @throws Error(missing_input) if the file, or a stream before an existing one, is not there;
  /// Error(bad_input) if the files are not raw events of LST, or of different kinds.
  R0Source(const std::filesystem::path& file, const R0Options& options);
  ~R0Source();
  R0Source(R0Source&&) noexcept;
  R0Source& operator=(R0Source&&) noexcept;

  [[nodiscard]] const RawCamera& camera() const noexcept;
  /// Files that were opened, stream by stream.
  [[nodiscard]] const std::vector<std::filesystem::path>& files() const noexcept;
  /// Events that next_block will hand out in all.
  [[nodiscard]] std::size_t event_count() const noexcept;

  struct Counters {
    std::size_t empty_events = 0;  ///< event_id 0, skipped
    std::size_t ucts_jumps = 0, ucts_behind = 0, unknown_type = 0;
    std::size_t listed = 0, made_pedestal = 0, made_physics = 0;  ///< by pedestal_ids
  };
  [[nodiscard]] const Counters& counters() const noexcept;

  /// Fill a block with the next events; false at the end. Tiles are decoded ahead by the pool.
  /// Call in order, from one thread.
  /// @throws Error(bad_input) naming file, tile and column of damaged data.
  bool next_block(RawBlock& block, flow::ThreadPool& pool);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace alisio::calib
