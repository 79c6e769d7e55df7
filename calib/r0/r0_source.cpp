#include "calib/r0/r0_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <queue>
#include <regex>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "lib/base/error.hpp"
#include "lib/base/interruption.hpp"
#include "lib/base/log.hpp"
#include "lib/flow/scratch_pool.hpp"
#include "lib/io/zfits/zfits.hpp"
#include "lib/sky/time.hpp"

namespace alisio::calib {
namespace {

namespace fs = std::filesystem;

constexpr std::uint16_t not_stored = 65535;
/// Room kept for first capacitors, so that spans into it stay valid while a block is filled.
constexpr std::size_t most_capacitors_per_module = 16;

/// The columns that are read of each event.
enum Field : std::size_t {
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
  cdts,
  board_counters,
  tdp_action,
  time_shift,
  n_fields
};

/// Names of the columns, for messages.
constexpr std::array<const char*, n_fields> field_names = {
    "event_id",           "event_type",          "event_time_s",  "event_time_qns",
    "num_channels",       "num_samples",         "waveform",      "pixel_status",
    "first_capacitor_id", "local_clock_counter", "module_status", "extdevices_presence",
    "tib_data",           "cdts_data",           "counters",      "tdp_action",
    "pixel_time_shift"};

/// Protobuf paths of the columns; empty if the format has none.
constexpr std::array<const char*, n_fields> proto_r1_path = {
    "2", "", "", "", "", "", "7", "8", "11.8", "", "11.1", "11.2", "11.3", "11.4", "11.6", "", ""};
constexpr std::array<const char*, n_fields> r1v1_path = {
    "1",  "4",    "5",    "6",    "7",    "8",    "11",    "12", "13",
    "14", "17.1", "17.2", "17.3", "17.4", "17.6", "17.10", "18"};
constexpr std::array<Field, 4> required = {event_id, waveform, status, first_capacitor};

/// Layout of the opaque structures of a Dragon board, the TIB and the UCTS, in bytes.
namespace bytes {
constexpr std::size_t counters_size = 22, pps = 0, ten_mhz = 2, local_clock = 14;
constexpr std::size_t tib_size = 12, tib_type = 11;
constexpr std::size_t cdts_size = 36, cdts_time = 0, cdts_type = 28;
constexpr std::size_t old_cdts_size = 31, old_cdts_time = 12, old_cdts_type = 28;
/// Last event builder with the old UCTS structure.
constexpr std::int64_t last_old_cdts_version = 37201;
}  // namespace bytes

template <typename T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

/// Read an integer item of any width.
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

struct Stream {
  zfits::File file;
  zfits::Table events;
  std::array<std::optional<std::size_t>, n_fields> column;
  std::vector<std::size_t> columns;  ///< those that there are
  std::array<zfits::ItemType, n_fields> type{};
  std::string waveform_part;  ///< name of decoding waveforms in `--timings`, with the codecs
};

struct Tile {
  std::array<zfits::DecodedColumn, n_fields> column;
};

/// Return something that nobody else uses. Only the thread that drives a source copies or drops
/// such pointers.
template <typename Reused>
std::shared_ptr<Reused> take(std::vector<std::shared_ptr<Reused>>& idle) {
  for (auto& one : idle)
    if (one.use_count() == 1) return one;
  idle.push_back(std::make_shared<Reused>());
  return idle.back();
}

struct EventPlace {
  std::int64_t id;
  std::uint32_t tile;  ///< position in State::tiles
  std::uint32_t row;
};

struct TilePlace {
  std::size_t stream, tile;
  std::size_t events_left;  ///< not handed out yet
  std::shared_ptr<Tile> data;
  flow::ThreadPool::Handle decoded;
  std::shared_ptr<zfits::TileBytes> bytes;  ///< until it is decoded
  flow::ThreadPool::Handle read;
};

/// One row of a table of settings, by protobuf path.
class Settings {
 public:
  explicit Settings(const zfits::Table& table, std::string where)
      : table_(table), where_(std::move(where)) {
    if (table.row_count() == 0) {
      throw Error(ErrorKind::bad_input, "the camera configuration is empty", where_);
    }
  }
  [[nodiscard]] bool has(const char* field) const { return table_.find_field(field).has_value(); }
  [[nodiscard]] std::uint64_t integer(const char* field) {
    const auto c = decode(field);
    return integer_item(column_, table_.columns()[c].type, 0);
  }
  template <typename T>
  [[nodiscard]] T real(const char* field) {
    decode(field);
    if (column_.row(0).size() != sizeof(T)) refuse(field);
    return column_.item<T>(0);
  }
  [[nodiscard]] std::vector<std::uint16_t> words(const char* field) {
    decode(field);
    std::vector<std::uint16_t> out(column_.item_count<std::uint16_t>(0));
    column_.copy_row<std::uint16_t>(0, out);
    return out;
  }
  [[nodiscard]] std::string text(const char* field) {
    decode(field);
    const auto row = column_.row(0);
    std::string out(row.size(), '\0');
    if (!row.empty()) std::memcpy(out.data(), row.data(), row.size());
    return out;
  }

