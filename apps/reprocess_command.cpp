#include "apps/reprocess_command.hpp"

#include <iostream>
#include <set>

#include "apps/command_line.hpp"
#include "apps/configuration_file.hpp"
#include "apps/lost_record.hpp"
#include "apps/night_services.hpp"
#include "apps/prov_index.hpp"
#include "apps/stage_name.hpp"
#include "lib/base/account.hpp"
#include "lib/base/error.hpp"
#include "lib/night/dates.hpp"
#include "lib/night/reprocess.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace fs = std::filesystem;
namespace {

/// The stage from which --redo makes anew if --from does not say: all that is made of data.
constexpr const char* first_stage = "r0_to_dl1";

CommandHelp help_text() {
  return {
      "reprocess", "DATE... --config FILE [options]",
      "Processes nights by hand, one after another, into a new production (--prod-id) or the\n"
      "same one. Each is a date, a range FIRST..LAST, or a file of such words (# begins a\n"
      "comment). In a production that is there, only what is not current is made, as by\n"
      "`alisio night`; --from makes a stage and all after it again although it is current.\n"
      "What was made before stays until the new is whole, and stays if that fails. A night\n"
      "that fails does not stop the next; nights without raw data are passed over; the last\n"
      "lines tell what became of each. The same command goes on where it was stopped: to make\n"
      "again once more, give another reason.\n"
      "Exit code 0 only if all nights are done, 7 if one is not, 4 if none has raw data, that of\n"
      "the error if none could be begun, as of a run that they do not have.",
      "  alisio reprocess 20221201..20221215 --prod-id v0.2.0_v00 --jobs 8 --config alisio.yaml\n"
      "  alisio reprocess dates.txt --from dl1_to_dl2 --redo \"new models\" --config "
      "alisio.yaml\n"
      "  alisio reprocess 20221215 --run 11220 --from r0_to_dl1 --redo \"drive log mended\" \\\n"
      "    --plan --config alisio.yaml"};
}

}  // namespace

int run_reprocess_command(const std::vector<std::string>& arguments, const Program& program) {
  night::ReprocessRequest request;
  night::NightOptions& options = request.options;
  std::vector<std::string> words;
  std::string config_file, from, reason, author, executable;
  po::options_description described("Options");
  auto add = described.add_options();
  add("config", po::value(&config_file), "configuration file");
  add("prod-id", po::value(&options.prod_id), "name of the production (default: as configured)");
  add("run", po::value(&options.runs)->multitoken(), "these runs only");
  add("from", po::value(&from),
      "make this stage, and all after it, again: r0_to_dl1, dl1_to_dl2 …");
  add("redo", po::value(&reason),
      "why it is made again; kept in state and provenance (without --from: from r0_to_dl1)");
  add("author", po::value(&author), "who decides that (default: the account)");
  add("jobs", po::value(&options.jobs), "processes at a time (default: as configured)");
  add("threads", po::value(&options.threads), "threads of each process");
  add("max-load", po::value(&options.max_load),
      "no process starts beside another while so many threads run on this machine, of other "
      "programs "
      "too (default: as configured)");
  add("no-dl2", "stop at DL1");
  add("plan", po::bool_switch(&options.plan), "print what would run and why, and change nothing");
  add("dry-run", po::bool_switch(&options.dry_run),
      "capture and merge the provenance without computing");
  add("json", po::bool_switch(&options.json), "print plans or tables as one JSON document");
  add("executable", po::value(&executable), "program that runs the stages (default: this one)");
  add("date", po::value(&words)->composing(), "the nights (the positional arguments)");
  po::positional_options_description positional;
  positional.add("date", -1);
  const auto given = parse_arguments(arguments, help_text(), described, positional);
  if (!given) return 0;
  request.dates = night::dates_of(words);
  if (request.dates.empty())
    throw Error(ErrorKind::usage, "the dates are missing", "alisio reprocess",
                "give YYYYMMDD, FIRST..LAST or a file of them");
  for (const auto& [name, value] :
       {std::pair{"jobs", options.jobs}, std::pair{"threads", options.threads}})
    if (given->count(name) != 0 && value < 1)
      throw Error(ErrorKind::usage, "must be at least 1", std::string("--") + name);
  if (given->count("max-load") != 0 && !(options.max_load > 0))
    throw Error(ErrorKind::usage, "must be more than 0", "--max-load");
  if (!from.empty()) check_stage(from);
  const std::set<std::string> behind_dl1{"dl1_to_dl2", "merge_dl2", "dl3", "dl3_index",
                                         "significance"};
  if (given->count("no-dl2") != 0 && behind_dl1.contains(from))
    throw Error(ErrorKind::usage, "--no-dl2 leaves out the stage " + from,
                "alisio reprocess --from", "give one of both");
  if (!from.empty() && reason.find_first_not_of(" \t\n") == std::string::npos)
    throw Error(ErrorKind::usage, "the reason is missing", "alisio reprocess --from",
                "give --redo REASON");
  if (!reason.empty())
    options.redo = night::Redo{.stage = from.empty() ? first_stage : from,
                               .reason = reason,
                               .author = author.empty() ? account_name() : author};
  options.dl2 = given->count("no-dl2") == 0;
  if (!config_file.empty()) options.config_file = fs::weakly_canonical(config_file);
  const config::Configuration configuration = configuration_of(options.config_file);
  night::NightServices services = night_services(program);
  if (!executable.empty()) services.executable = executable;
  request.after_night = [&](const NightDate& date) { index_night(configuration, date, program); };
  for (const NightDate& date : request.dates) {
    night::NightOptions about = options;
    about.date = date;
    take_up_lost_record(about, configuration, program);
  }
  return night::reprocess(request, configuration, services, std::cout);
}

}  // namespace alisio::apps
