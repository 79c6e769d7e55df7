#include "apps/prov_filter.hpp"

#include <fmt/format.h>

#include <charconv>

#include "lib/base/error.hpp"

namespace alisio::apps {

namespace po = boost::program_options;
using Words = std::vector<std::string>;

po::options_description filter_options() {
  std::string parts;
  for (const std::string& group : prov::stage_groups())
    parts += (parts.empty() ? "" : ", ") + group;
  po::options_description options("What is left out (options with a list may be given again)");
  options.add_options()("activity", po::value<Words>()->composing(),
                        "keep activities of this name or id")(
      "entity", po::value<Words>()->composing(),
      "keep files, collections … of this name or type, for example DL1Collection")(
      "role", po::value<Words>()->composing(), "keep uses or products of this role")(
      "pipeline-stage", po::value<Words>()->composing(),
      ("keep activities of this part of the pipeline: " + parts).c_str())(
      "status", po::value<Words>()->composing(),
      "keep activities of this status: completed, planned, failed, killed, superseded")(
      "after", po::value<std::string>()->default_value(""),
      "keep activities that ended at this time or later: 2024-01-15[T23:10:00], UTC")(
      "before", po::value<std::string>()->default_value(""),
      "keep activities that began at this time or earlier")(
      "subruns", po::value<std::string>()->default_value(""),
      "keep the files of these subruns: 7, or 0-9")(
      "depth", po::value<int>()->default_value(-1),
      "keep so many steps back from the last products; -1: all")(
      "no-environment", "leave environments out")("no-parameters",
                                                  "leave parameters and configurations out")(
      "no-descriptions", "leave definition, sessions and measurements out")(
      "no-copied-paths", "do not say where copies of replaced files stand")(
      "short", "the record for astronomers: the four options above at once");
  return options;
}

prov::Filter filter_of(const po::variables_map& values, const std::string& command) {
  prov::Filter filter = values.count("short") != 0 ? prov::short_record() : prov::Filter();
  for (const auto& [name, list] : {std::pair{"activity", &filter.activities},
                                   {"entity", &filter.entities},
                                   {"role", &filter.roles},
                                   {"pipeline-stage", &filter.stages},
                                   {"status", &filter.status}})
    if (values.count(name) != 0) *list = values[name].as<Words>();
  filter.after = values["after"].as<std::string>();
  filter.before = values["before"].as<std::string>();
  filter.depth = values["depth"].as<int>();
  if (const auto text = values["subruns"].as<std::string>(); !text.empty()) {
    int first = -1, last = -1;
    const char* const end = text.data() + text.size();
    auto read = std::from_chars(text.data(), end, first);
    last = first;
    if (read.ec == std::errc() && read.ptr != end && *read.ptr == '-')
      read = std::from_chars(read.ptr + 1, end, last);
    if (read.ec != std::errc() || read.ptr != end || first < 0 || last < first)
      throw Error(ErrorKind::usage, fmt::format("--subruns {} is no range", text),
                  "alisio " + command, "write 7, or 0-9");
    filter.first_subrun = first, filter.last_subrun = last;
  }
  for (const auto& [name, flag] : {std::pair{"no-environment", &filter.with_environment},
                                   {"no-parameters", &filter.with_parameters},
                                   {"no-descriptions", &filter.with_descriptions},
                                   {"no-copied-paths", &filter.with_copies}})
    if (values.count(name) != 0) *flag = false;
  return filter;
}

}  // namespace alisio::apps