 private:
  std::size_t decode(const char* field) {
    const auto c = table_.find_field(field);
    if (!c) refuse(field);
    table_.decode(0, *c, column_, scratch_);
    return *c;
  }
  [[noreturn]] void refuse(const char* field) const {
    throw Error(ErrorKind::bad_input,
                fmt::format("field {} of the camera configuration is missing or malformed", field),
                where_, "is this a raw file of LST?");
  }
  const zfits::Table& table_;
  std::string where_;
  zfits::DecodedColumn column_;
  zfits::DecodeScratch scratch_;
};

bool is_r1v1(const std::string& message_class, const std::string& path) {
  if (message_class == "R1v1.Event" || message_class == "CTAR1.Event") return true;
  if (message_class == "ProtoR1.CameraEvent" || message_class == "R1.CameraEvent") return false;
  throw Error(ErrorKind::bad_input,
              fmt::format("events of class '{}' are not raw events of LST", message_class), path,
              "give an R0 file, with ProtoR1.CameraEvent or R1v1.Event inside");
}

RawCamera read_camera(const zfits::File& file, bool r1v1) {
  RawCamera camera;
  camera.r1v1 = r1v1;
  const char* name = r1v1 ? "CameraConfiguration" : "CameraConfig";
  Settings settings(file.table(name), file.path() + ", " + name);
  if (r1v1) {
    camera.telescope = static_cast<int>(settings.integer("1"));
    camera.run = static_cast<std::int64_t>(settings.integer("2"));
    camera.run_start_utc_s = settings.real<double>("3");
    camera.pixel_ids = settings.words("5");
    camera.module_ids = settings.words("6");
    camera.n_samples = settings.integer("13");
    Settings stream(file.table("DataStream"), file.path() + ", DataStream");
    camera.waveform_scale = stream.real<float>("4");
    camera.waveform_offset = stream.has("5") ? stream.real<float>("5") : 0.F;
    if (!std::isfinite(camera.waveform_scale) || camera.waveform_scale <= 0 ||
        !std::isfinite(camera.waveform_offset))
      throw Error(ErrorKind::bad_input,
                  fmt::format("samples are stored with scale {} and offset {}, which are none",
                              camera.waveform_scale, camera.waveform_offset),
                  file.path() + ", DataStream", "restore the file of the event builder");
  } else {
    camera.telescope = static_cast<int>(settings.integer("1"));
    camera.run = static_cast<std::int64_t>(settings.integer("3"));
    camera.run_start_utc_s = static_cast<double>(settings.integer("4"));
    camera.n_samples = settings.integer("6");
    camera.pixel_ids = settings.words("7");
    camera.module_ids = settings.words("10.4");
    if (settings.has("10.1")) {
      const std::string version = settings.text("10.1");
      camera.event_builder_version = std::strtoll(version.c_str(), nullptr, 10);
    }
  }
  return camera;
}

struct StreamName {
  std::string before, after;  ///< of the stream's number
  int stream = 0;
  std::string run;
};

std::optional<StreamName> stream_name(const fs::path& file) {
  static const std::regex pattern(R"((LST-\d+\.)(\d{1,3})(\.Run(\d+)\.\d+.*\.fits\.fz))");
  std::smatch match;
  const std::string name = file.filename().string();
  if (!std::regex_match(name, match, pattern)) return std::nullopt;
  return StreamName{match[1], match[3], std::stoi(match[2]), match[4]};
}

/// Return the files of all streams, checked for gaps.
std::vector<fs::path> find_streams(const fs::path& file) {
  const auto name = stream_name(file);
  if (!name) return {file};
  const auto of = [&](int stream) {
    return file.parent_path() / (name->before + std::to_string(stream) + name->after);
  };
  constexpr int most_streams = 9, raw_streams = 4;
  int last = 1;
  for (int s = 2; s <= most_streams; ++s) {
    if (fs::exists(of(s))) last = s;
  }
  std::vector<fs::path> files;
  for (int s = 1; s <= last; ++s) {
    if (!fs::exists(of(s))) {
      throw Error(ErrorKind::missing_input, fmt::format("stream {} of the subrun is missing", s),
                  of(s).string(), "restore the file: without it the subrun would lose events");
    }
    files.push_back(of(s));
  }
  // Raw data have all streams or a quarter of the events is lost; gain-selected data have one,
  // which only the other subruns of the run can tell from raw data without streams 2 to 4.
  int expected = last == 1 ? 1 : std::max(last, raw_streams);
  if (last == 1) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(
             file.parent_path().empty() ? fs::path(".") : file.parent_path(), ignored)) {
      const auto other = stream_name(entry.path());
      if (other && other->before == name->before && other->run == name->run) {
        expected = std::max(expected, other->stream);
      }
    }
  }
  if (last < expected) {
    throw Error(ErrorKind::missing_input,
                fmt::format("the subrun has {} of {} streams", last, expected),
                of(last + 1).string(), "restore the file: without it the subrun would lose events");
  }
  return files;
}

