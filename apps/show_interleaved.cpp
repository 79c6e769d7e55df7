#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <map>

#include "apps/show.hpp"
#include "lib/base/error.hpp"
#include "lib/pipeline/interleaved_file.hpp"
#include "lib/plot/camera_svg.hpp"
#include "lib/plot/curves.hpp"

namespace alisio::apps::show {
namespace {

using nlohmann::ordered_json;
using Event = pipeline::InterleavedReader::Event;

void draw(const Request& request, const Event& event, const instrument::CameraGeometry& camera,
          std::size_t n_samples, const std::string& title) {
  const std::size_t n = camera.n_pixels;
  std::vector<double> image(n, std::numeric_limits<double>::quiet_NaN());
  std::vector<std::size_t> gain_of(n, 0);
  for (std::size_t pixel = 0; pixel < n; ++pixel)
    for (const std::size_t gain : {std::size_t(0), std::size_t(1)}) {
      if (event.missing[gain * n + pixel] != 0) continue;
      double sum = 0;
      for (std::size_t s = 0; s < n_samples; ++s)
        sum += double(event.waveform[(gain * n + pixel) * n_samples + s]);
      image[pixel] = sum;
      gain_of[pixel] = gain;
      break;
    }
  plot::CameraDisplay display;
  display.title = title;
  display.quantity = "sum of samples";
  display.unit = "p.e.";
  plot::Drawing drawing{title, double(display.width), 0, {}};
  drawing.height = plot::draw_camera(drawing, {0, 0}, camera, image, display);
  plot::CurvePlot curves;
  curves.title = "calibrated waveforms";
  curves.x_label = "sample";
  curves.y_label = "p.e. per sample";
  for (const std::size_t pixel : pixels_to_draw(request, image)) {
    plot::SampledCurve curve{
        fmt::format("pixel {} {}", pixel, gain_of[pixel] == 0 ? "high" : "low"), {}};
    const float* first = &event.waveform[(gain_of[pixel] * n + pixel) * n_samples];
    curve.values.assign(first, first + n_samples);
    curves.curves.push_back(std::move(curve));
  }
  plot::draw_curves(drawing, {0, drawing.height}, curves);
  drawing.height += curves.height;
  write_drawing(drawing, request.output);
}

}  // namespace

int show_interleaved(const Request& request, const hdf5::File& file) {
  const instrument::CameraGeometry camera = read_geometry(file);
  const pipeline::InterleavedReader reader(request.file, camera.n_pixels);
  const hdf5::TableReader trigger(file, "/dl1/event/subarray/trigger");
  const hdf5::Rows rows = trigger.read_all();
  const auto ids = rows.column<std::int64_t>("event_id");
  std::map<std::int64_t, std::uint64_t> types;
  for (const std::int64_t type : rows.column<std::int64_t>("event_type")) ++types[type];

  ordered_json facts;
  facts["file"] = request.file.string();
  facts["level"] = "interleaved events";
  add_name_facts(facts, request.file);
  facts["events"] = reader.event_count();
  facts["event_types"] = ordered_json::object();
  std::string counts;
  for (const auto& [type, count] : types) {
    facts["event_types"][event_type_name(type)] = count;
    counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", count, event_type_name(type));
  }
  facts["samples"] = reader.n_samples();
  std::string span;
  Event event;
  if (reader.event_count() > 0) {
    reader.read(0, event);
    facts["first_time_utc"] = utc_text(event.unix_s);
    reader.read(reader.event_count() - 1, event);
    facts["last_time_utc"] = utc_text(event.unix_s);
    span = fmt::format("{} to {} UTC", facts["first_time_utc"].get<std::string>(),
                       facts["last_time_utc"].get<std::string>());
  }
  facts["made_by"] = made_by(file);

  std::string event_line;
  if (request.event || !request.output.empty() || request.first_shower) {
    if (request.first_shower)
      throw Error(ErrorKind::usage, "holds no showers", request.file.string(),
                  "choose one of its events with --event");
    std::size_t chosen = 0;
    if (request.event) {
      while (chosen < ids.size() && ids[chosen] != *request.event) ++chosen;
      if (chosen == ids.size())
        throw Error(ErrorKind::missing_input, fmt::format("has no event {}", *request.event),
                    request.file.string(),
                    "only flat-field and pedestal events are kept with waveforms");
    }
    if (chosen >= reader.event_count())
      throw Error(ErrorKind::missing_input, "holds no events", request.file.string(),
                  "give the file of another subrun");
    reader.read(chosen, event);
    const std::string type = event_type_name(std::int64_t(event.type));
    facts["event"] = {
        {"event_id", ids[chosen]}, {"event_type", type}, {"time_utc", utc_text(event.unix_s)}};
    event_line = fmt::format("{} ({}), {}", ids[chosen], type, utc_text(event.unix_s));
    if (!request.output.empty()) {
      draw(request, event, camera, reader.n_samples(),
           fmt::format("Run {}, event {} ({})", name_line(request.file), ids[chosen], type));
      facts["drawing"] = request.output.string();
    }
  }
  if (request.json) {
    print_json(facts);
    return 0;
  }
  print_facts({{"file", request.file.string()},
               {"level", fmt::format("interleaved events, calibrated waveforms of {} samples",
                                     reader.n_samples())},
               {"run", name_line(request.file)},
               {"events", fmt::format("{} ({})", reader.event_count(), counts)},
               {"time", span}});
  print_maker(facts["made_by"]);
  print_facts({{"event", event_line}, {"drawing", facts.value("drawing", std::string())}});
  return 0;
}

}  // namespace alisio::apps::show
