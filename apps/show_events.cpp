#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>
#include <limits>
#include <map>
#include <set>

#include "apps/show.hpp"
#include "lib/base/error.hpp"
#include "lib/event/event_type.hpp"
#include "lib/instrument/camera.hpp"
#include "lib/pipeline/dl1_layout.hpp"
#include "lib/plot/camera_svg.hpp"

namespace alisio::apps::show {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

/// A shower that is worth a look: bright enough to have a shape.
constexpr double shower_intensity_pe = 300;
constexpr std::int64_t shower_pixels = 20;

constexpr std::size_t rows_per_read = 20000, images_per_read = 256;

/// A column of the short table; the unit is told where the file does not tell it.
struct ShownColumn {
  const char* name;
  const char* unit;
};

constexpr std::array dl1_shown{ShownColumn{"event_id", ""},
                               ShownColumn{"event_type", ""},
                               ShownColumn{"intensity", "p.e."},
                               ShownColumn{"n_pixels", ""},
                               ShownColumn{"n_islands", ""},
                               ShownColumn{"length", "deg"},
                               ShownColumn{"width", "deg"},
                               ShownColumn{"x", "m"},
                               ShownColumn{"y", "m"},
                               ShownColumn{"time_gradient", "ns/m"},
                               ShownColumn{"alt_tel", "rad"},
                               ShownColumn{"az_tel", "rad"}};
constexpr std::array dl2_shown{ShownColumn{"event_id", ""},      ShownColumn{"event_type", ""},
                               ShownColumn{"intensity", "p.e."}, ShownColumn{"reco_energy", "TeV"},
                               ShownColumn{"gammaness", ""},     ShownColumn{"reco_alt", "rad"},
                               ShownColumn{"reco_az", "rad"},    ShownColumn{"reco_src_x", "m"},
                               ShownColumn{"reco_src_y", "m"},   ShownColumn{"alt_tel", "rad"},
                               ShownColumn{"az_tel", "rad"}};

/// Return element 0 of a scalar column in each of the rows; NaN and infinity become null.
std::vector<ordered_json> values_of(const hdf5::Rows& rows, const hdf5::ColumnInfo& column) {
  std::vector<ordered_json> out;
  out.reserve(rows.size());
  switch (column.type) {
    case hdf5::ScalarType::text:
      for (const std::string& value : rows.text(column.name)) out.emplace_back(value);
      break;
    case hdf5::ScalarType::float32:
    case hdf5::ScalarType::float64:
      for (const double value : rows.column<double>(column.name))
        out.push_back(std::isfinite(value) ? ordered_json(value) : ordered_json());
      break;
    default:
      for (const std::int64_t value : rows.column<std::int64_t>(column.name))
        out.emplace_back(value);
  }
  return out;
}

/// The parameters table of a DL1 or DL2 file, and what a walk over it tells.
struct EventTable {
  bool dl2 = false;
  std::string path;
  std::uint64_t n_events = 0;
  std::set<std::int64_t> runs;
  std::map<std::int64_t, std::uint64_t> event_types;
  double first_time = std::numeric_limits<double>::infinity(), last_time = -first_time;  ///< UTC, s
  double first_alt = std::numeric_limits<double>::quiet_NaN(), first_az = first_alt,
         last_alt = first_alt, last_az = first_alt;       ///< where it pointed, rad
  std::optional<std::uint64_t> asked, shower, brightest;  ///< rows
};

EventTable walk(const hdf5::TableReader& reader, const std::optional<std::int64_t>& wanted) {
  EventTable table;
  table.n_events = reader.row_count();
  const char* time = reader.has_column("trigger_time") ? "trigger_time" : "dragon_time";
  const bool has_time = reader.has_column(time), has_type = reader.has_column("event_type"),
             has_run = reader.has_column("obs_id"), has_pixels = reader.has_column("n_pixels"),
             has_pointing = reader.has_column("alt_tel") && reader.has_column("az_tel");
  double brightest = -std::numeric_limits<double>::infinity();
  for (std::uint64_t first = 0; first < table.n_events; first += rows_per_read) {
    const auto n = std::min<std::uint64_t>(rows_per_read, table.n_events - first);
    const hdf5::Rows rows = reader.read(first, static_cast<std::size_t>(n));
    const auto ids = rows.column<std::int64_t>("event_id");
    const auto intensity = rows.column<double>("intensity");
    std::vector<std::int64_t> types, pixels;
    if (has_type) types = rows.column<std::int64_t>("event_type");
    if (has_pixels) pixels = rows.column<std::int64_t>("n_pixels");
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::uint64_t row = first + i;
      if (wanted && ids[i] == *wanted && !table.asked) table.asked = row;
      if (has_type) ++table.event_types[types[i]];
      const bool shower = !has_type || types[i] == std::int64_t(EventType::subarray);
      if (shower && intensity[i] > brightest) {
        brightest = intensity[i];
        table.brightest = row;
      }
      if (shower && !table.shower && intensity[i] > shower_intensity_pe &&
          (!has_pixels || pixels[i] > shower_pixels))
        table.shower = row;
    }
    if (has_run)
      for (const std::int64_t run : rows.column<std::int64_t>("obs_id")) table.runs.insert(run);
    if (has_time)
      for (const double t : rows.column<double>(time))
        if (std::isfinite(t)) {
          table.first_time = std::min(table.first_time, t);
          table.last_time = std::max(table.last_time, t);
        }
    if (has_pointing) {
      const auto alt = rows.column<double>("alt_tel"), az = rows.column<double>("az_tel");
      for (std::size_t i = 0; i < alt.size(); ++i) {
        if (!std::isfinite(alt[i]) || !std::isfinite(az[i])) continue;
        if (std::isnan(table.first_alt)) table.first_alt = alt[i], table.first_az = az[i];
        table.last_alt = alt[i];
        table.last_az = az[i];
      }
    }
  }
  return table;
}

