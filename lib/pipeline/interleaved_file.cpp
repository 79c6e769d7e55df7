#include "lib/pipeline/interleaved_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "lib/base/error.hpp"
#include "lib/pipeline/configuration_tables.hpp"
#include "lib/pipeline/dl1_layout.hpp"
#include "lib/pipeline/dl1_writer.hpp"
#include "lib/sky/time.hpp"

namespace alisio::pipeline {
namespace {

using hdf5::ColumnSource;
using hdf5::ColumnSpec;
using hdf5::enumeration_column;
using hdf5::plain_column;
using hdf5::quantity_column;
using hdf5::ScalarType;
using hdf5::TableWriter;
using hdf5::text_column;

constexpr std::size_t n_gains = 2;
constexpr const char* trigger_path = "/dl1/event/subarray/trigger";
constexpr const char* tel_trigger_path = "/dl1/event/telescope/trigger";
constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::string waveforms_path(std::int64_t tel_id) {
  return fmt::format("/r1/event/telescope/tel_{:03}", tel_id);
}
std::string images_path_of(std::int64_t tel_id) {
  return fmt::format("/dl1/event/telescope/images/tel_{:03}", tel_id);
}

const std::vector<std::size_t> high_res_time{2};

std::vector<ColumnSpec> waveform_columns(std::size_t n_pixels, std::size_t n_samples) {
  return {
      plain_column("obs_id", ScalarType::int64, "Run"),
      plain_column("event_id", ScalarType::int64, "Event"),
      plain_column("tel_id", ScalarType::int16, "Telescope"),
      enumeration_column("event_type", "EventType", "Type of the event"),
      plain_column("event_time", ScalarType::uint32, "Time, TAI s and quarter ns", high_res_time),
      plain_column("waveform", ScalarType::uint16, "Waveform, p.e. in fixed point",
                   {n_gains, n_pixels, n_samples}),
      plain_column("pixel_status", ScalarType::uint8, "Status of the pixels", {n_pixels})};
}

/// @param item_bytes of the numbers that fill most of a row, if they are noise
TableWriter make_table(hdf5::File& file, const std::string& path, const char* containers,
                       std::vector<ColumnSpec> columns, std::size_t chunk_rows,
                       std::size_t item_bytes = 0) {
  const bool is_noise = item_bytes != 0;
  TableWriter table(file, {.path = path,
                           .title = std::string("Storage of ") + containers,
                           .columns = std::move(columns),
                           .chunk_rows = chunk_rows,
                           .compression_level = is_noise ? 5 : 1,
                           .codec = is_noise ? hdf5::Codec::lz4 : hdf5::Codec::zstd,
                           .item_bytes = item_bytes});
  table.write_attribute("CTAPIPE_VERSION", ctapipe_version);
  return table;
}

/// Say that a column is a time of two integers.
void mark_time(TableWriter& table, int column) {
  const std::string field = fmt::format("CTAFIELD_{}_", column);
  table.write_attribute(field + "TRANSFORM", "time");
  table.write_attribute(field + "TIME_SCALE", "tai");
  table.write_attribute(field + "TIME_FORMAT", "ctao_high_res");
}

void mark_text(TableWriter& table, int column, std::size_t size) {
  const std::string field = fmt::format("CTAFIELD_{}_", column);
  table.write_attribute(field + "TRANSFORM", "string");
  table.write_attribute(field + "MAXLEN", std::int64_t(size));
}

/// Write the tables of the observation that ctapipe's reader asks for.
void write_observation(hdf5::File& file, std::int64_t obs_id, std::int64_t start_tai_ns) {
  const std::string producer = "LST-1";
  const std::int64_t unknown = -1, icrs = 1, track = 0;
  const double none = 0;
  // Whole days apart, so that nothing is rounded but the sum.
  constexpr std::int64_t ns_per_day = 86400 * ns_per_s;
  constexpr std::int64_t mjd_of_unix_epoch = 40587;
  const double start_mjd = double(mjd_of_unix_epoch + start_tai_ns / ns_per_day) +
                           double(start_tai_ns % ns_per_day) / double(ns_per_day);
  const auto id = std::uint64_t(obs_id);
  {
    TableWriter table = make_table(
        file, "/configuration/observation/observation_block", "ObservationBlockContainer",
        {plain_column("obs_id", ScalarType::uint64, "Run"),
         plain_column("sb_id", ScalarType::uint64, "Run"),
         text_column("producer_id", producer, "Telescope"),
         enumeration_column("state", "ObservationBlockState", "State"),
         quantity_column("subarray_pointing_lat", "deg", "Declination"),
         quantity_column("subarray_pointing_lon", "deg", "Right ascension"),
         enumeration_column("subarray_pointing_frame", "CoordinateFrameType",
                            "Frame of the pointing"),
         quantity_column("scheduled_duration", "min", "Expected duration"),
         plain_column("scheduled_start_time", ScalarType::float64, "Expected start, MJD"),
         plain_column("actual_start_time", ScalarType::float64, "Start, MJD"),
         quantity_column("actual_duration", "min", "Duration")},
        16);
    mark_text(table, 2, producer.size());
    for (const char* column : {"8", "9"}) {
      const std::string field = std::string("CTAFIELD_") + column + "_";
      table.write_attribute(field + "TRANSFORM", "time");
      table.write_attribute(field + "TIME_SCALE", "tai");
      table.write_attribute(field + "TIME_FORMAT", "mjd");
    }
    const ColumnSource sources[] = {ColumnSource::constant(id),   ColumnSource::constant(id),
                                    {producer.data(), 0},         ColumnSource::constant(unknown),
                                    ColumnSource::constant(nan),  ColumnSource::constant(nan),
                                    ColumnSource::constant(icrs), ColumnSource::constant(nan),
                                    ColumnSource::constant(none), ColumnSource::constant(start_mjd),
                                    ColumnSource::constant(nan)};
    table.append(1, sources);
    table.finish();
  }
  TableWriter table = make_table(
      file, "/configuration/observation/scheduling_block", "SchedulingBlockContainer",
      {plain_column("sb_id", ScalarType::uint64, "Run"),
       enumeration_column("sb_type", "SchedulingBlockType", "Type"),
       text_column("producer_id", producer, "Telescope"),
       enumeration_column("observing_mode", "ObservingMode", "How observations lie in space"),
       enumeration_column("pointing_mode", "PointingMode", "How the telescope moves")},
      16);
  mark_text(table, 2, producer.size());
  const ColumnSource sources[] = {ColumnSource::constant(id),
                                  ColumnSource::constant(unknown),
                                  {producer.data(), 0},
                                  ColumnSource::constant(unknown),
                                  ColumnSource::constant(track)};
  table.append(1, sources);
  table.finish();
}

}  // namespace

namespace {

/// Without branches, so that a compiler can do it for several samples at once.
[[gnu::always_inline]] inline std::uint16_t encode_one(float value) {
  using namespace fixed_point;
  // What lies beyond these is infinite for 16 bits; adding and taking away 1.5 * 2^23 rounds half
  // to even what lies between.
  constexpr float least = -65536, most = 131072, shifter = 12582912;
  float x = value * scale;
  x = x > most ? most : x;
  x = x < least ? least : x;
  const float scaled = ((x + shifter) - shifter) + offset;
  const bool is_number = scaled == scaled;
  auto code = static_cast<std::int32_t>(is_number ? scaled : 0.F);
  code = scaled < 0 ? negative_infinity : code;
  code = scaled > float(negative_infinity - 1) ? positive_infinity : code;
  return static_cast<std::uint16_t>(is_number ? code : not_a_number);
}

[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] void encode_channels(
    std::span<const float* const> waveforms, std::span<const std::uint8_t> missing,
    std::size_t n_samples, std::uint16_t* __restrict out) {
  // Waveforms lie by modules, so that none follows the one before: without this, which halves the
  // time, most of it is waiting.
  constexpr std::size_t ahead = 12, per_line = 64 / sizeof(float);
  for (std::size_t c = 0; c < waveforms.size(); ++c, out += n_samples) {
    const float* const samples = waveforms[c];
    if (c + ahead < waveforms.size())
      for (std::size_t s = 0; s < n_samples; s += per_line)
        __builtin_prefetch(waveforms[c + ahead] + s);
    if (missing[c] != 0)
      std::fill_n(out, n_samples, fixed_point::not_a_number);
    else
      for (std::size_t s = 0; s < n_samples; ++s) out[s] = encode_one(samples[s]);
  }
}

}  // namespace

std::uint16_t fixed_point::encode(float value) {
  return encode_one(value);
}

float fixed_point::decode(std::uint16_t stored) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  if (stored == not_a_number) return std::numeric_limits<float>::quiet_NaN();
  if (stored == negative_infinity) return -infinity;
  if (stored == positive_infinity) return infinity;
  return (float(stored) - offset) / scale;
}

