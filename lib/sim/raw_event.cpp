#include "lib/sim/raw_event.hpp"

#include <algorithm>
#include <array>

#include "lib/base/error.hpp"
#include "lib/base/suggest.hpp"
#include "lib/io/zfits/writer.hpp"
#include "lib/sim/light.hpp"

namespace alisio::sim {
namespace {

using zfits::ItemType;
using zfits::Scheme;

constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr std::uint32_t devices_present = 3;  ///< trigger interface board and time stamper
constexpr std::size_t rows_per_tile = 20;
constexpr std::size_t swat_bytes = 27;
constexpr std::uint8_t high_gain_stored = 4, low_gain_stored = 8, both_gains_stored = 12;

template <typename T>
void put(std::vector<std::uint8_t>& out, T value, std::size_t bytes = sizeof(T)) {
  auto bits = static_cast<std::uint64_t>(value);
  for (std::size_t i = 0; i < bytes; ++i, bits >>= 8U)
    out.push_back(static_cast<std::uint8_t>(bits & 255U));
}

std::int64_t pulses(std::int64_t time_ns) {
  return time_ns / ns_per_s;
}
std::int64_t ten_mhz(std::int64_t time_ns) {
  return time_ns % ns_per_s / 100;
}

/// Return the event type of the new format.
std::uint32_t event_type(std::uint8_t trigger) {
  if (trigger == trigger_bit::pedestal) return 2;
  return (trigger & trigger_bit::calibration) != 0 ? 0 : 32;
}

zfits::TableSpec table(std::string name, std::string message_class,
                       std::vector<zfits::ColumnSpec> columns, std::size_t max_tiles) {
  zfits::TableSpec spec;
  spec.name = std::move(name);
  spec.message_class = std::move(message_class);
  spec.columns = std::move(columns);
  spec.rows_per_tile = rows_per_tile;
  spec.max_tiles = max_tiles;
  return spec;
}

zfits::TableSpec old_config_table() {
  return table("CameraConfig", "ProtoR1.CameraConfiguration",
               {{"telescope_id", "1", ItemType::uint32},
                {"cs_serial", "2", ItemType::text, true},
                {"configuration_id", "3", ItemType::uint64, false, Scheme::zrice32},
                {"date", "4", ItemType::uint64},
                {"num_pixels", "5", ItemType::uint32},
                {"num_samples", "6", ItemType::uint32},
                {"expected_pixels_id", "7", ItemType::uint16, true},
                {"data_model_version", "8", ItemType::text, true},
                {"lstcam_idaq_version", "10.1", ItemType::text, true},
                {"lstcam_cdhs_version", "10.2", ItemType::text, true},
                {"lstcam_num_modules", "10.3", ItemType::uint32},
                {"lstcam_expected_modules_id", "10.4", ItemType::uint16, true},
                {"lstcam_algorithms", "10.5", ItemType::uint32},
                {"lstcam_pre_proc_algorithms", "10.6", ItemType::uint32}},
               1);
}

zfits::TableSpec old_event_table(std::size_t max_tiles) {
  return table(
      "Events", "ProtoR1.CameraEvent",
      {{"configuration_id", "1", ItemType::uint64, false, Scheme::zrice32},
       {"event_id", "2", ItemType::uint64, false, Scheme::zrice32},
       {"tel_event_id", "3", ItemType::uint64, false, Scheme::zrice32},
       {"trigger_time_s", "4", ItemType::uint32, false, Scheme::zrice32},
       {"trigger_time_qns", "5", ItemType::uint32, false, Scheme::zrice32},
       {"trigger_type", "6", ItemType::uint32, false, Scheme::zrice32},
       {"waveform", "7", ItemType::uint16, true, Scheme::fact},
       {"pixel_status", "8", ItemType::uint8, true, Scheme::zlib},
       {"ped_id", "9", ItemType::uint64, false, Scheme::zrice32},
       {"lstcam_module_status", "11.1", ItemType::uint8, true, Scheme::lzo},
       {"lstcam_extdevices_presence", "11.2", ItemType::uint32, false, Scheme::zrice32},
       {"lstcam_tib_data", "11.3", ItemType::uint8, true, Scheme::zrice32},
       {"lstcam_cdts_data", "11.4", ItemType::uint8, true, Scheme::zrice32},
       {"lstcam_swat_data", "11.5", ItemType::uint8, true, Scheme::zrice32},
       {"lstcam_counters", "11.6", ItemType::uint8, true, Scheme::zlib},
       {"lstcam_chips_flags", "11.7", ItemType::uint16, true, Scheme::zrice32},
       {"lstcam_first_capacitor_id", "11.8", ItemType::uint16, true, Scheme::doublediffman16},
       {"lstcam_drs_tag_status", "11.9", ItemType::uint8, true, Scheme::lzo},
       {"lstcam_drs_tag", "11.10", ItemType::uint16, true, Scheme::fact}},
      max_tiles);
}

zfits::TableSpec stream_table() {
  return table("DataStream", "R1v1.TelescopeDataStream",
               {{"tel_id", "1", ItemType::uint32},
                {"sb_id", "2", ItemType::uint64},
                {"obs_id", "3", ItemType::uint64},
                {"waveform_scale", "4", ItemType::float32},
                {"waveform_offset", "5", ItemType::float32}},
               1);
}

zfits::TableSpec new_config_table() {
  return table("CameraConfiguration", "R1v1.CameraConfiguration",
               {{"tel_id", "1", ItemType::uint32},
                {"local_run_id", "2", ItemType::uint64},
                {"config_time_s", "3", ItemType::float64},
                {"camera_config_id", "4", ItemType::uint64},
                {"pixel_id_map", "5", ItemType::uint16, true},
                {"module_id_map", "6", ItemType::uint16, true},
                {"num_modules", "7", ItemType::uint32},
                {"num_pixels", "8", ItemType::uint32},
                {"num_channels", "9", ItemType::uint32},
                {"data_model_version", "10", ItemType::text, true},
                {"calibration_service_id", "11", ItemType::uint64},
                {"calibration_algorithm_id", "12", ItemType::uint32},
                {"num_samples_nominal", "13", ItemType::uint32},
                {"num_samples_long", "14", ItemType::uint32},
                {"debug_cs_serial", "15.1", ItemType::text, true},
                {"debug_evb_version", "15.2", ItemType::text, true},
                {"debug_cdhs_version", "15.3", ItemType::text, true},
                {"debug_tdp_type", "15.4", ItemType::uint16, true},
                {"debug_tdp_action", "15.5", ItemType::uint16, true},
                {"debug_ttype_pattern", "15.6", ItemType::uint16, true}},
               1);
}

zfits::TableSpec new_event_table(std::size_t max_tiles) {
  return table("Events", "R1v1.Event",
               {{"event_id", "1", ItemType::uint64, false, Scheme::zrice32},
                {"tel_id", "2", ItemType::uint32, false, Scheme::zrice32},
                {"local_run_id", "3", ItemType::uint64, false, Scheme::zrice32},
                {"event_type", "4", ItemType::uint32, false, Scheme::zrice32},
                {"event_time_s", "5", ItemType::uint32, false, Scheme::zrice32},
                {"event_time_qns", "6", ItemType::uint32, false, Scheme::zrice32},
                {"num_channels", "7", ItemType::uint32, false, Scheme::zrice32},
                {"num_samples", "8", ItemType::uint32, false, Scheme::zrice32},
                {"num_pixels", "9", ItemType::uint32, false, Scheme::zrice32},
                {"num_modules", "10", ItemType::uint32, false, Scheme::zrice32},
                {"waveform", "11", ItemType::uint16, true, Scheme::fact},
                {"pixel_status", "12", ItemType::uint8, true, Scheme::zlib},
                {"first_cell_id", "13", ItemType::uint16, true, Scheme::doublediffman16},
                {"module_hires_local_clock_counter", "14", ItemType::uint64, true, Scheme::zlib},
                {"calibration_monitoring_id", "16", ItemType::uint64, false, Scheme::zrice32},
                {"debug_module_status", "17.1", ItemType::uint8, true, Scheme::lzo},
                {"debug_extdevices_presence", "17.2", ItemType::uint32, false, Scheme::zrice32},
                {"debug_tib_data", "17.3", ItemType::uint8, true, Scheme::zrice32},
                {"debug_cdts_data", "17.4", ItemType::uint8, true, Scheme::zrice32},
                {"debug_counters", "17.6", ItemType::uint8, true, Scheme::zlib},
                {"debug_chips_flags", "17.7", ItemType::uint16, true, Scheme::zrice32},
                {"debug_tdp_action", "17.10", ItemType::uint32, false, Scheme::zrice32}},
               max_tiles);
}

}  // namespace

const char* to_string(RawFormat format) noexcept {
  return format == RawFormat::r0 ? "r0" : "r1v1";
}

RawFormat parse_format(std::string_view text) {
  if (text == "r0") return RawFormat::r0;
  if (text == "r1v1") return RawFormat::r1v1;
  const std::vector<std::string> known{"r0", "r1v1"};
  throw Error(ErrorKind::usage, "unknown raw format '" + std::string(text) + "'", "--format",
              suggestion(text, known));
}

namespace {

struct Step {
  const char* name;
  bool Preprocessing::*member;
  std::uint32_t bits;
};
/// Bits of tdp_action, as the event builder numbers them; photo-electrons come with the subtraction
/// of the pedestal.
constexpr std::array steps = {Step{"gain-selection", &Preprocessing::gain_selection, 1U << 0U},
                              Step{"baseline", &Preprocessing::baseline, 1U << 1U},
                              Step{"time-lapse", &Preprocessing::time_lapse, 1U << 2U},
                              Step{"spikes", &Preprocessing::spikes, 1U << 3U},
                              Step{"pe", &Preprocessing::pe, 1U << 5U | 1U << 6U}};

}  // namespace

std::uint32_t Preprocessing::actions(bool one_gain) const {
  std::uint32_t bits = 0;
  for (const Step& step : steps)
    if (this->*step.member && (one_gain || step.member != &Preprocessing::gain_selection))
      bits |= step.bits;
  return bits;
}

Preprocessing Preprocessing::parse(std::string_view text) {
  Preprocessing result;
  std::vector<std::string> known;
  for (const Step& step : steps) known.emplace_back(step.name);
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    const auto step = std::find_if(steps.begin(), steps.end(),
                                   [&](const Step& candidate) { return word == candidate.name; });
    if (step == steps.end())
      throw Error(ErrorKind::usage, "unknown step '" + std::string(word) + "'", "--preprocessed",
                  suggestion(word, known));
    result.*(step->member) = true;
  }
  if (result.pe && !(result.baseline && result.time_lapse && result.spikes))
    throw Error(ErrorKind::usage, "photo-electrons need all DRS4 corrections before",
                "--preprocessed", "give baseline,time-lapse,spikes,pe");
  return result;
}

