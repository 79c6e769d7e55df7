#include "calib/r0/raw_stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace alisio::calib {
namespace {

/// A field's name, for messages, and its protobuf paths; an empty one: the format has none.
struct FieldNames {
  const char *name, *proto_r1, *r1v1;
};

constexpr std::array<FieldNames, all_raw_fields.size()> field_names = {{
    {"event_id", "2", "1"},
    {"event_type", "", "4"},
    {"event_time_s", "", "5"},
    {"event_time_qns", "", "6"},
    {"num_channels", "", "7"},
    {"num_samples", "", "8"},
    {"waveform", "7", "11"},
    {"pixel_status", "8", "12"},
    {"first_capacitor_id", "11.8", "13"},
    {"local_clock_counter", "", "14"},
    {"module_status", "11.1", "17.1"},
    {"extdevices_presence", "11.2", "17.2"},
    {"tib_data", "11.3", "17.3"},
    {"cdts_data", "11.4", "17.4"},
    {"counters", "11.6", "17.6"},
    {"tdp_action", "", "17.10"},
    {"pixel_time_shift", "", "18"},
}};

const char* path_of(RawField field, bool r1v1) {
  const FieldNames& names = field_names[static_cast<std::size_t>(field)];
  return r1v1 ? names.r1v1 : names.proto_r1;
}

/// Bits of the devices that have data in an event.
constexpr std::uint64_t tib_present = 1, ucts_present = 2;

/// Layout of the opaque structures of a Dragon board, the TIB and the UCTS, in bytes.
namespace board {
constexpr std::size_t size = 22, pps = 0, ten_mhz = 2, local_clock = 14;
}
namespace tib {
constexpr std::size_t size = 12, type = 11;
}
struct UctsLayout {
  std::size_t size, time, type;
};
constexpr UctsLayout ucts_layout{36, 0, 28}, early_ucts_layout{31, 12, 28};
/// Last event builder with the early layout.
constexpr std::int64_t last_early_version = 37201;

template <typename T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

bool is_r1v1(const std::string& message_class, const std::filesystem::path& path) {
  if (message_class == "R1v1.Event" || message_class == "CTAR1.Event") return true;
  if (message_class == "ProtoR1.CameraEvent" || message_class == "R1.CameraEvent") return false;
  throw Error(ErrorKind::bad_input,
              fmt::format("events of class '{}' are not raw events of LST", message_class),
              path.string(), "give an R0 file, with ProtoR1.CameraEvent or R1v1.Event inside");
}

}  // namespace

RawStream open_raw_stream(const std::filesystem::path& path, std::size_t most_tiles) {
  zfits::File file = zfits::File::open(path, most_tiles);
  const zfits::Table events = file.table("Events");
  const std::string origin = events.header().text("ORIGIN").value_or("");
  if (origin != "CTA" && origin != "CTAO")
    throw Error(ErrorKind::bad_input, fmt::format("ORIGIN is '{}', not CTA or CTAO", origin),
                path.string(), "give an R0 file of LST");
  RawStream stream{.path = path,
                   .file = std::move(file),
                   .events = events,
                   .r1v1 = is_r1v1(events.message_class(), path),
                   .volume_reduced = events.header().logical("LSTDVR").value_or(false),
                   .column = {},
                   .type = {}};
  for (const RawField field : all_raw_fields) {
    const char* const field_path = path_of(field, stream.r1v1);
    if (*field_path == '\0') continue;
    stream.column[field] = events.find_field(field_path);
    if (stream.column[field]) stream.type[field] = events.columns()[*stream.column[field]].type;
  }
  return stream;
}

void require(const RawStream& stream, std::span<const RawField> fields) {
  if (stream.events.row_count() == 0) return;
  for (const RawField field : fields)
    if (!stream.column[field])
      throw Error(ErrorKind::bad_input,
                  fmt::format("the events have no column {} (field {})",
                              field_names[static_cast<std::size_t>(field)].name,
                              path_of(field, stream.r1v1)),
                  stream.path.string() + ", Events", "give an R0 file of LST");
}

Error RawEventRow::damaged(const std::string& what) const {
  return {ErrorKind::bad_input, what,
          fmt::format("{}, Events, tile {}, row {}, event {}", stream_.path.string(), tile_, row_,
                      integer(RawField::event_id)),
          "restore the file"};
}

TriggerData read_trigger(const RawEventRow& event, const RawCamera& camera) {
  TriggerData trigger;
  const std::uint64_t present = event.integer(RawField::devices);
  if ((present & tib_present) != 0 && event.has(RawField::tib)) {
    const auto data = event.bytes(RawField::tib);
    if (data.size() < tib::size) throw event.damaged("the TIB data are cut short");
    trigger.has_tib = true;
    trigger.tib_type = load<std::uint8_t>(&data[tib::type]);
  }
  if ((present & ucts_present) != 0 && event.has(RawField::ucts)) {
    const bool early = !camera.r1v1 && camera.event_builder_version <= last_early_version;
    const UctsLayout& layout = early ? early_ucts_layout : ucts_layout;
    const auto data = event.bytes(RawField::ucts);
    if (data.size() < layout.size) throw event.damaged("the UCTS data are cut short");
    trigger.has_ucts = true;
    trigger.ucts_time_tai_ns = load<std::uint64_t>(&data[layout.time]);
    trigger.ucts_type = load<std::uint8_t>(&data[layout.type]);
  }
  return trigger;
}

std::size_t first_module_with_data(const RawEventRow& event) {
  const auto has_data = event.bytes(RawField::module_status);
  if (has_data.empty()) return 0;
  const auto first = std::find_if(has_data.begin(), has_data.end(),
                                  [](std::byte one) { return one != std::byte{0}; });
  if (first == has_data.end()) throw event.damaged("no module has data");
  return static_cast<std::size_t>(first - has_data.begin());
}

std::uint64_t module_counter_ns(const RawEventRow& event, std::size_t module) {
  const auto boards = event.bytes(RawField::board_counters);
  if (module >= boards.size() / board::size)
    throw event.damaged(
        fmt::format("there are no counters of module {}, which the times refer to", module));
  const std::byte* const counters = &boards[module * board::size];
  return combine_counters(load<std::uint16_t>(counters + board::pps),
                          load<std::uint32_t>(counters + board::ten_mhz));
}

void read_module_clocks(const RawEventRow& event, std::span<std::uint64_t> clocks) {
  const auto boards = event.bytes(RawField::board_counters);
  const auto of_modules = event.bytes(RawField::module_clock);
  if (boards.size() >= clocks.size() * board::size) {
    for (std::size_t m = 0; m < clocks.size(); ++m)
      clocks[m] = load<std::uint64_t>(&boards[m * board::size + board::local_clock]);
  } else if (of_modules.size() >= clocks.size_bytes()) {
    std::memcpy(clocks.data(), of_modules.data(), clocks.size_bytes());
  } else {
    throw event.damaged(fmt::format("no clock counters of {} modules", clocks.size()));
  }
}

}  // namespace alisio::calib