InterleavedWriter::InterleavedWriter(const std::filesystem::path& path,
                                     const instrument::Telescope& telescope, std::int64_t obs_id,
                                     std::size_t n_samples, std::int64_t start_tai_ns)
    : file_(hdf5::File::create(path)),
      obs_id_(obs_id),
      tel_id_(static_cast<std::int16_t>(telescope.tel_id)),
      n_pixels_(telescope.geometry.n_pixels),
      n_samples_(n_samples),
      waveforms_(make_table(file_, waveforms_path(telescope.tel_id),
                            "TelEventIndexContainer,R1CameraContainer",
                            waveform_columns(n_pixels_, n_samples), 1, sizeof(std::uint16_t))),
      images_(make_table(
          file_, images_path_of(telescope.tel_id), "TelEventIndexContainer,DL1CameraContainer",
          {plain_column("obs_id", ScalarType::int64, "Run"),
           plain_column("event_id", ScalarType::int64, "Event"),
           plain_column("tel_id", ScalarType::int16, "Telescope"),
           plain_column("peak_time", ScalarType::float32, "Arrival time, ns", {n_gains, n_pixels_}),
           plain_column("is_valid", ScalarType::boolean, "Extraction succeeded")},
          17, sizeof(float))),
      trigger_(make_table(
          file_, trigger_path, "EventIndexContainer,TriggerContainer",
          {plain_column("obs_id", ScalarType::int64, "Run"),
           plain_column("event_id", ScalarType::int64, "Event"),
           plain_column("time", ScalarType::uint32, "Time, TAI s and quarter ns", high_res_time),
           plain_column("tels_with_trigger", ScalarType::boolean, "Telescopes that triggered", {1}),
           enumeration_column("event_type", "EventType", "Type of the event")},
          256)),
      tel_trigger_(make_table(
          file_, tel_trigger_path, "TelEventIndexContainer,TelescopeTriggerContainer",
          {plain_column("obs_id", ScalarType::int64, "Run"),
           plain_column("event_id", ScalarType::int64, "Event"),
           plain_column("tel_id", ScalarType::int16, "Telescope"),
           plain_column("time", ScalarType::uint32, "Time, TAI s and quarter ns", high_res_time),
           plain_column("n_trigger_pixels", ScalarType::int64,
                        "Number of trigger groups; -1: unknown")},
          256)) {
  mark_time(waveforms_, 4);
  waveforms_.write_attribute("CTAFIELD_5_TRANSFORM", "fixed_point");
  waveforms_.write_attribute("CTAFIELD_5_TRANSFORM_DTYPE", "float32");
  waveforms_.write_attribute("CTAFIELD_5_TRANSFORM_SCALE", double(fixed_point::scale));
  waveforms_.write_attribute("CTAFIELD_5_TRANSFORM_OFFSET", std::int64_t(fixed_point::offset));
  waveforms_.write_attribute("CTAFIELD_5_NAN_VALUE", std::int64_t{fixed_point::not_a_number});
  waveforms_.write_attribute("CTAFIELD_5_NEGINF_VALUE",
                             std::int64_t{fixed_point::negative_infinity});
  waveforms_.write_attribute("CTAFIELD_5_POSINF_VALUE",
                             std::int64_t{fixed_point::positive_infinity});
  mark_time(trigger_, 2);
  trigger_.write_attribute("CTAFIELD_3_TRANSFORM", "tel_list_to_mask");
  mark_time(tel_trigger_, 3);
  write_configuration(file_, telescope);
  write_observation(file_, obs_id, start_tai_ns);
}