/// Return the row of an event in the image table: where the parameters have it, or found by id.
std::uint64_t image_row(const hdf5::TableReader& images, std::int64_t run, std::int64_t event,
                        std::uint64_t guess, const std::string& where) {
  const auto find = [&](std::uint64_t first, std::uint64_t n) -> std::optional<std::uint64_t> {
    const hdf5::Rows rows = images.read(first, static_cast<std::size_t>(n));
    const auto ids = rows.column<std::int64_t>("event_id");
    const auto runs = images.has_column("obs_id") ? rows.column<std::int64_t>("obs_id")
                                                  : std::vector<std::int64_t>(ids.size(), run);
    for (std::size_t i = 0; i < ids.size(); ++i)
      if (ids[i] == event && runs[i] == run) return first + i;
    return std::nullopt;
  };
  const std::uint64_t count = images.row_count();
  if (guess < count && find(guess, 1)) return guess;
  for (std::uint64_t first = 0; first < count; first += images_per_read)
    if (const auto row = find(first, std::min<std::uint64_t>(images_per_read, count - first)))
      return *row;
  throw Error(ErrorKind::bad_input, fmt::format("has no image of event {}", event), where,
              "the file is not whole: make it again");
}

/// Return the value that 1 % of the pixels lie below; NaN if none has a value.
double low_quantile(std::vector<double> values) {
  std::erase_if(values, [](double value) { return !std::isfinite(value); });
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto at = values.begin() + std::ptrdiff_t(values.size() / 100);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

void draw(const hdf5::File& file, const hdf5::Rows& parameters, std::uint64_t row,
          const fs::path& target) {
  const std::string where = file.path().string();
  if (!file.exists(pipeline::images_path))
    throw Error(ErrorKind::missing_input, "holds no camera images", where,
                "give the DL1 file of the same subrun");
  const std::int64_t event = parameters.column<std::int64_t>("event_id").front();
  const std::int64_t run = parameters.column<std::int64_t>("obs_id").front();
  const std::int64_t type = parameters.column<std::int64_t>("event_type").front();
  const double intensity = parameters.column<double>("intensity").front();
  const hdf5::TableReader reader(file, pipeline::images_path);
  const hdf5::Rows image = reader.read(image_row(reader, run, event, row, where), 1);
  std::vector<std::uint8_t> mask;
  if (reader.has_column("image_mask")) mask = image.arrays<std::uint8_t>("image_mask");
  const instrument::CameraGeometry camera = read_geometry(file);
  const auto charge = image.arrays<double>("image");
  std::vector<double> time;
  if (reader.has_column("peak_time")) time = image.arrays<double>("peak_time");
  if (charge.size() != camera.n_pixels || (!mask.empty() && mask.size() != camera.n_pixels) ||
      (!time.empty() && time.size() != camera.n_pixels))
    throw Error(
        ErrorKind::bad_input,
        fmt::format("images have {} pixels, the camera has {}", charge.size(), camera.n_pixels),
        where + ", " + pipeline::images_path, "the file is not whole: make it again");
  const std::string size =
      std::isfinite(intensity) ? fmt::format(", {:.0f} p.e. after cleaning", intensity) : "";
  plot::CameraDisplay display;
  display.title = fmt::format("Run {}, event {} ({}{})", run, event, event_type_name(type), size);
  display.quantity = "charge";
  display.unit = "p.e.";
  // One bad pixel far below zero would take the colours of all others.
  display.minimum = low_quantile(charge);
  plot::Drawing drawing{display.title, double(display.width), 0, {}};
  drawing.height = plot::draw_camera(drawing, {0, 0}, camera, charge, display, mask);
  if (!time.empty()) {
    // Times of pixels without light are noise over the whole readout; they would hide the shower's.
    const bool any = std::ranges::any_of(mask, [](std::uint8_t kept) { return kept != 0; });
    if (any)
      for (std::size_t i = 0; i < time.size(); ++i)
        if (mask[i] == 0) time[i] = std::numeric_limits<double>::quiet_NaN();
    display.title = any ? "peak time of the pixels that cleaning kept" : "peak time";
    display.quantity = "time";
    display.minimum = std::numeric_limits<double>::quiet_NaN();
    display.unit = "ns";
    plot::draw_camera(drawing, {drawing.width, 0}, camera, time, display);
    drawing.width *= 2;
  }
  write_drawing(drawing, target);
}

std::string joined(const std::set<std::int64_t>& numbers) {
  std::string out;
  for (const std::int64_t number : numbers)
    out += (out.empty() ? "" : ", ") + std::to_string(number);
  return out;
}

}  // namespace