std::string Preprocessing::text() const {
  std::string text;
  for (const Step& step : steps) {
    if (!(this->*step.member)) continue;
    if (!text.empty()) text += ',';
    text += step.name;
  }
  return text;
}

SampleCode sample_code(const Preprocessing& preprocessing) {
  if (preprocessing.pe) return {60, 10};
  return {1, preprocessing.baseline ? 400.0F : 0.0F};
}

std::string event_class(RawFormat format) {
  return format == RawFormat::r0 ? "ProtoR1.CameraEvent" : "R1v1.Event";
}

std::uint64_t clock_ticks(std::int64_t time_ns) noexcept {
  constexpr std::int64_t mhz = 133;
  return static_cast<std::uint64_t>(time_ns * mhz / 1000) + 10'000;
}

void fill_counters(const CameraModel& camera, const RawEvent& event,
                   std::vector<std::uint8_t>& out) {
  out.clear();
  for (std::size_t module = 0; module < camera.n_modules; ++module) {
    put(out, static_cast<std::uint16_t>(pulses(event.time_ns)));
    put(out, static_cast<std::uint32_t>(ten_mhz(event.time_ns)));
    put(out, static_cast<std::uint32_t>(event.id));
    put(out, static_cast<std::uint32_t>(event.id));
    put(out, clock_ticks(event.time_ns) + camera.clock_offset[module]);
  }
}

