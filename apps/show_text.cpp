#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <iostream>
#include <numbers>
#include <numeric>
#include <regex>

#include "apps/show.hpp"
#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/event/event_type.hpp"

namespace alisio::apps::show {
using nlohmann::ordered_json;

void refuse_images(const Request& request, const std::string& what, const std::string& remedy) {
  if (request.event || request.first_shower || !request.output.empty() || !request.pixels.empty())
    throw Error(ErrorKind::usage, what, request.file.string(), remedy);
}

std::string event_type_name(std::int64_t type) {
  switch (static_cast<EventType>(type)) {
    case EventType::flatfield:
      return "flatfield";
    case EventType::single_pe:
      return "single p.e.";
    case EventType::sky_pedestal:
      return "pedestal";
    case EventType::dark_pedestal:
      return "dark pedestal";
    case EventType::electronic_pedestal:
      return "electronic pedestal";
    case EventType::other_calibration:
      return "other calibration";
    case EventType::muon:
      return "muon";
    case EventType::hardware_stereo:
      return "hardware stereo";
    case EventType::daq:
      return "daq";
    case EventType::subarray:
      return "shower";
    case EventType::unknown:
      return "unknown";
  }
  return std::to_string(type);
}

std::string utc_text(double unix_s) {
  const double second = std::floor(unix_s);
  const auto milliseconds = static_cast<int>((unix_s - second) * 1000);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03d}Z", fmt::gmtime(static_cast<std::time_t>(second)),
                     milliseconds);
}

std::string cell_text(const ordered_json& value) {
  if (value.is_null()) return "nan";
  // Five digits of a unix time would be wrong by hours.
  if (value.is_number_float())
    return std::abs(value.get<double>()) < 1e8 ? fmt::format("{:.5g}", value.get<double>())
                                               : fmt::format("{:.6f}", value.get<double>());
  if (value.is_string()) return value.get<std::string>();
  return value.dump();
}

void print_table(const std::vector<std::string>& headings,
                 const std::vector<std::vector<std::string>>& rows, bool first_flush_left) {
  std::vector<std::size_t> widths;
  for (const std::string& heading : headings) widths.push_back(heading.size());
  for (const auto& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  const auto print = [&](const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c)
      line += c == 0 && first_flush_left ? fmt::format("  {:<{}}", row[c], widths[c])
                                         : fmt::format("  {:>{}}", row[c], widths[c]);
    line.erase(line.find_last_not_of(' ') + 1);
    std::cout << line << '\n';
  };
  print(headings);
  for (const auto& row : rows) print(row);
}

void print_facts(const std::vector<std::pair<std::string, std::string>>& facts) {
  for (const auto& [name, value] : facts)
    if (!value.empty()) std::cout << fmt::format("{:<12} {}\n", name, value);
}

void print_json(const ordered_json& facts) {
  std::cout << facts.dump(2, ' ', false, ordered_json::error_handler_t::replace) << '\n';
}

ordered_json maker_of(const Attributes& attribute) {
  ordered_json out;
  const std::string version = attribute("ALISIO_VERSION"),
                    name = attribute("CTA ACTIVITY SOFTWARE NAME"),
                    exact = attribute("CTA ACTIVITY SOFTWARE VERSION");
  if (!version.empty() || name == "alisio") {
    out["software"] = "alisio " + (exact.empty() ? version : exact);
    for (const auto& [key, from] :
         {std::pair{"activity", "CTA ACTIVITY NAME"}, std::pair{"activity_id", "CTA ACTIVITY ID"},
          std::pair{"created", "CTA PRODUCT CREATION TIME"},
          std::pair{"identity", "PROV SIGNATURE"}, std::pair{"max_events", "max_events"}})
      if (const std::string value = attribute(from); !value.empty()) out[key] = value;
    if (attribute("PROV CAPTURE") == "off") out["capture"] = "off";
    ordered_json inputs = ordered_json::array();
    for (int i = 0;; ++i) {
      const auto input = [&](const char* what) {
        return attribute(fmt::format("PROV INPUT {} {}", i, what));
      };
      if (input("FILE").empty()) break;
      inputs.push_back(
          {{"role", input("ROLE")}, {"file", input("FILE")}, {"sha256", input("SHA256")}});
    }
    if (!inputs.empty()) out["inputs"] = std::move(inputs);
  } else if (const std::string chain = attribute("LSTCHAIN_VERSION"); !chain.empty()) {
    out["software"] = "lstchain " + chain;
    if (const std::string ctapipe = attribute("CTAPIPE_VERSION"); !ctapipe.empty())
      out["ctapipe"] = ctapipe;
  } else if (!name.empty()) {
    out["software"] = name + " " + exact;
    if (const std::string time = attribute("CTA PRODUCT CREATION TIME"); !time.empty())
      out["created"] = time;
  }
  return out;
}

ordered_json made_by(const hdf5::File& file) {
  return maker_of([&](const std::string& name) {
    return file.has_attribute("/", name) ? file.text_attribute("/", name) : std::string();
  });
}

