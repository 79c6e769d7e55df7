#include "lib/pipeline/run_head.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>

#include "calib/r0/event_clock.hpp"
#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "lib/io/fits/byte_source.hpp"
#include "lib/io/fits/header.hpp"
#include "lib/io/zfits/zfits.hpp"
#include "lib/sky/time.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;
namespace {

/// Tiles of a stream that hold more events than anybody looks at: a tile has some 20.
constexpr std::size_t most_tiles = 100;

enum Field : std::size_t { event_id, type, module_status, devices, tib, cdts, counters, n_fields };
/// Protobuf paths of the columns.
constexpr std::array<const char*, n_fields> proto_r1_path = {"2",    "",     "11.1", "11.2",
                                                             "11.3", "11.4", "11.6"};
constexpr std::array<const char*, n_fields> r1v1_path = {"1", "4", "", "", "", "", ""};

/// Layout of the opaque structures of module counters, TIB and UCTS, in bytes.
constexpr std::size_t board_size = 22, board_ten_mhz = 2;
constexpr std::size_t tib_size = 12, tib_type = 11;
struct UctsLayout {
  std::size_t size, time, type;
};
constexpr UctsLayout ucts_layout{36, 0, 28}, early_ucts_layout{31, 12, 28};
/// Last event builder with the early UCTS structure.
constexpr std::int64_t last_early_version = 37201;

constexpr std::uint64_t mono_trigger = 1;

template <typename T>
T load(std::span<const std::byte> bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

std::uint64_t integer_item(const zfits::DecodedColumn& column, zfits::ItemType type,
                           std::size_t row) {
  if (column.row(row).empty()) return 0;
  switch (zfits::item_size(type)) {
    case 1:
      return column.item<std::uint8_t>(row);
    case 2:
      return column.item<std::uint16_t>(row);
    case 4:
      return column.item<std::uint32_t>(row);
    default:
      return column.item<std::uint64_t>(row);
  }
}

/// One row of a table of settings, by protobuf path.
class Settings {
 public:
  Settings(const zfits::File& file, const char* table)
      : table_(file.table(table)), where_(file.path() + ", " + table) {
    if (table_.row_count() == 0) throw Error(ErrorKind::bad_input, "is empty", where_);
  }
  [[nodiscard]] std::uint64_t integer(const char* field) {
    const std::size_t c = decode(field);
    return integer_item(column_, table_.columns()[c].type, 0);
  }
  [[nodiscard]] std::vector<std::uint16_t> words(const char* field) {
    decode(field);
    std::vector<std::uint16_t> out(column_.item_count<std::uint16_t>(0));
    column_.copy_row<std::uint16_t>(0, out);
    return out;
  }
  /// The number that a text begins with, 0 if there is none.
  [[nodiscard]] std::int64_t leading_number(const char* field) {
    if (!table_.find_field(field)) return 0;
    decode(field);
    const auto row = column_.row(0);
    std::string text(row.size(), '\0');
    if (!row.empty()) std::memcpy(text.data(), row.data(), row.size());
    return std::strtoll(text.c_str(), nullptr, 10);
  }

 private:
  std::size_t decode(const char* field) {
    const auto c = table_.find_field(field);
    if (!c)
      throw Error(ErrorKind::bad_input, fmt::format("has no field {}", field), where_,
                  "is this a raw file of LST?");
    table_.decode(0, *c, column_, scratch_);
    return *c;
  }
  const zfits::Table& table_;
  std::string where_;
  zfits::DecodedColumn column_;
  zfits::DecodeScratch scratch_;
};

/// The events of one stream from the first on, tile by tile.
class StreamHead {
 public:
  StreamHead(const fs::path& path, const zfits::Table& events, bool r1v1)
      : path_(path), events_(events) {
    for (std::size_t f = 0; f < n_fields; ++f) {
      const char* field = (r1v1 ? r1v1_path : proto_r1_path)[f];
      if (*field == '\0') continue;
      index_[f] = events.find_field(field);
      if (index_[f]) type_[f] = events.columns()[*index_[f]].type;
    }
    if (events.row_count() > 0 && !index_[event_id])
      throw Error(ErrorKind::bad_input, "the events have no identifiers", path.string());
    read_tile();
  }

  /// False at the end, or when most_tiles were read.
  [[nodiscard]] bool has_event() const { return tile_ < events_.tile_count(); }
  [[nodiscard]] std::uint64_t id() const { return integer(event_id); }
  [[nodiscard]] std::uint64_t integer(Field field) const {
    return index_[field] ? integer_item(column_[field], type_[field], row_) : 0;
  }
  [[nodiscard]] std::span<const std::byte> bytes(Field field) const {
    return index_[field] ? column_[field].row(row_) : std::span<const std::byte>{};
  }
  void advance() {
    if (++row_ < events_.rows_in_tile(tile_)) return;
    ++tile_;
    row_ = 0;
    read_tile();
  }
  [[nodiscard]] Error damaged(const std::string& what) const {
    return {ErrorKind::bad_input, what,
            fmt::format("{}, Events, tile {}, row {}", path_.string(), tile_, row_)};
  }

 private:
  void read_tile() {
    while (tile_ < events_.tile_count() && events_.rows_in_tile(tile_) == 0) ++tile_;
    if (!has_event()) return;
    for (std::size_t f = 0; f < n_fields; ++f)
      if (index_[f]) events_.decode(tile_, *index_[f], column_[f], scratch_);
  }

  fs::path path_;
  zfits::Table events_;
  std::array<std::optional<std::size_t>, n_fields> index_;
  std::array<zfits::ItemType, n_fields> type_{};
  std::array<zfits::DecodedColumn, n_fields> column_;
  zfits::DecodeScratch scratch_;
  std::size_t tile_ = 0, row_ = 0;
};

calib::TriggerData trigger_of(const StreamHead& event, const UctsLayout& layout) {
  calib::TriggerData trigger;
  const std::uint64_t present = event.integer(devices);
  if (const auto bytes = event.bytes(tib); (present & 1) != 0 && !bytes.empty()) {
    if (bytes.size() < tib_size) throw event.damaged("the TIB data are cut short");
    trigger.has_tib = true;
    trigger.tib_type = load<std::uint8_t>(bytes, tib_type);
  }
  if (const auto bytes = event.bytes(cdts); (present & 2) != 0 && !bytes.empty()) {
    if (bytes.size() < layout.size) throw event.damaged("the UCTS data are cut short");
    trigger.has_ucts = true;
    trigger.ucts_time_tai_ns = load<std::uint64_t>(bytes, layout.time);
    trigger.ucts_type = load<std::uint8_t>(bytes, layout.type);
  }
  return trigger;
}

std::uint64_t counter_of(const StreamHead& event, std::size_t module) {
  const auto boards = event.bytes(counters);
  if ((module + 1) * board_size > boards.size())
    throw event.damaged(fmt::format("there are no counters of module {}", module));
  return calib::combine_counters(load<std::uint16_t>(boards, module * board_size),
                                 load<std::uint32_t>(boards, module * board_size + board_ten_mhz));
}

/// Fill the reference of a run in the ProtoR1 format from its first event.
void read_reference(const StreamHead& first, Settings& camera, const calib::TriggerData& trigger,
                    text::RunSummaryRow& row) {
  const auto working = first.bytes(module_status);
  const auto module = static_cast<std::size_t>(
      std::find_if(working.begin(), working.end(), [](std::byte b) { return b != std::byte{0}; }) -
      working.begin());
  if (module == working.size()) throw first.damaged("no module has data");
  // lstchain's identifier is the position of the module whose number is that index; it finds none
  // and gives up if that module is absent.
  const std::vector<std::uint16_t> ids = camera.words("10.4");
  const auto named = std::find(ids.begin(), ids.end(), static_cast<std::uint16_t>(module));
  constexpr std::int64_t ns_per_s = 1'000'000'000;
  const auto start_s = static_cast<std::int64_t>(camera.integer("4"));
  row.run_start = sky::utc_to_tai_ns(start_s * ns_per_s);
  row.ucts_timestamp =
      trigger.has_ucts ? static_cast<std::int64_t>(trigger.ucts_time_tai_ns) : std::int64_t{-1};
  row.dragon_reference_time = trigger.has_ucts ? row.ucts_timestamp : row.run_start;
  row.dragon_reference_module_id = named != ids.end()    ? named - ids.begin()
                                   : module < ids.size() ? ids[module]
                                                         : -1;
  row.dragon_reference_module_index = static_cast<std::int64_t>(module);
  row.dragon_reference_counter = counter_of(first, module);
  row.dragon_reference_source = trigger.has_ucts ? "ucts" : "run_start";
}

/// What the event builder did to events of a mono trigger. Due to a fault of the event builder the
/// actions stand in the field of the trigger patterns.
std::int64_t preprocessing_of_mono(const zfits::File& file) {
  Settings camera(file, "CameraConfiguration");
  const std::vector<std::uint16_t> triggers = camera.words("15.4"), actions = camera.words("15.6");
  if (actions.empty()) return 0;
  constexpr unsigned known_actions = 0xff;
  unsigned action = actions[0];
  for (std::size_t i = 0; i < triggers.size() && i + 1 < actions.size(); ++i)
    if (triggers[i] == mono_trigger) action = actions[i + 1];
  return action & known_actions;
}

bool is_r1v1(const std::string& message_class, const fs::path& path) {
  if (message_class == "R1v1.Event" || message_class == "CTAR1.Event") return true;
  if (message_class == "ProtoR1.CameraEvent" || message_class == "R1.CameraEvent") return false;
  throw Error(ErrorKind::bad_input,
              fmt::format("events of class '{}' are not raw events of LST", message_class),
              path.string());
}

}  // namespace

RunHead read_run_head(const std::vector<fs::path>& streams, std::size_t most_events) {
  std::vector<zfits::File> files;
  std::vector<StreamHead> heads;
  for (const fs::path& path : streams) {
    const zfits::File& file = files.emplace_back(zfits::File::open(path, most_tiles));
    const zfits::Table& events = file.table("Events");
    if (events.message_class() != files.front().table("Events").message_class())
      throw Error(ErrorKind::bad_input, "the streams are of different formats", path.string());
    heads.emplace_back(path, events, is_r1v1(events.message_class(), path));
  }
  if (heads.empty()) throw Error(ErrorKind::missing_input, "there is no file of the first subrun");
  RunHead head;
  text::RunSummaryRow& row = head.row;
  row.data_format = files.front().table("Events").message_class();
  const bool r1v1 = is_r1v1(row.data_format, streams.front());
  row.dragon_reference_counter = ~std::uint64_t{0};
  row.dragon_reference_source = "None";
  std::optional<Settings> camera;
  if (r1v1)
    row.evb_preprocessing = preprocessing_of_mono(files.front());
  else
    camera.emplace(files.front(), "CameraConfig");
  const UctsLayout& layout = !r1v1 && camera->leading_number("10.1") <= last_early_version
                                 ? early_ucts_layout
                                 : ucts_layout;
  calib::EventClock clock{std::nullopt};
  while (head.events < most_events) {
    StreamHead* next = nullptr;
    for (StreamHead& candidate : heads)
      if (candidate.has_event() && (next == nullptr || candidate.id() < next->id()))
        next = &candidate;
    if (next == nullptr) break;
    const std::uint64_t id = next->id();
    if (id == 0) {  // an empty event, as some runs end with
      next->advance();
      continue;
    }
    if (head.events == 0 && id != 1)
      throw next->damaged(fmt::format("the first event is number {}, not 1", id));
    EventType event_type = EventType::unknown;
    if (r1v1) {
      event_type = static_cast<EventType>(next->integer(type));
    } else {
      calib::TriggerData trigger = trigger_of(*next, layout);
      if (head.events == 0) {
        read_reference(*next, *camera, trigger, row);
        clock.set_reference({static_cast<std::uint64_t>(row.dragon_reference_time),
                             row.dragon_reference_counter,
                             static_cast<std::size_t>(row.dragon_reference_module_index)});
      }
      clock.next(counter_of(*next, clock.module_index()), trigger);
      event_type = calib::event_type_of(trigger, calib::TriggerSource::ucts);
    }
    ++head.events;
    head.physics += event_type == EventType::subarray ? 1 : 0;
    head.pedestals += event_type == EventType::sky_pedestal ? 1 : 0;
    head.flatfields += event_type == EventType::flatfield ? 1 : 0;
    next->advance();
  }
  if (head.events == 0)
    throw Error(ErrorKind::bad_input, "the run has no events", streams.front().string());
  return head;
}

const char* guess_run_type(const RunHead& head) {
  constexpr double drs4_physics = 0.999, calibration_pedestals = 0.1;
  const auto n = static_cast<double>(head.events);
  if (static_cast<double>(head.physics) > drs4_physics * n) return "DRS4";
  return static_cast<double>(head.pedestals) > calibration_pedestals * n ? "PEDCALIB" : "DATA";
}

std::string head_hash(const fs::path& raw_file) {
  constexpr std::uint64_t part = 1 << 20;
  const fits::ByteSource source = fits::ByteSource::open(raw_file);
  Hasher hasher;
  hasher.update(fmt::format("{}\n", source.size()));
  std::vector<std::byte> bytes;
  const auto add = [&](std::uint64_t from, std::uint64_t to) {
    bytes.resize(static_cast<std::size_t>(to - from));
    source.read(from, bytes);
    hasher.update(bytes);
  };
  for (const fits::Hdu& hdu : fits::read_hdus(source)) {
    add(hdu.header_offset, hdu.data_offset);
    if (hdu.data_size > 0 && !hdu.header.has("DATASUM"))
      add(hdu.data_offset, hdu.data_offset + std::min(part, hdu.data_size));
  }
  return hasher.finish();
}

}  // namespace alisio::pipeline