void fill_tib(const RawEvent& event, std::vector<std::uint8_t>& out) {
  out.clear();
  put(out, static_cast<std::uint32_t>(event.id));
  put(out, static_cast<std::uint16_t>(pulses(event.time_ns)));
  put(out, static_cast<std::uint32_t>(ten_mhz(event.time_ns)), 3);
  put(out, std::uint16_t{0});  // no stereo pattern
  put(out, event.trigger);
}

void fill_cdts(const RawRun& run, const RawEvent& event, std::vector<std::uint8_t>& out) {
  constexpr std::uint32_t address = 0x7B64000A, version = 3;
  out.clear();
  put(out, static_cast<std::uint64_t>(run.start_tai_ns + event.stamp_ns));
  put(out, address);
  put(out, static_cast<std::uint32_t>(event.id));
  put(out, std::uint32_t{0});  // busy counter
  put(out, static_cast<std::uint32_t>(pulses(event.stamp_ns)));
  put(out, static_cast<std::uint32_t>(ten_mhz(event.stamp_ns)));
  put(out, event.stamp_trigger);
  put(out, std::uint8_t{1});  // White Rabbit is locked
  put(out, std::uint8_t{0});
  put(out, std::uint8_t{0});
  put(out, version);
}

/// Keep the items of some modules; `items` holds as many for each.
template <typename T>
void keep_modules(std::span<const T> items, std::size_t n_modules,
                  const std::vector<std::size_t>& kept, std::vector<T>& out) {
  const std::size_t per_module = items.size() / n_modules;
  out.clear();
  for (const std::size_t module : kept) {
    const auto part = items.subspan(module * per_module, per_module);
    out.insert(out.end(), part.begin(), part.end());
  }
}

