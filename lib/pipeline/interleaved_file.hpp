#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lib/base/observer.hpp"
#include "lib/event/event_type.hpp"
#include "lib/instrument/telescope.hpp"
#include "lib/io/hdf5/table.hpp"

/// The file of interleaved events: calibrated waveforms of flat-field and pedestal events, for
/// Cat-B, in the layout of ctapipe's DataWriter. Waveforms are fixed-point numbers: stored =
/// round(value * 60) + 400, with three reserved values. Both gains are always there; what was not
/// stored of an event is NaN.
namespace alisio::pipeline {

/// How waveforms are stored in 16 bits.
namespace fixed_point {
inline constexpr float scale = 60;
inline constexpr float offset = 400;
inline constexpr std::uint16_t negative_infinity = 65533, not_a_number = 65534,
                               positive_infinity = 65535;

/// Encode as ctapipe's FixedPointColumnTransform does: rounded half to even in float.
[[nodiscard]] std::uint16_t encode(float value);
[[nodiscard]] float decode(std::uint16_t stored);
}  // namespace fixed_point

/// One event as it is written.
struct InterleavedEvent {
  std::int64_t event_id = 0;
  std::int64_t time_tai_ns = 0;
  EventType type = EventType::unknown;
  std::span<const float* const> waveforms;     ///< [gain][pixel], first sample, p.e.
  std::span<const std::uint8_t> missing;       ///< [gain][pixel], 1: not stored
  std::span<const float> peak_time;            ///< [gain][pixel], ns
  std::span<const std::uint8_t> pixel_status;  ///< [pixel]
};

/// Makes the file. prepare() may run on any thread, the rest in event order on one.
class InterleavedWriter {
 public:
  /// @param start_tai_ns start of the run
  InterleavedWriter(const std::filesystem::path& path, const instrument::Telescope& telescope,
                    std::int64_t obs_id, std::size_t n_samples, std::int64_t start_tai_ns);

  /// An event ready for the disk.
  struct Prepared {
    std::int64_t event_id = 0, event_type = 0;
    std::uint32_t time[2] = {};  ///< TAI seconds, quarter nanoseconds
    hdf5::CompressedChunk waveform;
    std::vector<float> peak_time;
  };
  [[nodiscard]] Prepared prepare(const InterleavedEvent& event) const;
  void write(const Prepared& event);
  [[nodiscard]] std::size_t events() const { return events_; }
  /// @throws Error(resource).
  void finish(const ProductMetadata& metadata);

 private:
  hdf5::File file_;
  std::int64_t obs_id_;
  std::int16_t tel_id_;
  std::size_t n_pixels_, n_samples_, events_ = 0;
  hdf5::TableWriter waveforms_, images_, trigger_, tel_trigger_;
};

/// Interleaved events that are read, in their order; ours and the peers', with both gains or with
/// the selected one.
class InterleavedReader {
 public:
  /// @throws Error(missing_input), Error(bad_input) naming file and table.
  InterleavedReader(const std::filesystem::path& path, std::size_t n_pixels);
  ~InterleavedReader();
  InterleavedReader(InterleavedReader&&) noexcept;

  /// One event; reused.
  struct Event {
    EventType type = EventType::unknown;
    double unix_s = 0;                  ///< UTC
    std::vector<float> waveform;        ///< [gain][pixel][sample]; 0 where missing
    std::vector<float> peak_time;       ///< [gain][pixel]
    std::vector<std::uint8_t> missing;  ///< [gain][pixel], 1: not stored
  };
  [[nodiscard]] std::size_t event_count() const;
  [[nodiscard]] std::size_t n_samples() const;
  /// Read event i. @throws Error(bad_input).
  void read(std::size_t i, Event& event) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace alisio::pipeline
