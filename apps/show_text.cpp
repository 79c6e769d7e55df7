#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <iostream>

#include "apps/show.hpp"
#include "lib/base/error.hpp"
#include "lib/event/event_type.hpp"

namespace alisio::apps::show {
using nlohmann::ordered_json;

void refuse_images(const Request& request, const std::string& what, const std::string& remedy) {
  if (request.event || request.first_shower || !request.image.empty())
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

ordered_json made_by(const hdf5::File& file) {
  ordered_json out;
  const auto attribute = [&](const char* name) -> std::string {
    return file.has_attribute("/", name) ? file.text_attribute("/", name) : std::string();
  };
  if (const std::string version = attribute("ALISIO_VERSION"); !version.empty()) {
    const std::string exact = attribute("CTA ACTIVITY SOFTWARE VERSION");
    out["software"] = "alisio " + (exact.empty() ? version : exact);
    for (const auto& [key, name] :
         {std::pair{"activity", "CTA ACTIVITY NAME"}, std::pair{"activity_id", "CTA ACTIVITY ID"},
          std::pair{"created", "CTA PRODUCT CREATION TIME"},
          std::pair{"identity", "PROV SIGNATURE"}, std::pair{"max_events", "max_events"}})
      if (const std::string value = attribute(name); !value.empty()) out[key] = value;
    ordered_json inputs = ordered_json::array();
    for (int i = 0; file.has_attribute("/", fmt::format("PROV INPUT {} FILE", i)); ++i) {
      const auto input = [&](const char* what) {
        return attribute(fmt::format("PROV INPUT {} {}", i, what).c_str());
      };
      inputs.push_back(
          {{"role", input("ROLE")}, {"file", input("FILE")}, {"sha256", input("SHA256")}});
    }
    if (!inputs.empty()) out["inputs"] = std::move(inputs);
  } else if (const std::string chain = attribute("LSTCHAIN_VERSION"); !chain.empty()) {
    out["software"] = "lstchain " + chain;
    if (const std::string ctapipe = attribute("CTAPIPE_VERSION"); !ctapipe.empty())
      out["ctapipe"] = ctapipe;
  }
  return out;
}

void print_maker(const ordered_json& maker) {
  const auto said = [&](const char* key) {
    return maker.is_object() ? maker.value(key, std::string()) : std::string();
  };
  print_facts({{"made by", maker.empty() ? "unknown" : said("software")},
               {"activity", said("activity").empty()
                                ? std::string()
                                : fmt::format("{}, {}", said("activity"), said("activity_id"))},
               {"created", said("created")},
               {"cut", said("max_events").empty()
                           ? std::string()
                           : fmt::format("at most {} events, by --max-events: not the whole",
                                         said("max_events"))}});
  if (maker.contains("inputs"))
    for (const ordered_json& input : maker["inputs"])
      print_facts({{"  from", fmt::format("{} ({})", input["file"].get<std::string>(),
                                          input["role"].get<std::string>())}});
}

}  // namespace alisio::apps::show