instrument::CameraGeometry read_geometry(const hdf5::File& file) {
  const std::string path = "/configuration/instrument/telescope/camera/geometry_0";
  const std::string where = file.path().string() + ", " + path;
  if (!file.exists(path))
    throw Error(ErrorKind::bad_input, "the file does not say how the camera looks", where,
                "give a DL1 file as r0-to-dl1 writes it");
  const hdf5::Rows rows = hdf5::TableReader(file, path).read_all();
  instrument::CameraGeometry camera;
  camera.name = file.has_attribute(path, "CAM_ID") ? file.text_attribute(path, "CAM_ID") : "camera";
  for (const auto& [name, target] : {std::pair{"CAM_ROT", &camera.camera_rotation_deg},
                                     std::pair{"PIX_ROT", &camera.pixel_rotation_deg}})
    if (file.has_attribute(path, name)) *target = file.number_attribute(path, name);
  camera.pix_id = rows.column<std::int64_t>("pix_id");
  camera.x = rows.column<double>("pix_x");
  camera.y = rows.column<double>("pix_y");
  camera.area = rows.column<double>("pix_area");
  camera.n_pixels = rows.size();
  complete_geometry(camera, where);
  return camera;
}

bool has_events(const hdf5::File& file) {
  return file.exists(pipeline::dl2_parameters_path) || file.exists(pipeline::parameters_path);
}