/// Return the file of the same stream in the next subrun, empty if the name has no subrun.
fs::path next_subrun(const fs::path& file) {
  static const std::regex pattern(R"((LST-\d+\.\d+\.Run\d+\.)(\d{1,8})(.*\.fits\.fz))");
  std::smatch match;
  const std::string name = file.filename().string();
  if (!std::regex_match(name, match, pattern)) return {};
  const std::string subrun = match[2];
  return file.parent_path() / fmt::format("{}{:0{}d}{}", match[1].str(), std::stoi(subrun) + 1,
                                          subrun.size(), match[3].str());
}

}  // namespace

struct R0Source::State {
  R0Options options;
  RawCamera camera;
  std::vector<fs::path> files;
  std::vector<Stream> streams;
  /// [stream] → position of what follows it: the same stream of the next subrun, or `no_successor`.
  std::vector<std::size_t> successor;
  static constexpr std::size_t no_successor = std::numeric_limits<std::size_t>::max();
  std::size_t n_first = 0;  ///< streams of the first subrun, which come first
  Counters counts;
  std::vector<EventPlace> order;            ///< of all events, without empty ones
  std::vector<TilePlace> tiles;             ///< in the order of first use
  std::vector<std::shared_ptr<Tile>> idle;  ///< tiles that may be in use by blocks still
  std::vector<std::shared_ptr<zfits::TileBytes>> idle_bytes;  ///< the same of what is read
  std::size_t next_event = 0, next_tile = 0, next_read = 0;
  std::size_t oldest_bytes = 0;  ///< the first tile whose compressed bytes are kept
  EventClock clock{std::nullopt};

  ~State() {
    // Tiles that are being decoded are written to by other threads.
    for (auto& tile : tiles)
      if (tile.decoded) flow::ThreadPool::cancel(tile.decoded);
  }
  void open(const fs::path& file);
  /// Open the stream's files of all following subruns, each stream by itself.
  void open_following(std::size_t stream);
  void merge();
  void start_reading(std::size_t end);
  void start_decoding(flow::ThreadPool& pool, std::size_t last_needed);
  void decode(const Stream& stream, std::size_t tile, const zfits::TileBytes& bytes, Tile& out);
  flow::ScratchPool<zfits::DecodeScratch> scratches{
      [] { return std::make_unique<zfits::DecodeScratch>(); }};
  void read_event(const EventPlace& place, RawBlock& block, std::size_t slot);
  void read_trigger(const Tile& tile, const EventPlace& place, const Stream& stream,
                    RawEvent& event);
  [[nodiscard]] Error damaged(const EventPlace& place, const std::string& what) const;

