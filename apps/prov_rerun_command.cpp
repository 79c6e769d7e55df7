#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>
#include <thread>

#include "apps/command_line.hpp"
#include "apps/prov_command.hpp"
#include "apps/prov_ids.hpp"
#include "apps/prov_index.hpp"
#include "apps/provenance_setup.hpp"
#include "apps/shell_word.hpp"
#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/version.hpp"
#include "lib/night/file_parts.hpp"
#include "lib/night/process.hpp"
#include "prov/ask/embedded.hpp"
#include "prov/ask/names.hpp"
#include "prov/ask/rerun.hpp"

namespace alisio::apps {

namespace po = boost::program_options;
namespace fs = std::filesystem;

namespace {

void print_plan(const prov::RerunPlan& plan) {
  std::cout << fmt::format("{} by {}\n", prov::short_name(plan.activity), plan.activity.software);
  for (const prov::RerunInput& input : plan.inputs)
    std::cout << fmt::format("  {:<7} {}  {}\n",
                             input.state == prov::InputState::unproved     ? "there"
                             : input.state == prov::InputState::made_again ? "again"
                                                                           : to_string(input.state),
                             input.file.path, input.role);
  for (const prov::StoryFile& product : plan.products)
    std::cout << fmt::format("  makes   {}\n", product.file.path);
  std::string line = "command: alisio";
  for (const std::string& word : plan.command) line += ' ' + shell_word(word);
  if (!plan.command.empty()) std::cout << line << '\n';
  if (!plan.configuration_is_file)
    std::cout
        << "configuration: as recorded; its file is not there any more, has changed, or names "
           "files that stand elsewhere now\n";
  for (const std::string& change : plan.changes) std::cout << "changed: " << change << '\n';
  for (const std::string& obstacle : plan.obstacles)
    std::cout << "in the way: " << obstacle << '\n';
}

/// Return the folder, which must be new or empty: nothing that is there is touched.
fs::path new_folder(const std::string& text) {
  const fs::path folder = fs::absolute(text).lexically_normal();
  std::error_code problem;
  fs::create_directories(folder, problem);
  if (problem)
    throw Error(ErrorKind::resource, "cannot be made: " + problem.message(), folder.string(),
                "choose another folder for --into");
  if (!fs::is_empty(folder, problem) || problem)
    throw Error(ErrorKind::usage, "is not empty", folder.string(),
                "choose a new folder for --into: what is made again must meet nothing");
  return folder;
}

void run(const prov::RerunPlan& plan, const fs::path& into) {
  if (!plan.configuration_is_file) {
    nlohmann::json configuration = plan.configuration;
    // A limit is part of what was effective, but is an option, not a key.
    configuration.erase("max_events");
    write_file_atomically(into / "alisio.yaml", configuration.dump(2) + '\n');
  }
  const fs::path log = into / "job.log";
  night::SignalWait signals;
  const pid_t child =
      night::start_process(fs::read_symlink("/proc/self/exe"), plan.command, log, [](pid_t) {});
  night::ProcessEnd end;
  int stop = 0;
  while (!night::has_ended(child, end))
    if (const int asked = signals.wait(10); asked != 0 && stop == 0) {
      stop = asked;
      ::kill(-child, SIGTERM);
    }
  if (stop != 0)
    throw Error(ErrorKind::interrupted, "interrupted: the job was ended", into.string(),
                "run it again into a new folder");
  if (end.exit_code != 0)
    throw Error(ErrorKind::incomplete, fmt::format("the job ended with code {}", end.exit_code),
                log.string(), "read there why");
}

bool print_results(const std::vector<prov::RerunResult>& results) {
  bool equal = true;
  for (const prov::RerunResult& result : results) {
    equal = equal && result.equal;
    const std::string& path = result.product.file.path;
    if (!result.made)
      std::cout << fmt::format("not made  {}\n", path);
    else if (result.equal)
      std::cout << fmt::format("equal     {} (by {})\n", path, result.by);
    else
      std::cout << fmt::format("differs   {}: {} {}, recorded {}; see {}\n", path, result.by,
                               result.made_now, result.recorded, result.path.string());
  }
  return equal;
}

}  // namespace

int prov_rerun_command(const std::vector<std::string>& arguments, const Program& program) {
  po::options_description options("Options");
  options.add_options()("what", po::value<std::string>(),
                        "file, hash or id (the positional argument)")(
      "execute", "make it again; without, only say what would be done")(
      "into", po::value<std::string>(), "new folder for what is made again")(
      "accept-changes", "go on if inputs or the program are not what they were")(
      "json", "print the answer as JSON");
  options.add(index_options());
  po::positional_options_description positional;
  positional.add("what", 1);
  const auto values = parse_arguments(
      arguments,
      {.name = "prov rerun",
       .synopsis = "FILE|HASH|ID [--execute --into DIR] [--config FILE]",
       .text =
           "Make a product again and compare: the inputs are hashed, the recorded command runs\n"
           "with the recorded configuration into a new folder, and each product is compared by\n"
           "its data hash (files without one by their bytes). Inputs are those of all that the\n"
           "command makes again on its way: to a DL2 file that was made together with DL1, the\n"
           "raw data. What it makes itself (`again`) is not looked at. In a data tree that moved\n"
           "the command reads the files where they stand now. Without --execute it says what\n"
           "would be done and what stands in the way. Recorded products are never touched.\n"
           "Exit code 0 if it can be made again, or came out equal; 7 if not.",
       .examples = "  alisio prov rerun DL2/20240115/v0.1.0_v00/dl2_LST-1.Run11220.0000.h5 \\\n"
                   "    --execute --into again --config alisio.yaml"},
      options, positional);
  if (!values) return 0;
  if (values->count("what") == 0)
    throw Error(ErrorKind::usage, "a file, a hash or an id is needed", "alisio prov rerun",
                "see --help");
  const bool execute = values->count("execute") != 0, json = values->count("json") != 0;
  if (execute && values->count("into") == 0)
    throw Error(ErrorKind::usage, "--execute needs --into", "alisio prov rerun",
                "name a new folder for what is made again");
  prov::Store store = open_index(*values, program);
  const prov::Subject subject =
      prov::find_subject(store, (*values)["what"].as<std::string>(), read_embedded_ids);
  const fs::path into = execute ? new_folder((*values)["into"].as<std::string>()) : "DIR";
  const std::string software = version_tag() + ' ' + commit_tag();
  const prov::RerunPlan plan =
      prov::plan_rerun(store, subject, into, software, night::part_reader());
  if (!execute) {
    if (json)
      std::cout << prov::to_json(plan).dump(2) << '\n';
    else
      print_plan(plan);
    return plan.obstacles.empty() ? 0 : exit_code(ErrorKind::incomplete);
  }
  if (!plan.obstacles.empty())
    throw Error(ErrorKind::incomplete,
                fmt::format("cannot be made again: {}", fmt::join(plan.obstacles, "; ")),
                prov::short_name(plan.activity), "put back what is missing");
  if (!plan.changes.empty() && values->count("accept-changes") == 0)
    throw Error(ErrorKind::incomplete,
                fmt::format("would not be made as it was: {}", fmt::join(plan.changes, "; ")),
                prov::short_name(plan.activity), "--accept-changes goes on");
  run(plan, into);
  prov::Store again = prov::Store::open(":memory:", prov::StoreMode::update);
  again.index({into / "journal"}, load_definition(program.cfg_folder),
              load_logger(program.cfg_folder));
  const std::vector<prov::RerunResult> results = prov::compare_rerun(plan, again);
  if (json) {
    std::cout << nlohmann::ordered_json{{"plan", prov::to_json(plan)},
                                        {"results", prov::to_json(results)}}
                     .dump(2)
              << '\n';
    return std::all_of(results.begin(), results.end(), [](const auto& one) { return one.equal; })
               ? 0
               : exit_code(ErrorKind::incomplete);
  }
  for (const std::string& change : plan.changes) std::cout << "changed: " << change << '\n';
  return print_results(results) ? 0 : exit_code(ErrorKind::incomplete);
}

}  // namespace alisio::apps
