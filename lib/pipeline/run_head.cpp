#include "lib/pipeline/run_head.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "calib/r0/event_clock.hpp"
#include "calib/r0/raw_camera.hpp"
#include "calib/r0/raw_stream.hpp"
#include "calib/r0/settings_row.hpp"
#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "lib/io/fits/byte_source.hpp"
#include "lib/io/fits/header.hpp"
#include "lib/sky/time.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;
namespace {

using calib::RawField;

/// Tiles of a stream that hold more events than anybody looks at: a tile has some 20.
constexpr std::size_t most_tiles = 100;

/// What is looked at in each format: no waveforms.
constexpr std::array r1v1_fields = {RawField::event_id, RawField::event_type};
constexpr std::array proto_r1_fields = {RawField::event_id,      RawField::devices,
                                        RawField::module_status, RawField::tib,
                                        RawField::ucts,          RawField::board_counters};

constexpr std::uint64_t mono_trigger = 1;

/// The events of one stream from the first on, tile by tile.
class StreamHead {
 public:
  explicit StreamHead(const fs::path& path) : stream_(calib::open_raw_stream(path, most_tiles)) {
    calib::require(stream_, std::array{RawField::event_id});
    read_tile();
  }

  [[nodiscard]] const calib::RawStream& stream() const { return stream_; }
  /// False at the end, or when most_tiles were read.
  [[nodiscard]] bool has_event() const { return tile_ < stream_.events.tile_count(); }
  [[nodiscard]] calib::RawEventRow event() const { return {stream_, columns_, tile_, row_}; }
  [[nodiscard]] std::uint64_t id() const { return event().integer(RawField::event_id); }
  void advance() {
    if (++row_ < stream_.events.rows_in_tile(tile_)) return;
    ++tile_;
    row_ = 0;
    read_tile();
  }

 private:
  void read_tile() {
    while (has_event() && stream_.events.rows_in_tile(tile_) == 0) ++tile_;
    if (!has_event()) return;
    const std::span<const RawField> fields =
        stream_.r1v1 ? std::span<const RawField>(r1v1_fields) : proto_r1_fields;
    for (const RawField field : fields)
      if (stream_.column[field])
        stream_.events.decode(tile_, *stream_.column[field], columns_[field], scratch_);
  }

  calib::RawStream stream_;
  calib::RawColumns columns_;
  zfits::DecodeScratch scratch_;
  std::size_t tile_ = 0, row_ = 0;
};

/// Fill the reference of a run in the ProtoR1 format from its first event.
void read_reference(const calib::RawEventRow& first, const calib::RawCamera& camera,
                    const calib::TriggerData& trigger, text::RunSummaryRow& row) {
  const std::size_t module = calib::first_module_with_data(first);
  // lstchain's identifier is the position of the module whose number is that index; it finds none
  // and gives up if that module is absent.
  const std::vector<std::uint16_t>& ids = camera.module_ids;
  const auto named = std::find(ids.begin(), ids.end(), static_cast<std::uint16_t>(module));
  row.run_start =
      sky::utc_to_tai_ns(static_cast<std::int64_t>(camera.run_start_utc_s) * 1'000'000'000);
  row.ucts_timestamp =
      trigger.has_ucts ? static_cast<std::int64_t>(trigger.ucts_time_tai_ns) : std::int64_t{-1};
  row.dragon_reference_time = trigger.has_ucts ? row.ucts_timestamp : row.run_start;
  row.dragon_reference_module_id = named != ids.end()    ? named - ids.begin()
                                   : module < ids.size() ? ids[module]
                                                         : -1;
  row.dragon_reference_module_index = static_cast<std::int64_t>(module);
  row.dragon_reference_counter = calib::module_counter_ns(first, module);
  row.dragon_reference_source = trigger.has_ucts ? "ucts" : "run_start";
}

/// What the event builder did to events of a mono trigger. Due to a fault of the event builder the
/// actions stand in the field of the trigger patterns.
std::int64_t preprocessing_of_mono(const zfits::File& file) {
  calib::SettingsRow camera(file, "CameraConfiguration");
  const std::vector<std::uint16_t> triggers = camera.words("15.4"), actions = camera.words("15.6");
  if (actions.empty()) return 0;
  constexpr unsigned known_actions = 0xff;
  unsigned action = actions[0];
  for (std::size_t i = 0; i < triggers.size() && i + 1 < actions.size(); ++i)
    if (triggers[i] == mono_trigger) action = actions[i + 1];
  return action & known_actions;
}

/// Return the stream whose next event comes first, or none at the end.
StreamHead* next_of(std::vector<StreamHead>& heads) {
  StreamHead* next = nullptr;
  for (StreamHead& candidate : heads)
    if (candidate.has_event() && (next == nullptr || candidate.id() < next->id()))
      next = &candidate;
  return next;
}

/// The types of the events of a run, told one after the other from the first on.
class TypesOfEvents {
 public:
  TypesOfEvents(bool r1v1, const zfits::File& file, text::RunSummaryRow& row) : row_(row) {
    if (!r1v1) camera_ = calib::read_raw_camera(file, r1v1);
  }
  /// The first event of the old format gives the reference, too.
  EventType next(const calib::RawEventRow& event) {
    if (!camera_) return static_cast<EventType>(event.integer(RawField::event_type));
    calib::TriggerData trigger = calib::read_trigger(event, *camera_);
    if (!clock_.has_reference()) {
      read_reference(event, *camera_, trigger, row_);
      clock_.set_reference({static_cast<std::uint64_t>(row_.dragon_reference_time),
                            row_.dragon_reference_counter,
                            static_cast<std::size_t>(row_.dragon_reference_module_index)});
    }
    clock_.next(calib::module_counter_ns(event, clock_.module_index()), trigger);
    return calib::event_type_of(trigger, calib::TriggerSource::ucts);
  }

 private:
  text::RunSummaryRow& row_;
  std::optional<calib::RawCamera> camera_;  ///< of the old format
  calib::EventClock clock_{std::nullopt};
};

}  // namespace

RunHead read_run_head(const std::vector<fs::path>& streams, std::size_t most_events) {
  std::vector<StreamHead> heads;
  for (const fs::path& path : streams) {
    heads.emplace_back(path);
    if (heads.back().stream().r1v1 != heads.front().stream().r1v1)
      throw Error(ErrorKind::bad_input, "the streams are of different formats", path.string());
  }
  if (heads.empty()) throw Error(ErrorKind::missing_input, "there is no file of the first subrun");
  const calib::RawStream& first = heads.front().stream();
  RunHead head;
  head.row.data_format = first.events.message_class();
  head.row.dragon_reference_counter = ~std::uint64_t{0};
  head.row.dragon_reference_source = "None";
  if (first.r1v1) head.row.evb_preprocessing = preprocessing_of_mono(first.file);
  TypesOfEvents types(first.r1v1, first.file, head.row);
  while (head.events < most_events) {
    StreamHead* const next = next_of(heads);
    if (next == nullptr) break;
    const std::uint64_t id = next->id();
    if (id == 0) {  // an empty event, as some runs end with
      next->advance();
      continue;
    }
    if (head.events == 0 && id != 1)
      throw next->event().damaged(fmt::format("the first event is number {}, not 1", id));
    const EventType type = types.next(next->event());
    ++head.events;
    head.physics += type == EventType::subarray ? 1 : 0;
    head.pedestals += type == EventType::sky_pedestal ? 1 : 0;
    head.flatfields += type == EventType::flatfield ? 1 : 0;
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