  /// Waits for the disk while the pool decodes; last, for it uses what is above.
  flow::ThreadPool reader{2};
};

void R0Source::State::open(const fs::path& path) {
  auto file = zfits::File::open(path);
  const zfits::Table& events = file.table("Events");
  const std::string origin = events.header().text("ORIGIN").value_or("");
  if (origin != "CTA" && origin != "CTAO") {
    throw Error(ErrorKind::bad_input, fmt::format("ORIGIN is '{}', not CTA or CTAO", origin),
                path.string(), "give an R0 file of LST");
  }
  const bool r1v1 = is_r1v1(events.message_class(), path.string());
  const bool reduced = events.header().logical("LSTDVR").value_or(false);
  if (streams.empty()) {
    camera = read_camera(file, r1v1);
    camera.volume_reduced = reduced;
  } else if (r1v1 != camera.r1v1 || reduced != camera.volume_reduced) {
    throw Error(ErrorKind::bad_input, "the streams of the subrun are of different formats",
                path.string(), "restore the files of one production");
  }
  Stream stream{std::move(file), events, {}, {}, {}, {}};
  const auto& paths = r1v1 ? r1v1_path : proto_r1_path;
  for (std::size_t f = 0; f < n_fields; ++f) {
    if (paths[f][0] == '\0') continue;
    stream.column[f] = stream.events.find_field(paths[f]);
    if (!stream.column[f]) continue;
    stream.type[f] = stream.events.columns()[*stream.column[f]].type;
    stream.columns.push_back(*stream.column[f]);
  }
  if (stream.events.row_count() > 0) {
    for (const auto f : required) {
      if (stream.column[f]) continue;
      throw Error(ErrorKind::bad_input,
                  fmt::format("the events have no column {} (field {})", field_names[f], paths[f]),
                  path.string() + ", Events", "give an R0 file of LST");
    }
  }
  // A writer compresses a column alike in all tiles.
  const bool has_waveforms = stream.events.tile_count() > 0 && stream.column[waveform].has_value();
  stream.waveform_part = fmt::format(
      "decode waveforms ({})",
      has_waveforms ? stream.events.codecs(0, *stream.column[waveform]) : std::string("none"));
  files.push_back(path);
  streams.push_back(std::move(stream));
  successor.push_back(no_successor);
}

void R0Source::State::open_following(std::size_t stream) {
  for (fs::path path = next_subrun(files[stream]); !path.empty() && fs::exists(path);
       path = next_subrun(path)) {
    open(path);
    successor[stream] = streams.size() - 1;
    stream = streams.size() - 1;
  }
}