InterleavedWriter::Prepared InterleavedWriter::prepare(const InterleavedEvent& event) const {
  Prepared out;
  out.event_id = event.event_id;
  out.event_type = std::int64_t(event.type);
  out.time[0] = static_cast<std::uint32_t>(event.time_tai_ns / ns_per_s);
  out.time[1] = static_cast<std::uint32_t>(event.time_tai_ns % ns_per_s * 4);
  out.peak_time.assign(event.peak_time.begin(), event.peak_time.end());
  // Buffers of a thread, kept for the next event.
  thread_local std::vector<std::uint16_t> stored;
  thread_local std::vector<std::byte> packed;
  stored.resize(n_gains * n_pixels_ * n_samples_);
  encode_channels(event.waveforms, event.missing, n_samples_, stored.data());
  const ColumnSource sources[] = {ColumnSource::constant(obs_id_),
                                  ColumnSource::constant(out.event_id),
                                  ColumnSource::constant(tel_id_),
                                  ColumnSource::constant(out.event_type),
                                  {out.time, 0},
                                  {stored.data(), 0},
                                  {event.pixel_status.data(), 0}};
  waveforms_.pack(1, sources, packed);
  out.waveform = waveforms_.compress(packed, 1);
  return out;
}

void InterleavedWriter::write(const Prepared& event) {
  waveforms_.write_chunk(event.waveform);
  const std::uint8_t yes = 1;
  const std::int64_t not_known = -1;
  const ColumnSource image[] = {ColumnSource::constant(obs_id_),
                                ColumnSource::constant(event.event_id),
                                ColumnSource::constant(tel_id_),
                                {event.peak_time.data(), 0},
                                ColumnSource::constant(yes)};
  images_.append(1, image);
  const ColumnSource trigger[] = {ColumnSource::constant(obs_id_),
                                  ColumnSource::constant(event.event_id),
                                  {event.time, 0},
                                  ColumnSource::constant(yes),
                                  ColumnSource::constant(event.event_type)};
  trigger_.append(1, trigger);
  const ColumnSource tel_trigger[] = {ColumnSource::constant(obs_id_),
                                      ColumnSource::constant(event.event_id),
                                      ColumnSource::constant(tel_id_),
                                      {event.time, 0},
                                      ColumnSource::constant(not_known)};
  tel_trigger_.append(1, tel_trigger);
  ++events_;
}

