#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>

#include "apps/show.hpp"
#include "calib/r0/input_state.hpp"
#include "calib/r0/r0_source.hpp"
#include "lib/base/error.hpp"
#include "lib/base/median.hpp"
#include "lib/instrument/telescope.hpp"
#include "lib/io/zfits/zfits.hpp"
#include "lib/pipeline/run_head.hpp"
#include "lib/plot/camera_svg.hpp"
#include "lib/plot/curves.hpp"
#include "lib/sky/time.hpp"

namespace alisio::apps::show {
namespace {

using nlohmann::ordered_json;

/// Return an integer of the first row of a table, by path of protobuf field numbers.
std::optional<std::uint64_t> integer_setting(const zfits::Table& table, const char* field) {
  const auto column = table.find_field(field);
  if (!column || table.row_count() == 0) return std::nullopt;
  zfits::DecodedColumn decoded;
  table.decode(0, *column, decoded);
  const std::size_t bytes = decoded.row(0).size();
  if (bytes == sizeof(std::uint64_t)) return decoded.item<std::uint64_t>(0);
  if (bytes == sizeof(std::uint32_t)) return decoded.item<std::uint32_t>(0);
  if (bytes == sizeof(std::uint16_t)) return decoded.item<std::uint16_t>(0);
  return std::nullopt;
}

/// One event as it is drawn.
struct Shown {
  std::int64_t event_id = 0, time_tai_ns = 0;
  EventType type = EventType::unknown;
  std::string unit;  ///< of the samples
  std::size_t n_gains = 0;
  std::vector<double> image;                           ///< [pixel], high gain or the selected one
  std::vector<std::vector<double>> high, low, single;  ///< [pixel][sample]; single: gain selected
};

Shown shown_of(const calib::RawEvent& event, const calib::RawCamera& camera, std::size_t n_pixels) {
  Shown shown;
  shown.event_id = event.event_id;
  shown.time_tai_ns = event.time_tai_ns;
  shown.type = event.type;
  shown.n_gains = event.n_gains;
  shown.unit = event.preprocessing & calib::preprocessing::pe_calibration ? "p.e." : "ADC counts";
  shown.image.assign(n_pixels, std::numeric_limits<double>::quiet_NaN());
  const auto waveform_of = [&](std::size_t gain, std::size_t row) {
    const std::size_t n = event.n_samples;
    const auto stored = event.waveform.subspan((gain * event.n_stored + row) * n, n);
    std::vector<double> values(n);
    for (std::size_t i = 0; i < n; ++i)
      values[i] = stored[i] / double(camera.waveform_scale) - double(camera.waveform_offset);
    return values;
  };
  auto& first = event.n_gains == 2 ? shown.high : shown.single;
  first.resize(n_pixels);
  if (event.n_gains == 2) shown.low.resize(n_pixels);
  for (std::size_t position = 0; position < camera.pixel_ids.size(); ++position) {
    const std::size_t pixel = camera.pixel_ids[position];
    const std::size_t row =
        event.stored_row.empty() ? position : std::size_t(event.stored_row[position]);
    if (pixel >= n_pixels || row >= event.n_stored) continue;
    first[pixel] = waveform_of(0, row);
    if (event.n_gains == 2) shown.low[pixel] = waveform_of(1, row);
    const double level = upper_median(first[pixel]);
    double sum = 0;
    for (const double value : first[pixel]) sum += value - level;
    shown.image[pixel] = sum;
  }
  return shown;
}

/// Find an event by its id; without id, the physics event with most light of the first ones.
Shown find_event(const Request& request, std::size_t n_pixels) {
  constexpr std::size_t looked_at = 100;
  calib::R0Source source(request.file, {});
  flow::ThreadPool pool(1);
  calib::RawBlock block;
  std::optional<Shown> brightest;
  double most = 0;
  std::size_t seen = 0;
  while (source.next_block(block, pool)) {
    for (const calib::RawEvent& event : block.events) {
      if (request.event) {
        if (event.event_id == *request.event) return shown_of(event, source.camera(), n_pixels);
        continue;
      }
      if (event.type != EventType::subarray) continue;
      Shown shown = shown_of(event, source.camera(), n_pixels);
      double light = 0;
      for (const double value : shown.image)
        if (std::isfinite(value)) light += value;
      if (!brightest || light > most) brightest = std::move(shown), most = light;
    }
    seen += block.events.size();
    if (!request.event && brightest && seen >= looked_at) break;
  }
  if (brightest) return std::move(*brightest);
  throw Error(ErrorKind::missing_input,
              request.event ? fmt::format("has no event {}", *request.event)
                            : std::string("has no physics event"),
              request.file.string(), "streams share the events: give stream 1 to read all of them");
}

void draw(const Request& request, const Shown& event, const instrument::CameraGeometry& camera,
          const std::string& title) {
  plot::CameraDisplay display;
  display.title = title;
  display.quantity = "sum";
  display.unit = event.unit;
  plot::Drawing drawing{title, double(display.width), 0, {}};
  drawing.height = plot::draw_camera(drawing, {0, 0}, camera, event.image, display);
  drawing.shapes.push_back(
      plot::Text{{58, drawing.height + 12},
                 "Sum of the samples above the pixel's median sample; no constants are applied.",
                 11,
                 plot::Text::Anchor::start,
                 plot::pale_ink});
  drawing.height += 28;
  const auto pixels = pixels_to_draw(request, event.image);
  const auto add = [&](const std::vector<std::vector<double>>& waveforms, const std::string& gain) {
    if (waveforms.empty()) return;
    plot::CurvePlot curves;
    curves.title = gain;
    curves.x_label = "sample";
    curves.y_label = event.unit;
    for (const std::size_t pixel : pixels)
      curves.curves.push_back({fmt::format("pixel {}", pixel), waveforms[pixel]});
    plot::draw_curves(drawing, {0, drawing.height}, curves);
    drawing.height += curves.height;
  };
  add(event.high, "high gain");
  add(event.low, "low gain");
  add(event.single, "the stored gain");
  write_drawing(drawing, request.output);
}

}  // namespace

int show_raw(const Request& request) {
  const zfits::File file = zfits::File::open(request.file);
  if (file.table_names().empty())
    throw Error(ErrorKind::bad_input, "holds no zfits table", request.file.string(),
                "alisio show reads DL1 and DL2 files and raw zfits files");
  const bool r1v1 = file.has_table("CameraConfiguration");
  const bool known = r1v1 || file.has_table("CameraConfig");
  ordered_json facts;
  facts["file"] = request.file.string();
  facts["level"] = "R0";
  facts["format"] = !known ? "unknown" : r1v1 ? "R1v1" : "ProtoR1";
  if (known) {
    const zfits::Table& camera = file.table(r1v1 ? "CameraConfiguration" : "CameraConfig");
    if (const auto telescope = integer_setting(camera, "1")) facts["telescope"] = *telescope;
    if (const auto run = integer_setting(camera, r1v1 ? "2" : "3")) facts["run"] = *run;
  }
  if (known) facts["state"] = calib::to_string(calib::read_input_state(request.file));
  facts["tables"] = ordered_json::array();
  std::uint64_t table_rows = 0;
  std::vector<std::vector<std::string>> cells;
  for (const std::string& name : file.table_names()) {
    const zfits::Table& table = file.table(name);
    if (name.starts_with("Event")) table_rows += table.row_count();
    facts["tables"].push_back({{"name", name},
                               {"rows", table.row_count()},
                               {"tiles", table.tile_count()},
                               {"columns", table.columns().size()},
                               {"message", table.message_class()}});
    cells.push_back({name, std::to_string(table.row_count()), std::to_string(table.tile_count()),
                     std::to_string(table.columns().size()), table.message_class()});
  }
  add_name_facts(facts, request.file);
  const bool wants_event = request.event || request.first_shower || !request.output.empty();
  if (!request.pixels.empty() && request.output.empty())
    throw Error(ErrorKind::usage, "--pixel needs --output", request.file.string(),
                "say where to draw the waveforms");
  std::string event_line;
  if (known && table_rows > 0) {
    const pipeline::RunHead head = pipeline::read_run_head({request.file});
    facts["first_events"] = {{"looked_at", head.events},
                             {"shower", head.physics},
                             {"pedestal", head.pedestals},
                             {"flatfield", head.flatfields}};
    if (head.row.run_start > 0)
      facts["run_start_utc"] = utc_text(sky::tai_ns_to_unix_s(head.row.run_start));
  }
  if (wants_event) {
    if (!known)
      throw Error(ErrorKind::bad_input, "holds no raw events of LST", request.file.string(),
                  "give stream 1 of a subrun");
    const instrument::Telescope telescope = instrument::load_telescope(
        request.cfg_folder, "LSTCam", facts.value("telescope", std::int64_t(1)));
    const Shown event = find_event(request, telescope.geometry.n_pixels);
    const auto most = std::ranges::max_element(
        event.image, [](double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; });
    facts["event"] = {{"event_id", event.event_id},
                      {"event_type", event_type_name(std::int64_t(event.type))},
                      {"time_utc", utc_text(sky::tai_ns_to_unix_s(event.time_tai_ns))},
                      {"gains", event.n_gains},
                      {"unit", event.unit},
                      {"brightest_pixel", most - event.image.begin()},
                      {"brightest_sum", *most}};
    event_line = fmt::format("{} ({}), {}, brightest pixel {}: {:.0f} {}", event.event_id,
                             event_type_name(std::int64_t(event.type)),
                             facts["event"]["time_utc"].get<std::string>(),
                             most - event.image.begin(), *most, event.unit);
    if (!request.output.empty()) {
      draw(request, event, telescope.geometry,
           fmt::format("Run {}, event {} ({}), raw",
                       facts.contains("run") ? facts["run"].dump() : "?", event.event_id,
                       event_type_name(std::int64_t(event.type))));
      facts["drawing"] = request.output.string();
    }
  }
  if (request.json) {
    print_json(facts);
    return 0;
  }
  std::string types;
  if (facts.contains("first_events")) {
    const ordered_json& first = facts["first_events"];
    types =
        fmt::format("{} shower, {} pedestal, {} flatfield of the first {}", first["shower"].dump(),
                    first["pedestal"].dump(), first["flatfield"].dump(), first["looked_at"].dump());
  }
  print_facts({{"file", request.file.string()},
               {"level", "R0, one stream of raw data"},
               {"format", facts["format"].get<std::string>()},
               {"state", facts.value("state", std::string())},
               {"telescope", facts.contains("telescope") ? facts["telescope"].dump() : ""},
               {"run", !name_line(request.file).empty() ? name_line(request.file)
                       : facts.contains("run")          ? facts["run"].dump()
                                                        : ""},
               {"run start", facts.value("run_start_utc", std::string())},
               {"events", types},
               {"event", event_line},
               {"drawing", facts.value("drawing", std::string())}});
  std::cout << '\n';
  print_table({"table", "rows", "tiles", "columns", "message"}, cells);
  return 0;
}

}  // namespace alisio::apps::show