void R0Source::State::merge() {
  struct Next {
    std::int64_t id;
    std::size_t stream, tile, row;
    bool operator>(const Next& other) const {
      return std::pair(id, stream) > std::pair(other.id, other.stream);
    }
  };
  // Ids of all events, decoded tile by tile: they are a thousandth of the data.
  std::vector<std::vector<std::vector<std::int64_t>>> ids(streams.size());
  zfits::DecodedColumn column;
  scratches.with_scratch([&](zfits::DecodeScratch& scratch) {
    for (std::size_t s = 0; s < streams.size(); ++s) {
      ids[s].resize(streams[s].events.tile_count());
      for (std::size_t t = 0; t < ids[s].size(); ++t) {
        streams[s].events.decode(t, *streams[s].column[event_id], column, scratch);
        for (std::size_t r = 0; r < streams[s].events.rows_in_tile(t); ++r) {
          ids[s][t].push_back(
              static_cast<std::int64_t>(integer_item(column, streams[s].type[event_id], r)));
        }
      }
    }
  });
  std::priority_queue<Next, std::vector<Next>, std::greater<>> queue;
  const auto push = [&](std::size_t s, std::size_t t, std::size_t r) {
    for (; s != no_successor; s = successor[s], t = 0, r = 0) {
      while (t < ids[s].size() && r >= ids[s][t].size()) {
        ++t;
        r = 0;
      }
      if (t < ids[s].size()) {
        queue.push({ids[s][t][r], s, t, r});
        return;
      }
    }
  };
  for (std::size_t s = 0; s < n_first; ++s) push(s, 0, 0);
  std::map<std::pair<std::size_t, std::size_t>, std::uint32_t> tile_number;
  std::unordered_set<std::int64_t> seen;
  while (!queue.empty()) {
    const Next next = queue.top();
    queue.pop();
    push(next.stream, next.tile, next.row + 1);
    if (options.max_events && order.size() >= static_cast<std::size_t>(*options.max_events)) break;
    if (next.id == 0) {
      ++counts.empty_events;
      continue;
    }
    if (!seen.insert(next.id).second) {
      throw Error(ErrorKind::bad_input,
                  fmt::format("event {} was in another file already", next.id),
                  files[next.stream].string(), "restore the files: one is not what its name says");
    }
    const auto [entry, is_new] =
        tile_number.try_emplace({next.stream, next.tile}, static_cast<std::uint32_t>(tiles.size()));
    if (is_new) tiles.push_back({next.stream, next.tile, 0, nullptr, nullptr, nullptr, nullptr});
    ++tiles[entry->second].events_left;
    order.push_back({next.id, entry->second, static_cast<std::uint32_t>(next.row)});
  }
}

void R0Source::State::start_reading(std::size_t end) {
  for (std::size_t t = oldest_bytes; t < next_tile; ++t) {
    TilePlace& place = tiles[t];
    if (place.decoded && flow::ThreadPool::done(place.decoded)) place.bytes = nullptr;
    if (!place.bytes && t == oldest_bytes) ++oldest_bytes;
  }
  for (; next_read < std::min(tiles.size(), end); ++next_read) {
    TilePlace& place = tiles[next_read];
    place.bytes = take(idle_bytes);
    place.read = reader.submit(
        [&stream = streams[place.stream], tile = place.tile, bytes = place.bytes.get()] {
          stream.events.read(tile, stream.columns, *bytes);
        });
  }
}

void R0Source::State::decode(const Stream& stream, std::size_t tile, const zfits::TileBytes& bytes,
                             Tile& out) {
  scratches.with_scratch([&](zfits::DecodeScratch& scratch) {
    for (std::size_t f = 0; f < n_fields; ++f) {
      if (!stream.column[f]) continue;
      const TimedPart timed(options.timings, f == waveform ? std::string_view(stream.waveform_part)
                                                           : "decode the rest");
      stream.events.decode(tile, *stream.column[f], bytes, out.column[f], scratch);
    }
  });
}

void R0Source::State::start_decoding(flow::ThreadPool& pool, std::size_t last_needed) {
  // Two tiles ahead for each thread keeps the pool busy while blocks are put together.
  const std::size_t ahead = pool.threads() > 1 ? 2 * static_cast<std::size_t>(pool.threads()) : 0;
  const std::size_t end = std::min(tiles.size(), last_needed + 1 + ahead);
  // All streams come to their next tiles at about the same event.
  constexpr std::size_t least_read_ahead = 2;
  start_reading(std::max(end + least_read_ahead, last_needed + 1 + n_first));
  for (; next_tile < end; ++next_tile) {
    TilePlace& place = tiles[next_tile];
    place.data = take(idle);
    place.decoded =
        pool.submit([this, &stream = streams[place.stream], tile = place.tile,
                     bytes = place.bytes.get(), read = place.read, data = place.data.get()] {
          {
            const TimedPart timed(options.timings, "wait for raw data");
            reader.wait(read);
          }
          decode(stream, tile, *bytes, *data);
        });
  }
}

Error R0Source::State::damaged(const EventPlace& place, const std::string& what) const {
  const auto& tile = tiles[place.tile];
  return {ErrorKind::bad_input, what,
          fmt::format("{}, Events, tile {}, row {}, event {}", files[tile.stream].string(),
                      tile.tile, place.row, place.id),
          "restore the file"};
}