void InterleavedWriter::finish(const ProductMetadata& metadata) {
  for (TableWriter* table : {&waveforms_, &images_, &trigger_, &tel_trigger_}) table->finish();
  // ctapipe reads files of the data models that it knows.
  const std::map<std::string, std::string> of_ctapipe{{"CTA PRODUCT DATA ASSOCIATION", "Subarray"},
                                                      {"CTA PRODUCT DATA LEVELS", "DL1_IMAGES,R1"},
                                                      {"CTA PRODUCT DATA MODEL NAME", "ASWG"},
                                                      {"CTA PRODUCT DATA MODEL VERSION", "v7.1.0"}};
  ProductMetadata adapted = metadata;
  std::erase_if(adapted.attributes,
                [&](const auto& item) { return of_ctapipe.contains(item.first); });
  adapted.attributes.insert(adapted.attributes.end(), of_ctapipe.begin(), of_ctapipe.end());
  write_file_attributes(file_, adapted, "r0_to_dl1");
  file_.close();
}

struct InterleavedReader::State {
  std::filesystem::path path;
  std::size_t n_pixels = 0, n_samples = 0, events = 0;
  bool two_gains = true;
  std::unique_ptr<hdf5::TableReader> waveforms, images;
  std::vector<std::int64_t> event_type;
  std::vector<std::uint32_t> time;  ///< [event][2]
};