int show_events(const Request& request, const hdf5::File& file) {
  const bool dl2 = file.exists(pipeline::dl2_parameters_path);
  const std::string path = dl2 ? pipeline::dl2_parameters_path : pipeline::parameters_path;
  const hdf5::TableReader reader(file, path);
  const EventTable table = walk(reader, request.event);

  ordered_json facts;
  facts["file"] = request.file.string();
  facts["level"] = dl2 ? "DL2" : "DL1";
  facts["runs"] = table.runs;
  add_name_facts(facts, request.file);
  facts["events"] = table.n_events;
  facts["event_types"] = ordered_json::object();
  std::string types;
  for (const auto& [type, count] : table.event_types) {
    facts["event_types"][event_type_name(type)] = count;
    types += fmt::format("{}{} {}", types.empty() ? "" : ", ", count, event_type_name(type));
  }
  std::string span;
  if (table.first_time <= table.last_time) {
    facts["first_time_utc"] = utc_text(table.first_time);
    facts["last_time_utc"] = utc_text(table.last_time);
    span = fmt::format("{} to {} UTC ({:.3f} s)", utc_text(table.first_time),
                       utc_text(table.last_time), table.last_time - table.first_time);
  }
  if (!pointing_text(table.first_alt, table.first_az).empty())
    facts["pointing_rad"] = {{"first", {table.first_alt, table.first_az}},
                             {"last", {table.last_alt, table.last_az}}};
  std::string pointing = pointing_text(table.first_alt, table.first_az);
  if (const std::string last = pointing_text(table.last_alt, table.last_az); last != pointing)
    pointing += " to " + last;
  const bool images = file.exists(pipeline::images_path);
  facts["images"] = images;
  const ordered_json configuration = configuration_of(file, {"/", path});
  if (!configuration.is_null()) facts["configuration"] = configuration;
  const std::vector<std::string> sources = sources_of(file);
  if (!sources.empty()) facts["sources"] = sources;
  facts["made_by"] = made_by(file);

  // The short table, and one event in full.
  const hdf5::Rows head = reader.read(
      0, static_cast<std::size_t>(std::min<std::uint64_t>(request.rows, table.n_events)));
  std::vector<std::string> headings;
  std::vector<std::vector<std::string>> cells(head.size());
  facts["rows"] = ordered_json::array();
  for (std::size_t i = 0; i < head.size(); ++i) facts["rows"].push_back(ordered_json::object());
  const auto show_column = [&](const ShownColumn& shown) {
    if (!reader.has_column(shown.name)) return;
    const auto& column = hdf5::find_column(reader.columns(), shown.name, path);
    const std::string unit = column.unit.empty() ? shown.unit : column.unit;
    headings.push_back(unit.empty() ? shown.name : fmt::format("{} [{}]", shown.name, unit));
    const auto values = values_of(head, column);
    for (std::size_t i = 0; i < values.size(); ++i) {
      facts["rows"][i][shown.name] = values[i];
      cells[i].push_back(column.name == "event_type"
                             ? event_type_name(values[i].get<std::int64_t>())
                             : cell_text(values[i]));
    }
  };
  if (dl2)
    for (const ShownColumn& shown : dl2_shown) show_column(shown);
  else
    for (const ShownColumn& shown : dl1_shown) show_column(shown);

  std::optional<std::uint64_t> chosen;
  if (request.event) {
    chosen = table.asked;
    if (!chosen)
      throw Error(ErrorKind::missing_input, fmt::format("has no event {}", *request.event),
                  request.file.string(), "alisio show without --event lists the first events");
  } else if (request.first_shower || !request.output.empty()) {
    chosen = table.shower ? table.shower : table.brightest;
    if (!chosen)
      throw Error(ErrorKind::missing_input, "has no shower with an image", request.file.string(),
                  "choose an event with --event");
  }
  std::vector<std::pair<std::string, std::string>> event_lines;
  if (chosen) {
    const hdf5::Rows row = reader.read(*chosen, 1);
    ordered_json event;
    for (const hdf5::ColumnInfo& column : reader.columns()) {
      if (column.items != 1) continue;
      event[column.name] = values_of(row, column).front();
      event_lines.emplace_back(column.name,
                               cell_text(event[column.name]) +
                                   (column.unit.empty() ? std::string() : ' ' + column.unit));
    }
    facts["event"] = std::move(event);
    if (!request.output.empty()) {
      draw(file, row, *chosen, request.output);
      facts["drawing"] = request.output.string();
    }
  }

  if (request.json) {
    print_json(facts);
    return 0;
  }
  print_facts(
      {{"file", request.file.string()},
       {"level", dl2      ? "DL2, reconstructed events"
                 : images ? "DL1, images and their parameters"
                          : "DL1, parameters without images"},
       {"run", table.runs.size() == 1 && !name_line(request.file).empty() ? name_line(request.file)
                                                                          : joined(table.runs)},
       {"events",
        fmt::format("{}{}", table.n_events, types.empty() ? std::string() : " (" + types + ")")},
       {"time", span},
       {"pointing", pointing},
       {"configured", configuration_line(configuration)}});
  print_maker(facts["made_by"]);
  if (!facts["made_by"].contains("inputs"))
    for (const std::string& source : sources) print_facts({{"  from", source}});
  if (!cells.empty()) {
    std::cout << '\n';
    print_table(headings, cells);
    if (table.n_events > cells.size())
      std::cout << fmt::format("  … {} more\n", table.n_events - cells.size());
  }
  if (!event_lines.empty()) {
    std::cout << '\n';
    std::size_t width = 0;
    for (const auto& line : event_lines) width = std::max(width, line.first.size());
    for (const auto& [name, value] : event_lines)
      std::cout << fmt::format("  {:<{}}  {}\n", name, width, value);
  }
  if (!request.output.empty()) std::cout << fmt::format("\ndrawing: {}\n", request.output.string());
  return 0;
}

}  // namespace alisio::apps::show
