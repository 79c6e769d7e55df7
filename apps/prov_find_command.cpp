#include <fmt/format.h>

#include <iostream>

#include "apps/checked_options.hpp"
#include "apps/command_line.hpp"
#include "apps/prov_command.hpp"
#include "apps/prov_index.hpp"
#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"
#include "prov/ask/find.hpp"
#include "prov/ask/names.hpp"

namespace alisio::apps {

namespace po = boost::program_options;

namespace {

std::vector<std::pair<std::string, std::string>> pairs_option(const po::variables_map& values,
                                                              const char* name) {
  std::vector<std::pair<std::string, std::string>> pairs;
  if (values.count(name) == 0) return pairs;
  for (const auto& text : values[name].as<std::vector<std::string>>()) {
    const auto at = text.find('=');
    if (at == std::string::npos || at == 0)
      throw Error(ErrorKind::usage, fmt::format("'{}' is not NAME=VALUE", prov::shortened(text)),
                  fmt::format("--{}", name), fmt::format("--{} NAME=VALUE", name));
    pairs.emplace_back(text.substr(0, at), text.substr(at + 1));
  }
  return pairs;
}

void print_activities(const std::vector<prov::StoredActivity>& activities) {
  std::size_t width = 0;
  for (const auto& activity : activities)
    width = std::max(width, prov::short_name(activity).size());
  for (const auto& activity : activities) {
    std::cout << fmt::format("{:<{}}  {:<10} {:.19}  {}  {}", prov::short_name(activity), width,
                             prov::to_string(activity.how), activity.start, activity.id,
                             activity.prod_id);
    if (!activity.message.empty()) std::cout << fmt::format("  {}", activity.message);
    std::cout << '\n';
  }
}

void print_files(const std::vector<prov::StoredEntity>& files) {
  for (const auto& file : files)
    std::cout << fmt::format("{:<12}  {}\n", file.sha256.empty() ? "-" : file.sha256.substr(0, 12),
                             file.path);
}

void print_runs(const std::vector<prov::RunGroup>& runs, bool files) {
  for (const auto& run : runs)
    std::cout << fmt::format(
        "{}  {}  {}  {} {}\n", run.night, run.run > 0 ? run_text(run.run) : "night", run.prod_id,
        run.count,
        files ? (run.count == 1 ? "file" : "files") : (run.count == 1 ? "activity" : "activities"));
}

nlohmann::ordered_json to_json(const std::vector<prov::RunGroup>& runs) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& run : runs)
    list.push_back({{"observation_date", run.night},
                    {"prod_id", run.prod_id},
                    {"run", run.run},
                    {"count", run.count},
                    {"subruns", run.subruns}});
  return {{"runs", list}};
}

}  // namespace

int prov_find_command(const std::vector<std::string>& arguments, const Program& program) {
  prov::FindRequest request;
  std::string group, what;
  po::options_description options("Conditions (all must hold)");
  const auto add = [&](const char* name, auto* value, const char* help) {
    options.add_options()(name, po::value(value), help);
  };
  using Texts = std::vector<std::string>;
  add("what", &what, "hash, or pattern of file names (the positional argument)");
  options.add_options()("parameter", po::value<Texts>()->composing(),
                        "NAME=VALUE of an activity's parameter; may be given again")(
      "configuration", po::value<Texts>()->composing(),
      "KEY=VALUE of the effective configuration; the end of a dotted key will do");
  add("activity", &request.activity, "r0_to_dl1, camera_calibration …");
  add("run", &request.run, "run number");
  add("subrun", &request.subrun, "subrun number");
  add("night", &request.night, "YYYYMMDD or YYYY-MM-DD");
  add("prod-id", &request.prod_id, "name of the production");
  add("status", &request.status, "completed, planned, failed or killed");
  add("software", &request.software, "part of version and commit");
  add("host", &request.host, "node");
  add("after", &request.after, "began then or later: a date or an instant, UTC");
  add("before", &request.before, "began earlier");
  add("used", &request.used, "came from this file, hash or id, by however many steps");
  add("hash", &request.hash, "files of this SHA-256 or data hash: 8 digits or more");
  add("file", &request.file,
      "files of this name, or path if it has a slash: * and ? stand for any");
  add("role", &request.role, "files that were used or made in this role");
  add("level", &request.level, "files of this level: R0, Calibration, DL1, DL2 …");
  add("entity", &request.entity, "files of this kind: DL2SubrunDataset …");
  po::options_description form("Answer");
  form.add_options()("files", po::bool_switch(&request.files), "list files, not activities")(
      "group", po::value(&group), "run: one line a run")(
      "limit", po::value(&request.limit)->default_value(1000), "list at most so many")(
      "json", "print the answer as JSON");
  options.add(form).add(index_options());
  po::positional_options_description positional;
  positional.add("what", 1);
  const auto values = parse_arguments(
      arguments,
      {.name = "prov find",
       .synopsis = "[HASH|PATTERN] [conditions]",
       .text =
           "List the activities, or the files, for which all conditions hold. Files are listed\n"
           "if a condition is on files (--hash, --file, --role, --level, --entity) or with\n"
           "--files; conditions on activities are then on what made them. Exit code 7 if there\n"
           "is none.",
       .examples = "  alisio prov find --status failed --night 20240115 --config alisio.yaml\n"
                   "  alisio prov find --parameter ObservationRun=11220 --config alisio.yaml\n"
                   "  alisio prov find --configuration tailcut.picture_thresh=8 --group run \\\n"
                   "    --config alisio.yaml\n"
                   "  alisio prov find --used sha256:34b6b3acd0c3 --level DL2 --group run \\\n"
                   "    --config alisio.yaml"},
      options, positional);
  if (!values) return 0;
  request.parameters = pairs_option(*values, "parameter");
  request.configuration = pairs_option(*values, "configuration");
  if (!group.empty() && group != "run")
    throw Error(ErrorKind::usage, fmt::format("'{}' is no group", prov::shortened(group)),
                "--group", "known: run");
  for (const char* number : {"run", "subrun"})
    if (values->count(number) != 0) static_cast<void>(number_option(*values, number, 0));
  if (request.limit < 1 || request.limit > 10000000)
    throw Error(ErrorKind::usage, "the limit is out of range", "--limit", "1 to 10000000");
  if (values->count("what") != 0) {
    prov::check_name(what, "alisio prov find");
    const std::string hex = what.starts_with("sha256:") ? what.substr(7) : what;
    const bool hash =
        hex.size() >= 8 && hex.find_first_not_of("0123456789abcdef") == std::string::npos;
    (hash || what.starts_with("sha256:") ? request.hash : request.file) = what;
  }
  if (values->count("group") != 0 && (*values)["limit"].defaulted()) request.limit = 10000000;
  prov::Store store = open_index(*values, program);
  const prov::FindResult found = prov::find(store, request);
  const bool json = values->count("json") != 0;
  if (!group.empty()) {
    const auto runs = prov::by_run(store, found);
    if (json)
      std::cout << to_json(runs).dump(2) << '\n';
    else
      print_runs(runs, found.files);
  } else if (json) {
    std::cout << prov::to_json(found).dump(2) << '\n';
  } else {
    print_activities(found.activities);
    print_files(found.entities);
  }
  const std::size_t count = found.activities.size() + found.entities.size();
  if (!json && count == 0) std::cerr << "nothing on record meets all conditions\n";
  if (!json && found.more) std::cerr << fmt::format("there are more than {}: see --limit\n", count);
  return count == 0 ? exit_code(ErrorKind::incomplete) : 0;
}

}  // namespace alisio::apps