InterleavedReader::InterleavedReader(const std::filesystem::path& path, std::size_t n_pixels)
    : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.path = path;
  s.n_pixels = n_pixels;
  const hdf5::File file = hdf5::File::open(path);
  const auto only = [&](const std::string& group) {
    const auto members = file.exists(group) ? file.members(group) : std::vector<std::string>{};
    const auto found = std::find_if(members.begin(), members.end(), [](const std::string& name) {
      return name.starts_with("tel_");
    });
    if (found == members.end())
      throw Error(ErrorKind::bad_input, fmt::format("has no tables in '{}'", group), path.string(),
                  "give a file interleaved_LST-1.RunRRRRR.SSSS.h5 of r0-to-dl1 --interleaved");
    return group + "/" + *found;
  };
  s.waveforms = std::make_unique<hdf5::TableReader>(file, only("/r1/event/telescope"));
  s.images = std::make_unique<hdf5::TableReader>(file, only("/dl1/event/telescope/images"));
  const hdf5::TableReader trigger(file, trigger_path);
  s.events = trigger.row_count();
  if (s.waveforms->row_count() != s.events || s.images->row_count() != s.events)
    throw Error(ErrorKind::bad_input,
                fmt::format("{} triggers, {} waveforms and {} images do not fit", s.events,
                            s.waveforms->row_count(), s.images->row_count()),
                path.string(), "make the file again");
  const hdf5::Rows rows = trigger.read_all();
  s.event_type = rows.column<std::int64_t>("event_type");
  s.time = rows.arrays<std::uint32_t>("time");
  const auto& shape = hdf5::find_column(s.waveforms->columns(), "waveform", path.string()).shape;
  if (shape.size() != 3 || shape[0] < 1 || shape[0] > n_gains || shape[1] != n_pixels)
    throw Error(ErrorKind::bad_input,
                fmt::format("'waveform' is not [gain][pixel][sample] of {} pixels", n_pixels),
                path.string(), "is it a file of another camera?");
  s.two_gains = shape[0] == n_gains;
  s.n_samples = shape[2];
}

InterleavedReader::~InterleavedReader() = default;
InterleavedReader::InterleavedReader(InterleavedReader&&) noexcept = default;

std::size_t InterleavedReader::event_count() const {
  return state_->events;
}
std::size_t InterleavedReader::n_samples() const {
  return state_->n_samples;
}

void InterleavedReader::read(std::size_t i, Event& event) const {
  const State& s = *state_;
  const std::size_t channels = n_gains * s.n_pixels;
  event.type = EventType(s.event_type[i]);
  event.unix_s = sky::tai_ns_to_unix_s(std::int64_t{s.time[2 * i]} * ns_per_s +
                                       std::int64_t{s.time[2 * i + 1]} / 4);
  const hdf5::Rows row = s.waveforms->read(i, 1);
  const auto stored = row.arrays<std::uint16_t>("waveform");
  const auto times = s.images->read(i, 1).arrays<float>("peak_time");
  event.waveform.assign(channels * s.n_samples, 0.F);
  event.peak_time.assign(channels, 0.F);
  event.missing.assign(channels, 0);
  const auto decode = [&](std::size_t from, std::size_t to) {
    std::transform(&stored[from * s.n_samples], &stored[from * s.n_samples] + s.n_samples,
                   &event.waveform[to * s.n_samples], fixed_point::decode);
  };
  if (s.two_gains) {
    for (std::size_t c = 0; c < channels; ++c) {
      const auto* const first = &stored[c * s.n_samples];
      if (std::all_of(first, first + s.n_samples,
                      [](std::uint16_t v) { return v == fixed_point::not_a_number; })) {
        event.missing[c] = 1;
        continue;
      }
      decode(c, c);
      event.peak_time[c] = times[c];
    }
    return;
  }
  std::fill(event.missing.begin(), event.missing.end(), std::uint8_t{1});
  const auto selected = row.arrays<std::int64_t>("selected_gain_channel");
  for (std::size_t p = 0; p < s.n_pixels; ++p) {
    const std::size_t c = (selected[p] == 0 ? 0 : s.n_pixels) + p;
    event.missing[c] = 0;
    decode(p, c);
    event.peak_time[c] = times[p];
  }
}

}  // namespace alisio::pipeline
