#include "apps/doctor_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/command_line.hpp"
#include "lib/base/error.hpp"
#include "lib/base/json_text.hpp"
#include "lib/config/configuration.hpp"
#include "lib/daemon/doctor.hpp"
#include "lib/web/actions.hpp"
#include "reco/forest/forest_file.hpp"

namespace alisio::apps {
namespace {

namespace po = boost::program_options;
namespace fs = std::filesystem;
using daemon::Finding;
using daemon::Health;

/// Look at everything. A configuration that cannot be read is a finding too, and then the only one.
std::vector<Finding> findings_of(const std::string& config_file, const NightDate& night,
                                 const Program& program) {
  std::vector<Finding> findings;
  try {
    std::vector<fs::path> files;
    if (!config_file.empty()) files.push_back(fs::weakly_canonical(config_file));
    const auto configuration = config::Configuration::load(files);
    findings.push_back(
        {"configuration", Health::ok, files.empty() ? "the defaults" : files.front().string(), ""});
    const daemon::DoctorServices services{
        .default_models = program.cfg_folder / "models",
        .read_models =
            [](const fs::path& file) { static_cast<void>(forest::ForestFile::open(file)); },
        .read_token = [](const fs::path& file) { static_cast<void>(web::read_token(file)); }};
    const auto more = daemon::examine(configuration, services, night);
    findings.insert(findings.end(), more.begin(), more.end());
  } catch (const Error& error) {
    findings.push_back(
        {"configuration", Health::fail,
         error.where().empty() ? error.problem() : error.where() + ": " + error.problem(),
         error.remedy()});
  }
  return findings;
}

void print(const std::vector<Finding>& findings) {
  std::size_t width = 0;
  for (const Finding& finding : findings) width = std::max(width, finding.check.size());
  for (const Finding& finding : findings) {
    std::cout << fmt::format("{:<4}  {:<{}}  {}\n", to_string(finding.health), finding.check, width,
                             finding.text);
    if (!finding.remedy.empty())
      std::cout << fmt::format("{:{}}-> {}\n", "", width + 8, finding.remedy);
  }
}

}  // namespace

int run_doctor_command(const std::vector<std::string>& arguments, const Program& program) {
  std::string config_file, date;
  bool as_json = false;
  po::options_description options("Options");
  options.add_options()("config", po::value(&config_file), "configuration file")(
      "json", po::bool_switch(&as_json), "print the findings as JSON")(
      "date", po::value(&date), "night to come (default: the present one; positional argument)");
  po::positional_options_description positional;
  positional.add("date", 1);
  const auto values = parse_arguments(
      arguments,
      {.name = "doctor",
       .synopsis = "[DATE] --config FILE [--json]",
       .text =
           "Looks before the night for what would go wrong in it: configuration, folders and\n"
           "their permissions, the state on a local disk, free space against what earlier nights\n"
           "took, constants and models, the program that tells the night's sources, the clocks of\n"
           "this machine and of its disks, those that stamped raw data and drive log, the table "
           "of\n"
           "the Earth's orientation, the token of the pages, Slurm if it is configured. Each line\n"
           "is ok, warn or fail, and says what to mend. Changes nothing.\n"
           "Exit code 0 if nothing fails, 7 otherwise.",
       .examples = "  alisio doctor --config alisio.yaml\n"
                   "  alisio doctor --config alisio.yaml --json | jq '.findings[] | "
                   "select(.health != \"ok\")'"},
      options, positional);
  if (!values) return 0;
  const NightDate night = date.empty()
                              ? NightDate::of_unix_utc(static_cast<double>(std::time(nullptr)))
                              : NightDate::parse(date);
  const std::vector<Finding> findings = findings_of(config_file, night, program);
  const bool fails = std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.health == Health::fail;
  });
  if (as_json) {
    nlohmann::json list = nlohmann::json::array();
    for (const Finding& finding : findings)
      list.push_back({{"check", finding.check},
                      {"health", to_string(finding.health)},
                      {"text", finding.text},
                      {"remedy", finding.remedy}});
    const nlohmann::json document{{"night", night.iso()}, {"ok", !fails}, {"findings", list}};
    std::cout << json_text(document, 2) << '\n';
  } else {
    print(findings);
  }
  return fails ? exit_code(ErrorKind::incomplete) : 0;
}

}  // namespace alisio::apps