void print_maker(const ordered_json& maker) {
  const auto said = [&](const char* key) {
    return maker.is_object() ? maker.value(key, std::string()) : std::string();
  };
  print_facts(
      {{"made by", maker.empty() ? "unknown" : said("software")},
       {"activity", said("activity").empty()
                        ? std::string()
                        : fmt::format("{}, {}", said("activity"), said("activity_id"))},
       {"created", said("created")},
       {"record", said("capture") == "off" ? "none: capture was switched off" : std::string()},
       {"cut", said("max_events").empty()
                   ? std::string()
                   : fmt::format("at most {} events, by --max-events: not the whole",
                                 said("max_events"))}});
  if (!maker.contains("inputs")) return;
  constexpr std::size_t most_inputs = 16;
  std::size_t shown = 0;
  for (const ordered_json& input : maker["inputs"]) {
    if (++shown > most_inputs) {
      print_facts(
          {{"", fmt::format("… {} more (--json lists all)", maker["inputs"].size() + 1 - shown)}});
      break;
    }
    print_facts({{"  from", fmt::format("{} ({})", input["file"].get<std::string>(),
                                        input["role"].get<std::string>())}});
  }
}

ordered_json configuration_of(const hdf5::File& file, const std::vector<std::string>& objects) {
  for (const std::string& object : objects) {
    if (!file.exists(object) || !file.has_attribute(object, "config")) continue;
    const std::string text = file.text_attribute(object, "config");
    // Python writes numbers that JSON does not know.
    static const std::regex python_number(R"(([:\[,]\s*)-?(Infinity|NaN)(?=\s*[,}\]]))");
    ordered_json parsed =
        ordered_json::parse(std::regex_replace(text, python_number, "$1null"), nullptr, false);
    return parsed.is_discarded() ? ordered_json(text) : parsed;
  }
  return {};
}

std::string configuration_line(const ordered_json& configuration) {
  if (!configuration.is_object() || configuration.empty()) return {};
  std::string line, names;
  for (const auto& [key, value] : configuration.items()) {
    names += (names.empty() ? "" : ", ") + key;
    if (value.is_object() && value.contains("picture_thresh") && value.contains("boundary_thresh"))
      line += fmt::format("{}{} {}/{} p.e.", line.empty() ? "" : ", ", key,
                          value["picture_thresh"].dump(), value["boundary_thresh"].dump());
  }
  return line.empty() ? names : line;
}

std::vector<std::string> sources_of(const hdf5::File& file) {
  constexpr const char* path = "/source_filenames/filenames";
  return file.exists(path) ? file.read_texts(path) : std::vector<std::string>();
}

namespace {

/// Run and, if there is one, subrun of a file's name: of any file, which may be named in its own
/// way.
std::pair<std::optional<int>, std::optional<int>> numbers_in_name(
    const std::filesystem::path& file) {
  static const std::regex pattern("Run([0-9]{5,6})(?:[._]([0-9]{4})(?![0-9]))?");
  const std::string name = file.filename().string();
  std::smatch match;
  if (!std::regex_search(name, match, pattern)) return {};
  return {std::stoi(match[1]),
          match[2].matched ? std::optional(std::stoi(match[2])) : std::nullopt};
}

}  // namespace

std::string name_line(const std::filesystem::path& file) {
  const auto [run, subrun] = numbers_in_name(file);
  if (!run) return {};
  return subrun ? fmt::format("{}, subrun {}", *run, *subrun) : std::to_string(*run);
}

void add_name_facts(ordered_json& facts, const std::filesystem::path& file) {
  const auto [run, subrun] = numbers_in_name(file);
  if (run) facts["run"] = *run;
  if (subrun) facts["subrun"] = *subrun;
}

std::string pointing_text(double altitude_rad, double azimuth_rad) {
  if (!std::isfinite(altitude_rad) || !std::isfinite(azimuth_rad)) return {};
  constexpr double deg = 180 / std::numbers::pi;
  return fmt::format("alt {:.3f}, az {:.3f} deg", altitude_rad * deg, azimuth_rad * deg);
}

void check_drawing_name(const std::filesystem::path& path) {
  if (const std::string suffix = path.extension().string(); suffix != ".svg" && suffix != ".png")
    throw Error(ErrorKind::usage, "must end in .svg or .png", path.string(),
                "the suffix of --output says how to draw");
}

void write_drawing(const plot::Drawing& drawing, const std::filesystem::path& path) {
  check_drawing_name(path);
  if (path.extension() == ".svg") {
    write_file_atomically(path, plot::to_svg(drawing));
    return;
  }
  PendingFile file(path);
  plot::write_png(drawing, file.path());
  file.publish();
}

std::vector<std::size_t> pixels_to_draw(const Request& request, const std::vector<double>& image) {
  std::vector<std::size_t> pixels;
  for (const std::int64_t pixel : request.pixels) {
    if (pixel < 0 || std::size_t(pixel) >= image.size())
      throw Error(ErrorKind::usage, fmt::format("the camera has no pixel {}", pixel), "--pixel",
                  fmt::format("pixels are 0 to {}", image.size() - 1));
    pixels.push_back(std::size_t(pixel));
  }
  if (!pixels.empty()) return pixels;
  constexpr std::size_t brightest = 4;
  pixels.resize(image.size());
  std::iota(pixels.begin(), pixels.end(), std::size_t(0));
  const auto end = pixels.begin() + std::ptrdiff_t(std::min(brightest, pixels.size()));
  std::partial_sort(pixels.begin(), end, pixels.end(), [&](std::size_t a, std::size_t b) {
    const double x = std::isfinite(image[a]) ? image[a] : -1e300;
    const double y = std::isfinite(image[b]) ? image[b] : -1e300;
    return x != y ? x > y : a < b;
  });
  pixels.erase(end, pixels.end());
  return pixels;
}

}  // namespace alisio::apps::show