struct StreamFile::State {
  zfits::Writer writer;
  RawFormat format;
  const CameraModel& camera;
  RawRun run;
  std::vector<std::size_t> modules;  ///< positions of those that are read out
  zfits::Row row;
  std::vector<std::uint8_t> counters, all_counters, tib, cdts;
  std::vector<std::uint64_t> clocks;
  std::vector<std::uint16_t> pixel_map, first_cell, waveform;
  std::vector<std::uint8_t> pixel_status, module_status, drs_tag_status;
  const std::vector<std::uint8_t> swat;
  std::vector<std::uint16_t> chip_zeros;

  State(const std::filesystem::path& path, RawFormat raw_format, const CameraModel& model,
        const RawRun& raw_run)
      : writer(path), format(raw_format), camera(model), run(raw_run), swat(swat_bytes, 0) {
    for (std::size_t m = 0; m < model.n_modules; ++m)
      if (std::find(run.missing_modules.begin(), run.missing_modules.end(), m) ==
          run.missing_modules.end())
        modules.push_back(m);
    keep_modules(std::span(model.pixel_of_position), model.n_modules, modules, pixel_map);
    clocks.resize(modules.size());
    pixel_status.assign(pixel_map.size(), both_gains_stored);
    module_status.assign(modules.size(), 1);
    drs_tag_status.assign(modules.size(), 12);
    chip_zeros.assign(modules.size() * drs4::module_chips, 0);
  }

  [[nodiscard]] bool complete() const { return modules.size() == camera.n_modules; }