void R0Source::State::read_trigger(const Tile& tile, const EventPlace& place, const Stream& stream,
                                   RawEvent& event) {
  const auto integer = [&](Field f) -> std::uint64_t {
    return stream.column[f] ? integer_item(tile.column[f], stream.type[f], place.row) : 0;
  };
  const std::uint64_t present = integer(devices);
  TriggerData& trigger = event.trigger;
  trigger = {};
  if ((present & 1) != 0 && stream.column[tib]) {
    const auto row = tile.column[tib].row(place.row);
    if (row.size() < bytes::tib_size) throw damaged(place, "the TIB data are cut short");
    trigger.has_tib = true;
    trigger.tib_type = load<std::uint8_t>(&row[bytes::tib_type]);
  }
  if ((present & 2) != 0 && stream.column[cdts]) {
    const auto row = tile.column[cdts].row(place.row);
    const bool old = !camera.r1v1 && camera.event_builder_version <= bytes::last_old_cdts_version;
    if (row.size() < (old ? bytes::old_cdts_size : bytes::cdts_size)) {
      throw damaged(place, "the UCTS data are cut short");
    }
    trigger.has_ucts = true;
    trigger.ucts_time_tai_ns =
        load<std::uint64_t>(&row[old ? bytes::old_cdts_time : bytes::cdts_time]);
    trigger.ucts_type = load<std::uint8_t>(&row[old ? bytes::old_cdts_type : bytes::cdts_type]);
  }
  event.ucts_jump = false;
  event.preprocessing = static_cast<std::uint32_t>(integer(tdp_action));
  if (camera.r1v1) {
    event.type = static_cast<EventType>(integer(event_type));
    event.time_tai_ns = static_cast<std::int64_t>(integer(time_s)) * 1'000'000'000 +
                        static_cast<std::int64_t>(integer(time_qns)) / 4;
    return;
  }

  const auto boards = tile.column[board_counters].row(place.row);
  const std::size_t n_boards = boards.size() / bytes::counters_size;
  if (!clock.has_reference()) {
    ReferenceTime reference;
    const auto working = stream.column[module_status] ? tile.column[module_status].row(place.row)
                                                      : std::span<const std::byte>{};
    while (reference.module_index < working.size() &&
           working[reference.module_index] == std::byte{0}) {
      ++reference.module_index;
    }
    if (reference.module_index >= n_boards) throw damaged(place, "no module has data");
    const std::byte* board = &boards[reference.module_index * bytes::counters_size];
    reference.counter_ns = combine_counters(load<std::uint16_t>(board + bytes::pps),
                                            load<std::uint32_t>(board + bytes::ten_mhz));
    if (trigger.has_ucts) {
      reference.time_tai_ns = trigger.ucts_time_tai_ns;
    } else if (place.id == 1 && camera.run_start_utc_s > 0) {
      // The run starts with its first event, to within the whole seconds that the file tells.
      reference.time_tai_ns = static_cast<std::uint64_t>(
          sky::utc_to_tai_ns(static_cast<std::int64_t>(camera.run_start_utc_s * 1e9)));
      spdlog::warn("{}: no UCTS in the first event: times count from the start of the run, {} UTC",
                   files[tiles[place.tile].stream].string(),
                   static_cast<std::int64_t>(camera.run_start_utc_s));
    } else {
      throw damaged(place, "the first event has no UCTS time to count from; give the run summary");
    }
    clock.set_reference(reference);
  }
  if (clock.module_index() >= n_boards) {
    throw damaged(place, fmt::format("no counters of module {}, which the times refer to",
                                     clock.module_index()));
  }
  const std::byte* board = &boards[clock.module_index() * bytes::counters_size];
  const auto time = clock.next(combine_counters(load<std::uint16_t>(board + bytes::pps),
                                                load<std::uint32_t>(board + bytes::ten_mhz)),
                               trigger);
  event.time_tai_ns = time.time_tai_ns;
  event.ucts_jump = time.ucts_jump;
  counts.ucts_jumps += time.ucts_jump ? 1 : 0;
  counts.ucts_behind += time.ucts_behind ? 1 : 0;
  event.type = event_type_of(trigger, options.trigger_source);
}

