#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "calib/r0/event_clock.hpp"
#include "calib/r0/raw_camera.hpp"
#include "lib/base/error.hpp"
#include "lib/io/zfits/zfits.hpp"

/// One file of raw events, and what single events of it hold.
namespace alisio::calib {

/// The columns that are read of events.
enum class RawField : std::size_t {
  event_id,
  event_type,
  time_s,
  time_qns,
  num_channels,
  num_samples,
  waveform,
  status,
  first_capacitor,
  module_clock,
  module_status,
  devices,
  tib,
  ucts,
  board_counters,
  tdp_action,
  time_shift
};

inline constexpr std::array all_raw_fields = {
    RawField::event_id,     RawField::event_type,    RawField::time_s,
    RawField::time_qns,     RawField::num_channels,  RawField::num_samples,
    RawField::waveform,     RawField::status,        RawField::first_capacitor,
    RawField::module_clock, RawField::module_status, RawField::devices,
    RawField::tib,          RawField::ucts,          RawField::board_counters,
    RawField::tdp_action,   RawField::time_shift};

/// Something of each field.
template <typename T>
class PerRawField {
 public:
  [[nodiscard]] T& operator[](RawField field) { return values_[static_cast<std::size_t>(field)]; }
  [[nodiscard]] const T& operator[](RawField field) const {
    return values_[static_cast<std::size_t>(field)];
  }

 private:
  std::array<T, all_raw_fields.size()> values_{};
};

using RawColumns = PerRawField<zfits::DecodedColumn>;

/// The events of one stream of one subrun.
struct RawStream {
  std::filesystem::path path;
  zfits::File file;
  zfits::Table events;
  bool r1v1 = false;                               ///< the format of 2023 and later; else ProtoR1
  bool volume_reduced = false;                     ///< pixels without DVR bits are not stored
  PerRawField<std::optional<std::size_t>> column;  ///< nothing: the file has none
  PerRawField<zfits::ItemType> type;
};

/// Open a file of raw events. @param most_tiles as of zfits::File::open
/// @throws Error(missing_input, bad_input) if it is not there, or holds no raw events of LST.
[[nodiscard]] RawStream open_raw_stream(
    const std::filesystem::path& path,
    std::size_t most_tiles = std::numeric_limits<std::size_t>::max());

/// @throws Error(bad_input) if there are events but not these columns of them.
void require(const RawStream& stream, std::span<const RawField> fields);

/// One event of a decoded tile; refers to what it is made of.
class RawEventRow {
 public:
  RawEventRow(const RawStream& stream, const RawColumns& columns, std::size_t tile, std::size_t row)
      : stream_(stream), columns_(columns), tile_(tile), row_(row) {}

  [[nodiscard]] bool has(RawField field) const { return stream_.column[field].has_value(); }
  /// Return an integer of any width, 0 if there is none.
  [[nodiscard]] std::uint64_t integer(RawField field) const {
    return has(field) ? zfits::integer_item(columns_[field], stream_.type[field], row_) : 0;
  }
  /// Return the little-endian items of a field, none if the file has no such column.
  [[nodiscard]] std::span<const std::byte> bytes(RawField field) const {
    return has(field) ? columns_[field].row(row_) : std::span<const std::byte>{};
  }
  [[nodiscard]] std::size_t item_size(RawField field) const {
    return zfits::item_size(stream_.type[field]);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return stream_.path; }
  /// Return an error that names file, tile, row and event.
  [[nodiscard]] Error damaged(const std::string& what) const;

 private:
  const RawStream& stream_;
  const RawColumns& columns_;
  std::size_t tile_, row_;
};

/// Return what TIB and UCTS say of an event, not repaired. @throws Error(bad_input).
[[nodiscard]] TriggerData read_trigger(const RawEventRow& event, const RawCamera& camera);

/// Return the position of the first module that has data, 0 if the file does not tell which have.
/// @throws Error(bad_input) if none has.
[[nodiscard]] std::size_t first_module_with_data(const RawEventRow& event);

/// Return the time counter of a module since the start of the run, ns.
/// @param module position in the read-out order @throws Error(bad_input) if it has none.
[[nodiscard]] std::uint64_t module_counter_ns(const RawEventRow& event, std::size_t module);

/// Fill in the local clocks of all modules, in ticks. @throws Error(bad_input) if some are missing.
void read_module_clocks(const RawEventRow& event, std::span<std::uint64_t> clocks);

}  // namespace alisio::calib