  /// Return the waveform of the modules that are read out, of the gains that are kept; set the
  /// pixel status accordingly.
  std::span<const std::uint16_t> waveform_of(const RawEvent& event) {
    std::fill(pixel_status.begin(), pixel_status.end(), both_gains_stored);
    const std::size_t per_gain = event.waveform.size() / drs4::gains;
    if (!event.low_gain_chosen.empty()) {
      const std::size_t per_pixel = per_gain / event.low_gain_chosen.size();
      waveform.clear();
      std::size_t pixel = 0;
      for (const std::size_t module : modules)
        for (std::size_t k = 0; k < drs4::module_pixels; ++k, ++pixel) {
          const std::size_t position = module * drs4::module_pixels + k;
          const bool low = event.low_gain_chosen[position] != 0;
          const auto samples =
              event.waveform.subspan((low ? per_gain : 0) + position * per_pixel, per_pixel);
          waveform.insert(waveform.end(), samples.begin(), samples.end());
          pixel_status[pixel] = low ? low_gain_stored : high_gain_stored;
        }
      return waveform;
    }
    if (complete()) return event.waveform;
    waveform.clear();
    std::vector<std::uint16_t> part;
    for (std::size_t gain = 0; gain < drs4::gains; ++gain) {
      keep_modules(event.waveform.subspan(gain * per_gain, per_gain), camera.n_modules, modules,
                   part);
      waveform.insert(waveform.end(), part.begin(), part.end());
    }
    return waveform;
  }
  std::span<const std::uint16_t> first_cell_of(const RawEvent& event) {
    if (complete()) return event.first_cell;
    keep_modules(event.first_cell, camera.n_modules, modules, first_cell);
    return first_cell;
  }
  void fill_own_counters(const RawEvent& event) {
    fill_counters(camera, event, all_counters);
    keep_modules(std::span<const std::uint8_t>(all_counters), camera.n_modules, modules, counters);
  }

  void write_old_configuration() {
    const auto telescope = static_cast<std::uint32_t>(run.telescope);
    const auto id = static_cast<std::uint64_t>(run.run);
    const auto date = static_cast<std::uint64_t>(run.start_utc_s);
    const auto pixels = static_cast<std::uint32_t>(pixel_map.size());
    const auto samples = static_cast<std::uint32_t>(camera.n_samples);
    const auto n_modules = static_cast<std::uint32_t>(modules.size());
    const std::uint32_t none = 0;
    const std::string serial = "simulated", model = "1.0", version = "37209";
    const std::vector<std::uint16_t> ids = module_ids();
    writer.begin_table(old_config_table());
    row.clear();
    row.add(telescope).add(serial).add(id).add(date).add(pixels).add(samples);
    row.add(pixel_map).add(model).add(version).add(version).add(n_modules);
    row.add(ids).add(none).add(none);
    writer.append_row(row.columns());
  }

  void write_new_configuration() {
    const auto telescope = static_cast<std::uint32_t>(run.telescope);
    const auto id = static_cast<std::uint64_t>(run.run);
    const auto [scale, offset] = sample_code(run.preprocessing);
    writer.begin_table(stream_table());
    row.clear();
    row.add(telescope).add(id).add(id).add(scale).add(offset);
    writer.append_row(row.columns());

    const auto time = static_cast<double>(run.start_utc_s);
    const auto pixels = static_cast<std::uint32_t>(pixel_map.size());
    const auto samples = static_cast<std::uint32_t>(camera.n_samples);
    const auto n_modules = static_cast<std::uint32_t>(modules.size());
    const std::uint64_t one64 = 1;
    const std::uint32_t gains = drs4::gains, one = 1, none = 0;
    const std::string serial = "simulated", model = "1.0", version = "6.0";
    const std::vector<std::uint16_t> ids = module_ids();
    // Entry 0 is for all other triggers, entry i for trigger_types[i - 1]. Event builders put the
    // actions in ttype_pattern and leave tdp_action empty.
    std::vector<std::uint16_t> trigger_types(15, 0);
    const std::vector<std::uint16_t> actions(16, 0);
    std::vector<std::uint16_t> actions_by_trigger(
        16, static_cast<std::uint16_t>(run.preprocessing.actions(false)));
    actions_by_trigger[1] = static_cast<std::uint16_t>(run.preprocessing.actions(true));
    trigger_types[0] = trigger_bit::mono;
    trigger_types[1] = trigger_bit::calibration;
    trigger_types[2] = trigger_bit::calibration | trigger_bit::mono;
    trigger_types[3] = trigger_bit::pedestal;
    writer.begin_table(new_config_table());
    row.clear();
    row.add(telescope).add(id).add(time).add(one64).add(pixel_map).add(ids);
    row.add(n_modules).add(pixels).add(gains).add(model).add(one64).add(one).add(samples).add(none);
    row.add(serial).add(version).add(version).add(trigger_types).add(actions);
    row.add(actions_by_trigger);
    writer.append_row(row.columns());
  }