void R0Source::State::read_event(const EventPlace& place, RawBlock& block, std::size_t slot) {
  const TilePlace& at = tiles[place.tile];
  const Stream& stream = streams[at.stream];
  const Tile& tile = *at.data;
  RawEvent& event = block.events[slot];
  event.event_id = place.id;
  read_trigger(tile, place, stream, event);
  if (options.pedestal_ids) {
    const bool listed =
        std::binary_search(options.pedestal_ids->begin(), options.pedestal_ids->end(), place.id);
    counts.listed += listed ? 1 : 0;
    if (listed && event.type != EventType::sky_pedestal) {
      event.type = EventType::sky_pedestal;
      ++counts.made_pedestal;
    } else if (!listed && event.type == EventType::sky_pedestal) {
      event.type = EventType::subarray;
      ++counts.made_physics;
    }
  }
  counts.unknown_type += event.type == EventType::unknown ? 1 : 0;

  const std::size_t n_positions = camera.pixel_ids.size();
  const std::size_t n_modules = camera.module_ids.size();

  // Status, with the DVR bits that files without volume reduction leave out.
  const auto stored_status = tile.column[status].row(place.row);
  const std::size_t status_size = zfits::item_size(stream.type[status]);
  if (stored_status.size() != n_positions * status_size) {
    throw damaged(place, fmt::format("status of {} pixels, the camera has {}",
                                     stored_status.size() / status_size, n_positions));
  }
  std::uint8_t* const pixels = &block.status_[slot * n_positions];
  std::uint16_t* const rows = &block.rows_[slot * n_positions];
  std::size_t n_stored = 0;
  bool one_gain_only = false;
  for (std::size_t p = 0; p < n_positions; ++p) {
    auto value = static_cast<std::uint8_t>(stored_status[p * status_size]);
    const auto gains = value & (pixel_status::high_gain_stored | pixel_status::low_gain_stored);
    one_gain_only |=
        gains == pixel_status::high_gain_stored || gains == pixel_status::low_gain_stored;
    if (!camera.volume_reduced && gains != 0) value |= 0x01;
    pixels[p] = value;
    const bool is_stored = !camera.volume_reduced || (value & pixel_status::dvr) != 0;
    rows[p] = is_stored ? static_cast<std::uint16_t>(n_stored++) : not_stored;
  }
  event.pixel_status = {pixels, n_positions};
  event.n_stored = n_stored;
  event.stored_row = camera.volume_reduced ? std::span<const std::uint16_t>(rows, n_positions)
                                           : std::span<const std::uint16_t>{};

  const auto samples_of = [&] {
    if (!stream.column[num_samples]) return camera.n_samples;
    return static_cast<std::size_t>(
        integer_item(tile.column[num_samples], stream.type[num_samples], place.row));
  };
  event.n_samples = samples_of();
  event.n_gains = one_gain_only ? 1 : 2;
  if (stream.column[num_channels]) {
    event.n_gains = static_cast<std::size_t>(
        integer_item(tile.column[num_channels], stream.type[num_channels], place.row));
  }
  const auto wave = tile.column[waveform].row(place.row);
  const std::size_t expected = event.n_gains * n_stored * event.n_samples;
  if (event.n_gains < 1 || event.n_gains > 2 || wave.size() != expected * sizeof(std::uint16_t)) {
    throw damaged(place, fmt::format("the waveform has {} samples, expected {} gain(s) x {} pixels "
                                     "x {} samples",
                                     wave.size() / 2, event.n_gains, n_stored, event.n_samples));
  }
  // The reader aligns arrays of 16-bit items to 2 bytes.
  event.waveform = {reinterpret_cast<const std::uint16_t*>(wave.data()), expected};

  const auto cells = tile.column[first_capacitor].row(place.row);
  const std::size_t cell_size = zfits::item_size(stream.type[first_capacitor]);
  const std::size_t n_cells = cells.size() / cell_size;
  if (n_modules == 0 || n_cells < n_modules || n_cells % n_modules != 0 ||
      n_cells > most_capacitors_per_module * n_modules) {
    throw damaged(place, fmt::format("first capacitors of {} chips, the camera has {} modules",
                                     n_cells, n_modules));
  }
  const std::size_t first_cell = block.capacitors_.size();
  block.capacitors_.resize(first_cell + n_cells);
  for (std::size_t c = 0; c < n_cells; ++c) {
    block.capacitors_[first_cell + c] = load<std::uint16_t>(&cells[c * cell_size]);
  }
  event.first_capacitor = {block.capacitors_.data() + first_cell, n_cells};

  std::uint64_t* const clocks = &block.clocks_[slot * n_modules];
  const auto boards = stream.column[board_counters] ? tile.column[board_counters].row(place.row)
                                                    : std::span<const std::byte>{};
  const auto clock_row = stream.column[module_clock] ? tile.column[module_clock].row(place.row)
                                                     : std::span<const std::byte>{};
  if (boards.size() >= n_modules * bytes::counters_size) {
    for (std::size_t m = 0; m < n_modules; ++m) {
      clocks[m] = load<std::uint64_t>(&boards[m * bytes::counters_size + bytes::local_clock]);
    }
  } else if (clock_row.size() >= n_modules * sizeof(std::uint64_t)) {
    std::memcpy(clocks, clock_row.data(), n_modules * sizeof(std::uint64_t));
  } else {
    throw damaged(place, fmt::format("no clock counters of {} modules", n_modules));
  }
  event.module_clock = {clocks, n_modules};

  event.pixel_time_shift = {};
  if (stream.column[time_shift]) {
    const auto shifts = tile.column[time_shift].row(place.row);
    if (shifts.size() == event.n_gains * n_stored * sizeof(std::int16_t)) {
      event.pixel_time_shift = {reinterpret_cast<const std::int16_t*>(shifts.data()),
                                event.n_gains * n_stored};
    }
  }
}

