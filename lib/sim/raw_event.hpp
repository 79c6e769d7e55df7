#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/sim/camera_model.hpp"

namespace alisio::sim {

/// How raw events are written: the format of the event builder until 2023 and that since.
enum class RawFormat { r0, r1v1 };

/// Return "r0" or "r1v1". parse_format throws Error(usage) with a suggestion.
[[nodiscard]] const char* to_string(RawFormat format) noexcept;
[[nodiscard]] RawFormat parse_format(std::string_view text);
/// Return the class of the rows of the Events table, "ProtoR1.CameraEvent" or "R1v1.Event".
[[nodiscard]] std::string event_class(RawFormat format);

/// What the event builder did to the events of a run before it wrote them.
struct Preprocessing {
  bool gain_selection = false;  ///< showers keep one gain; calibration events keep both
  bool baseline = false;        ///< DRS4 baselines are subtracted
  bool time_lapse = false;
  bool spikes = false;
  bool pe = false;  ///< samples are photo-electrons

  [[nodiscard]] bool any() const {
    return gain_selection || baseline || time_lapse || spikes || pe;
  }
  /// Return the bits of tdp_action for events that keep both gains, or one.
  [[nodiscard]] std::uint32_t actions(bool one_gain) const;
  /// Parse "baseline,time-lapse,spikes,pe,gain-selection", any of them in any order.
  /// @throws Error(usage) with a suggestion; photo-electrons need all three corrections.
  static Preprocessing parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  friend bool operator==(const Preprocessing&, const Preprocessing&) = default;
};

/// Samples are stored as round((sample + offset) * scale).
struct SampleCode {
  float scale = 1, offset = 0;
};
/// Return how samples are stored: as counted unless something was subtracted from them.
[[nodiscard]] SampleCode sample_code(const Preprocessing& preprocessing);

/// What the files of one run say of it.
struct RawRun {
  int run = 0;
  int telescope = 1;
  std::int64_t start_utc_s = 0;   ///< unix
  std::int64_t start_tai_ns = 0;  ///< unix
  std::vector<std::size_t> missing_modules = {};
  Preprocessing preprocessing = {};
};

/// One event as the event builder has it.
struct RawEvent {
  std::uint64_t id = 0;
  std::int64_t time_ns = 0;  ///< since the start of the run; the devices' pulses count from there
  std::uint8_t trigger = 0;  ///< bits of trigger_bit
  std::span<const std::uint16_t> waveform;    ///< [gain][read-out position][sample]
  std::span<const std::uint16_t> first_cell;  ///< [chip]
  std::int64_t stamp_ns = 0;                  ///< time that the time stamper reports
  std::uint8_t stamp_trigger = 0;             ///< trigger bits that it reports
  /// [read-out position], 1 where low gain is kept; empty: both gains are
  std::span<const std::uint8_t> low_gain_chosen;
};

/// Return the module clock at an event, without the module's offset, ticks.
[[nodiscard]] std::uint64_t clock_ticks(std::int64_t time_ns) noexcept;

/// Return the bytes of the read-out boards' counters, 22 for each module: u16 pulse per second, u32
/// 10 MHz, u32 event, u32 trigger, u64 module clock.
void fill_counters(const CameraModel& camera, const RawEvent& event,
                   std::vector<std::uint8_t>& out);
/// Return the 12 bytes of the trigger interface board and the 36 of the time stamper.
void fill_tib(const RawEvent& event, std::vector<std::uint8_t>& out);
void fill_cdts(const RawRun& run, const RawEvent& event, std::vector<std::uint8_t>& out);

/// Writes one stream of a subrun: camera description, then events, compressed column by column with
/// the schemes of LST files.
class StreamFile {
 public:
  /// @param max_events the most events that may follow
  /// @throws Error(resource).
  StreamFile(const std::filesystem::path& path, RawFormat format, const CameraModel& camera,
             const RawRun& run, std::size_t max_events);
  ~StreamFile();
  StreamFile(StreamFile&&) noexcept;
  StreamFile& operator=(StreamFile&&) = delete;

  /// @throws Error(resource).
  void write(const RawEvent& event);
  /// Give the file its final name. @throws Error(resource).
  void close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace alisio::sim
