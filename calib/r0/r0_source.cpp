#include "calib/r0/r0_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <queue>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "calib/r0/raw_stream.hpp"
#include "calib/r0/stream_files.hpp"
#include "lib/base/error.hpp"
#include "lib/base/interruption.hpp"
#include "lib/base/log.hpp"
#include "lib/flow/scratch_pool.hpp"
#include "lib/sky/time.hpp"

namespace alisio::calib {
namespace {

namespace fs = std::filesystem;

constexpr std::uint16_t not_stored = 65535;
/// Room kept for first capacitors, so that spans into it stay valid while a block is filled.
constexpr std::size_t most_capacitors_per_module = 16;

constexpr std::array required_fields = {RawField::event_id, RawField::waveform, RawField::status,
                                        RawField::first_capacitor};

struct Stream : RawStream {
  std::vector<std::size_t> columns;  ///< those that are read
  std::string waveform_part;         ///< name of decoding waveforms in `--timings`, with the codecs
};

Stream open_stream(const fs::path& path) {
  Stream stream{open_raw_stream(path), {}, {}};
  require(stream, required_fields);
  for (const RawField field : all_raw_fields)
    if (stream.column[field]) stream.columns.push_back(*stream.column[field]);
  // A writer compresses a column alike in all tiles.
  const auto& waveform = stream.column[RawField::waveform];
  stream.waveform_part =
      fmt::format("decode waveforms ({})", waveform && stream.events.tile_count() > 0
                                               ? stream.events.codecs(0, *waveform)
                                               : std::string("none"));
  return stream;
}

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
  std::shared_ptr<RawColumns> data;
  flow::ThreadPool::Handle decoded;
  std::shared_ptr<zfits::TileBytes> bytes;  ///< until it is decoded
  flow::ThreadPool::Handle read;
};

/// Read the status of all pixels, with the DVR bits that files without volume reduction leave out,
/// and where the stored ones are. @return whether some pixel has one gain only.
bool read_pixel_status(const RawEventRow& row, const RawCamera& camera,
                       std::span<std::uint8_t> status, std::span<std::uint16_t> rows,
                       RawEvent& event) {
  const auto stored = row.bytes(RawField::status);
  const std::size_t size = row.item_size(RawField::status);
  if (stored.size() != status.size() * size)
    throw row.damaged(
        fmt::format("status of {} pixels, the camera has {}", stored.size() / size, status.size()));
  event.n_stored = 0;
  bool one_gain_only = false;
  for (std::size_t p = 0; p < status.size(); ++p) {
    auto value = static_cast<std::uint8_t>(stored[p * size]);
    const auto gains = value & (pixel_status::high_gain_stored | pixel_status::low_gain_stored);
    one_gain_only |=
        gains == pixel_status::high_gain_stored || gains == pixel_status::low_gain_stored;
    if (!camera.volume_reduced && gains != 0) value |= 0x01;
    status[p] = value;
    const bool is_stored = !camera.volume_reduced || (value & pixel_status::dvr) != 0;
    rows[p] = is_stored ? static_cast<std::uint16_t>(event.n_stored++) : not_stored;
  }
  event.pixel_status = status;
  event.stored_row = {};
  if (camera.volume_reduced) event.stored_row = rows;
  return one_gain_only;
}

/// @param gains_by_status what to expect of files that do not tell
void read_waveform(const RawEventRow& row, const RawCamera& camera, std::size_t gains_by_status,
                   RawEvent& event) {
  event.n_samples =
      row.has(RawField::num_samples) ? row.integer(RawField::num_samples) : camera.n_samples;
  event.n_gains =
      row.has(RawField::num_channels) ? row.integer(RawField::num_channels) : gains_by_status;
  const auto wave = row.bytes(RawField::waveform);
  const std::size_t expected = event.n_gains * event.n_stored * event.n_samples;
  if (event.n_gains < 1 || event.n_gains > 2 || wave.size() != expected * sizeof(std::uint16_t))
    throw row.damaged(
        fmt::format("the waveform has {} samples, expected {} gain(s) x {} pixels x {} samples",
                    wave.size() / 2, event.n_gains, event.n_stored, event.n_samples));
  // The reader aligns arrays of 16-bit items to 2 bytes.
  event.waveform = {reinterpret_cast<const std::uint16_t*>(wave.data()), expected};
  event.pixel_time_shift = {};
  const auto shifts = row.bytes(RawField::time_shift);
  if (shifts.size() == event.n_gains * event.n_stored * sizeof(std::int16_t))
    event.pixel_time_shift = {reinterpret_cast<const std::int16_t*>(shifts.data()),
                              event.n_gains * event.n_stored};
}

/// Append the first capacitors of all chips to those of the block, whose memory must not move.
void read_first_capacitors(const RawEventRow& row, std::size_t n_modules,
                           std::vector<std::uint16_t>& all, RawEvent& event) {
  const auto cells = row.bytes(RawField::first_capacitor);
  const std::size_t size = row.item_size(RawField::first_capacitor);
  const std::size_t n_cells = cells.size() / size;
  if (n_modules == 0 || n_cells < n_modules || n_cells % n_modules != 0 ||
      n_cells > most_capacitors_per_module * n_modules)
    throw row.damaged(
        fmt::format("first capacitors of {} chips, the camera has {} modules", n_cells, n_modules));
  const std::size_t first = all.size();
  all.resize(first + n_cells);
  for (std::size_t c = 0; c < n_cells; ++c)
    std::memcpy(&all[first + c], &cells[c * size], sizeof(std::uint16_t));
  event.first_capacitor = {all.data() + first, n_cells};
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
  std::vector<EventPlace> order;                  ///< of all events, without empty ones
  std::vector<TilePlace> tiles;                   ///< in the order of first use
  std::vector<std::shared_ptr<RawColumns>> idle;  ///< tiles that may be in use by blocks still
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
  void decode(const Stream& stream, std::size_t tile, const zfits::TileBytes& bytes,
              RawColumns& out);
  flow::ScratchPool<zfits::DecodeScratch> scratches{
      [] { return std::make_unique<zfits::DecodeScratch>(); }};
  void read_event(const EventPlace& place, RawBlock& block, std::size_t slot);
  void read_time(const RawEventRow& row, RawEvent& event);
  [[nodiscard]] ReferenceTime reference_of_first(const RawEventRow& row,
                                                 const RawEvent& event) const;
  void heed_pedestal_ids(RawEvent& event);

  /// Waits for the disk while the pool decodes; last, for it uses what is above.
  flow::ThreadPool reader{2};
};

void R0Source::State::open(const fs::path& path) {
  Stream stream = open_stream(path);
  if (streams.empty()) {
    camera = read_raw_camera(stream.file, stream.r1v1);
    camera.volume_reduced = stream.volume_reduced;
  } else if (stream.r1v1 != camera.r1v1 || stream.volume_reduced != camera.volume_reduced) {
    throw Error(ErrorKind::bad_input, "the streams of the subrun are of different formats",
                path.string(), "restore the files of one production");
  }
  files.push_back(path);
  streams.push_back(std::move(stream));
  successor.push_back(no_successor);
}

void R0Source::State::open_following(std::size_t stream) {
  for (const fs::path& path : following_subruns(files[stream])) {
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
        streams[s].events.decode(t, *streams[s].column[RawField::event_id], column, scratch);
        for (std::size_t r = 0; r < streams[s].events.rows_in_tile(t); ++r) {
          ids[s][t].push_back(static_cast<std::int64_t>(
              zfits::integer_item(column, streams[s].type[RawField::event_id], r)));
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
                             RawColumns& out) {
  scratches.with_scratch([&](zfits::DecodeScratch& scratch) {
    for (const RawField field : all_raw_fields) {
      if (!stream.column[field]) continue;
      const TimedPart timed(options.timings, field == RawField::waveform
                                                 ? std::string_view(stream.waveform_part)
                                                 : "decode the rest");
      stream.events.decode(tile, *stream.column[field], bytes, out[field], scratch);
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

ReferenceTime R0Source::State::reference_of_first(const RawEventRow& row,
                                                  const RawEvent& event) const {
  ReferenceTime reference;
  reference.module_index = first_module_with_data(row);
  reference.counter_ns = module_counter_ns(row, reference.module_index);
  if (event.trigger.has_ucts) {
    reference.time_tai_ns = event.trigger.ucts_time_tai_ns;
  } else if (event.event_id == 1 && camera.run_start_utc_s > 0) {
    // The run starts with its first event, to within the whole seconds that the file tells.
    reference.time_tai_ns = static_cast<std::uint64_t>(
        sky::utc_to_tai_ns(static_cast<std::int64_t>(camera.run_start_utc_s * 1e9)));
    spdlog::warn("{}: no UCTS in the first event: times count from the start of the run, {} UTC",
                 row.path().string(), static_cast<std::int64_t>(camera.run_start_utc_s));
  } else {
    throw row.damaged("the first event has no UCTS time to count from; give the run summary");
  }
  return reference;
}

void R0Source::State::read_time(const RawEventRow& row, RawEvent& event) {
  event.trigger = read_trigger(row, camera);
  event.ucts_jump = false;
  if (camera.r1v1) {
    event.type = static_cast<EventType>(row.integer(RawField::event_type));
    event.time_tai_ns = static_cast<std::int64_t>(row.integer(RawField::time_s)) * 1'000'000'000 +
                        static_cast<std::int64_t>(row.integer(RawField::time_qns)) / 4;
    return;
  }
  if (!clock.has_reference()) clock.set_reference(reference_of_first(row, event));
  const auto time = clock.next(module_counter_ns(row, clock.module_index()), event.trigger);
  event.time_tai_ns = time.time_tai_ns;
  event.ucts_jump = time.ucts_jump;
  counts.ucts_jumps += time.ucts_jump ? 1 : 0;
  counts.ucts_behind += time.ucts_behind ? 1 : 0;
  event.type = event_type_of(event.trigger, options.trigger_source);
}

void R0Source::State::heed_pedestal_ids(RawEvent& event) {
  if (!options.pedestal_ids) return;
  const bool listed = std::binary_search(options.pedestal_ids->begin(), options.pedestal_ids->end(),
                                         event.event_id);
  counts.listed += listed ? 1 : 0;
  if (listed && event.type != EventType::sky_pedestal) {
    event.type = EventType::sky_pedestal;
    ++counts.made_pedestal;
  } else if (!listed && event.type == EventType::sky_pedestal) {
    event.type = EventType::subarray;
    ++counts.made_physics;
  }
}

void R0Source::State::read_event(const EventPlace& place, RawBlock& block, std::size_t slot) {
  const TilePlace& at = tiles[place.tile];
  const RawEventRow row(streams[at.stream], *at.data, at.tile, place.row);
  RawEvent& event = block.events[slot];
  event.event_id = place.id;
  read_time(row, event);
  event.preprocessing = static_cast<std::uint32_t>(row.integer(RawField::tdp_action));
  heed_pedestal_ids(event);
  counts.unknown_type += event.type == EventType::unknown ? 1 : 0;

  const std::size_t n_pixels = camera.pixel_ids.size(), n_modules = camera.module_ids.size();
  const std::span status(block.status_.data() + slot * n_pixels, n_pixels);
  const std::span rows(block.rows_.data() + slot * n_pixels, n_pixels);
  const bool one_gain_only = read_pixel_status(row, camera, status, rows, event);
  read_waveform(row, camera, one_gain_only ? 1 : 2, event);
  read_first_capacitors(row, n_modules, block.capacitors_, event);
  const std::span clocks(block.clocks_.data() + slot * n_modules, n_modules);
  read_module_clocks(row, clocks);
  event.module_clock = clocks;
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