R0Source::R0Source(const fs::path& file, const R0Options& options)
    : state_(std::make_unique<State>()) {
  state_->options = options;
  state_->clock = EventClock(options.reference_time);
  for (const auto& path : find_streams(file)) state_->open(path);
  state_->n_first = state_->streams.size();
  if (options.all_subruns)
    for (std::size_t s = 0; s < state_->n_first; ++s) state_->open_following(s);
  state_->merge();
}
R0Source::~R0Source() = default;
R0Source::R0Source(R0Source&&) noexcept = default;
R0Source& R0Source::operator=(R0Source&&) noexcept = default;

const RawCamera& R0Source::camera() const noexcept {
  return state_->camera;
}
const std::vector<fs::path>& R0Source::files() const noexcept {
  return state_->files;
}
std::size_t R0Source::event_count() const noexcept {
  return state_->order.size();
}
const R0Source::Counters& R0Source::counters() const noexcept {
  return state_->counts;
}

bool R0Source::next_block(RawBlock& block, flow::ThreadPool& pool) {
  throw_if_interrupted();
  State& s = *state_;
  block.tiles_.clear();
  block.capacitors_.clear();
  block.first_index = s.next_event;
  const std::size_t n =
      std::min(std::max<std::size_t>(s.options.block_events, 1), s.order.size() - s.next_event);
  block.events.resize(n);
  if (n == 0) return false;
  block.clocks_.resize(n * s.camera.module_ids.size());
  block.status_.resize(n * s.camera.pixel_ids.size());
  block.rows_.resize(n * s.camera.pixel_ids.size());
  block.capacitors_.reserve(n * most_capacitors_per_module * s.camera.module_ids.size());
  for (std::size_t i = 0; i < n; ++i) {
    const EventPlace& place = s.order[s.next_event + i];
    s.start_decoding(pool, place.tile);
    TilePlace& tile = s.tiles[place.tile];
    if (tile.decoded) {
      pool.wait(tile.decoded);
      tile.decoded = tile.read = nullptr;
      tile.bytes = nullptr;
    }
    if (block.tiles_.empty() ||
        std::find(block.tiles_.begin(), block.tiles_.end(), tile.data) == block.tiles_.end()) {
      block.tiles_.push_back(tile.data);
    }
    const TimedPart timed(s.options.timings, "put events together");
    s.read_event(place, block, i);
    if (--tile.events_left == 0) tile.data = nullptr;
  }
  s.next_event += n;
  return true;
}

}  // namespace alisio::calib