  [[nodiscard]] std::vector<std::uint16_t> module_ids() const {
    return {modules.begin(), modules.end()};
  }
};

StreamFile::StreamFile(const std::filesystem::path& path, RawFormat format,
                       const CameraModel& camera, const RawRun& run, std::size_t max_events)
    : state_(std::make_unique<State>(path, format, camera, run)) {
  const std::size_t tiles = max_events / rows_per_tile + 1;
  if (format == RawFormat::r0) {
    state_->write_old_configuration();
    state_->writer.begin_table(old_event_table(tiles));
  } else {
    state_->write_new_configuration();
    state_->writer.begin_table(new_event_table(tiles));
  }
}

StreamFile::~StreamFile() = default;
StreamFile::StreamFile(StreamFile&&) noexcept = default;

void StreamFile::write(const RawEvent& event) {
  State& s = *state_;
  const std::int64_t tai_ns = s.run.start_tai_ns + event.time_ns;
  const auto seconds = static_cast<std::uint32_t>(tai_ns / ns_per_s);
  const auto quarter_ns = static_cast<std::uint32_t>(tai_ns % ns_per_s * 4);
  const auto run_id = static_cast<std::uint64_t>(s.run.run);
  const std::uint32_t trigger = event.trigger;
  const std::uint64_t none64 = 0;
  s.fill_own_counters(event);
  fill_tib(event, s.tib);
  fill_cdts(s.run, event, s.cdts);
  s.row.clear();
  if (s.format == RawFormat::r0) {
    s.row.add(run_id).add(event.id).add(event.id).add(seconds).add(quarter_ns).add(trigger);
    s.row.add(s.waveform_of(event)).add(s.pixel_status).add(none64).add(s.module_status);
    s.row.add(devices_present).add(s.tib).add(s.cdts).add(s.swat).add(s.counters);
    s.row.add(s.chip_zeros).add(s.first_cell_of(event)).add(s.drs_tag_status).add(s.chip_zeros);
    s.writer.append_row(s.row.columns());
    return;
  }
  const auto telescope = static_cast<std::uint32_t>(s.run.telescope);
  const bool one_gain = !event.low_gain_chosen.empty();
  const std::uint32_t type = event_type(event.trigger), gains = one_gain ? 1 : drs4::gains;
  const std::uint32_t actions = s.run.preprocessing.actions(one_gain);
  const auto samples = static_cast<std::uint32_t>(s.camera.n_samples);
  const auto pixels = static_cast<std::uint32_t>(s.pixel_map.size());
  const auto modules = static_cast<std::uint32_t>(s.modules.size());
  for (std::size_t m = 0; m < s.clocks.size(); ++m)
    s.clocks[m] = clock_ticks(event.time_ns) + s.camera.clock_offset[s.modules[m]];
  s.row.add(event.id).add(telescope).add(run_id).add(type).add(seconds).add(quarter_ns);
  s.row.add(gains)
      .add(samples)
      .add(pixels)
      .add(modules)
      .add(s.waveform_of(event))
      .add(s.pixel_status);
  s.row.add(s.first_cell_of(event))
      .add(s.clocks)
      .add(none64)
      .add(s.module_status)
      .add(devices_present);
  s.row.add(s.tib).add(s.cdts).add(s.counters).add(s.chip_zeros).add(actions);
  s.writer.append_row(s.row.columns());
}

void StreamFile::close() {
  state_->writer.close();
}

}  // namespace alisio::sim
