#include <fmt/format.h>

#include <iostream>
#include <map>
#include <set>

#include "apps/command_line.hpp"
#include "apps/prov_command.hpp"
#include "apps/prov_ids.hpp"
#include "apps/prov_index.hpp"
#include "apps/shell_word.hpp"
#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"
#include "prov/ask/embedded.hpp"
#include "prov/ask/impact.hpp"
#include "prov/ask/subject.hpp"
#include "prov/store/connection.hpp"

namespace alisio::apps {

namespace po = boost::program_options;

namespace {

/// The activities of a run, of one name if that is given.
std::vector<prov::Row> activities_of(prov::Store& store, int run, const std::string& name) {
  const auto found = store.connection().prepare(
      "SELECT a.id FROM activity a JOIN name n ON n.id = a.name WHERE a.run = ? AND (? = '' OR "
      "n.text = ?) ORDER BY a.id");
  found->bind({run, name, name});
  std::vector<prov::Row> rows;
  while (found->step()) rows.push_back(found->integer(0));
  return rows;
}

void print_runs(const prov::Impact& impact) {
  for (const prov::RunImpact& run : impact.runs) {
    std::string files;
    for (const auto& [level, count] : run.files_of_level)
      files += fmt::format("{}{} {}", files.empty() ? "" : ", ", count, level);
    std::cout << fmt::format("{}  {}  {}  {}\n", run.observation_date,
                             run.run <= 0 ? "night" : run_text(run.run), run.prod_id, files);
  }
}

/// One command a night and production: jobs whose inputs changed are made again by it.
void print_commands(const prov::Impact& impact, const std::string& config) {
  std::map<std::pair<std::string, std::string>, std::set<int>> nights;
  for (const prov::RunImpact& run : impact.runs)
    if (run.run > 0) nights[{run.observation_date, run.prod_id}].insert(run.run);
  for (const auto& [night, runs] : nights) {
    std::string numbers;
    for (const int run : runs) numbers += fmt::format(" {}", run);
    std::cout << fmt::format("alisio night {} --config {} --prod-id {} --run{}\n", night.first,
                             shell_word(config.empty() ? "alisio.yaml" : config),
                             shell_word(night.second), numbers);
  }
}

}  // namespace

int prov_impact_command(const std::vector<std::string>& arguments, const Program& program) {
  po::options_description options("Options");
  options.add_options()("what", po::value<std::string>(),
                        "file, hash or id (the positional argument)")(
      "run", po::value<int>(), "in place of it: what was made of this run")(
      "activity", po::value<std::string>()->default_value(""),
      "of --run, only what came from this activity (camera_calibration, for example)")(
      "level", po::value<std::string>()->default_value(""), "only files of this level: DL1, DL2 …")(
      "as", po::value<std::string>()->default_value("runs"), "runs, files or commands")(
      "json", "print the answer as JSON");
  options.add(index_options());
  po::positional_options_description positional;
  positional.add("what", 1);
  const auto values = parse_arguments(
      arguments,
      {.name = "prov impact",
       .synopsis = "FILE|HASH|ID | --run N [--activity NAME]  [--level DL2] [--as runs]",
       .text =
           "Tell everything that came from a file or an activity: all that a bad calibration\n"
           "touched. As runs: one line a run with the number of files of each level; as files:\n"
           "their paths; as commands: what makes these runs again once the cause is mended\n"
           "(jobs whose inputs have not changed are not run). Exit code 7 if nothing came from\n"
           "it.",
       .examples =
           "  alisio prov impact calibration_filters_52.Run11219.0000.h5 --config alisio.yaml\n"
           "  alisio prov impact --run 11219 --activity camera_calibration --level DL2 \\\n"
           "    --as commands --config alisio.yaml"},
      options, positional);
  if (!values) return 0;
  const bool of_run = values->count("run") != 0;
  if (of_run == (values->count("what") != 0))
    throw Error(ErrorKind::usage, "either a file, a hash or an id is needed, or --run",
                "alisio prov impact", "see --help");
  const auto as = (*values)["as"].as<std::string>();
  if (as != "runs" && as != "files" && as != "commands")
    throw Error(ErrorKind::usage, fmt::format("'{}' is no form of an answer", as), "--as",
                "known: runs, files, commands");
  prov::Store store = open_index(*values, program);
  std::vector<prov::Row> entities, activities;
  std::string about;
  if (of_run) {
    const int run = (*values)["run"].as<int>();
    about = "run " + run_text(run);
    activities = activities_of(store, run, (*values)["activity"].as<std::string>());
    if (activities.empty())
      throw Error(ErrorKind::incomplete, "no such activity is on record", about,
                  "see alisio prov index");
  } else {
    about = (*values)["what"].as<std::string>();
    const prov::Subject subject = prov::find_subject(store, about, read_embedded_ids);
    if (subject.entity) entities = prov::impact_starts(store, *subject.entity);
    if (subject.activity) activities.push_back(subject.activity->row);
  }
  const prov::Impact impact =
      prov::find_impact(store, entities, activities, (*values)["level"].as<std::string>());
  if (values->count("json") != 0) {
    std::cout << prov::to_json(impact).dump(2) << '\n';
  } else if (as == "files") {
    for (const prov::StoredEntity& file : impact.files) std::cout << file.path << '\n';
  } else if (as == "commands") {
    print_commands(impact,
                   values->count("config") != 0 ? (*values)["config"].as<std::string>() : "");
  } else {
    print_runs(impact);
    std::cout << fmt::format("{} file{} came from {}{}\n", impact.files.size(),
                             impact.files.size() == 1 ? "" : "s", about,
                             impact.cut ? " (cut here: there are more)" : "");
    if (!impact.invalidations.empty())
      std::cout << fmt::format("{} of them {} invalidated since: discarded or cleaned\n",
                               impact.invalidations.size(),
                               impact.invalidations.size() == 1 ? "was" : "were");
  }
  return impact.files.empty() ? exit_code(ErrorKind::incomplete) : 0;
}

}  // namespace alisio::apps
