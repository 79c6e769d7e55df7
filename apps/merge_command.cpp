#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "apps/command_line.hpp"
#include "apps/job.hpp"
#include "apps/stage_commands.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/base/night_folder.hpp"
#include "lib/base/run_file_name.hpp"
#include "lib/pipeline/datacheck_file.hpp"
#include "lib/pipeline/merge_tables.hpp"
#include "lib/pipeline/muon_file.hpp"
#include "lib/pipeline/names.hpp"
#include "lib/stage/product_name.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace fs = std::filesystem;
using Text = std::string;
namespace {

/// A kind of files that can be merged.
struct Kind {
  const char* name;    ///< as `--kind` says it
  const char* prefix;  ///< of the files
  const char* ending;
  const char* stage;
  const char* port_of_run;
  const char* port_of_night;  ///< null: only runs are merged
};
constexpr Kind kinds[] = {{"dl1", "dl1", ".h5", "merge_dl1", "dl1_run", nullptr},
                          {"dl2", "dl2", ".h5", "merge_dl2", "dl2_run", nullptr},
                          {"muons", "muons", ".fits", "merge_muons", "muons_run", "muons_night"},
                          {"datacheck", "datacheck_dl1", ".h5", "merge_datacheck",
                           "dl1_datacheck_run", "dl1_datacheck_night"}};

/// A file that may be merged, as its name tells.
struct Part {
  fs::path path;
  const Kind* kind = nullptr;
  int telescope = 1, run = 0;
  std::optional<int> subrun;  ///< none: the file of a run
};

std::optional<Part> part_of(const fs::path& path) {
  const std::optional<RunFileName> name = parse_run_file_name(path);
  if (!name || !name->is_product() || !name->has_usual_digits) return std::nullopt;
  for (const Kind& kind : kinds)
    if (name->kind == kind.prefix && name->ending == kind.ending)
      return Part{.path = path,
                  .kind = &kind,
                  .telescope = *name->telescope,
                  .run = name->run,
                  .subrun = name->subrun};
  return std::nullopt;
}

/// What is asked for.
struct Wish {
  std::optional<Text> night;  ///< YYYYMMDD
  std::optional<int> run;
  Text kind;  ///< empty: all
};

/// A file that is named on the command line; one that is only planned may be absent.
Part given_part(const fs::path& path, const Wish& wish, bool dry_run) {
  const std::optional<Part> part = part_of(path);
  if (!part)
    throw Error(ErrorKind::usage, "the name tells neither a kind of files to merge nor a run",
                path.string(),
                "expected dl1_, dl2_, datacheck_dl1_ or muons_LST-1.RunRRRRR[.SSSS].h5 or .fits");
  if (!wish.kind.empty() && wish.kind != part->kind->name)
    throw Error(ErrorKind::usage, fmt::format("is not of the kind '{}'", wish.kind), path.string());
  if (!dry_run && !fs::exists(path))
    throw Error(ErrorKind::missing_input, "does not exist", path.string(), "check the path");
  return *part;
}

/// Find the files of a folder that can be merged: of subruns; for a night those of runs, of a run
/// that has none those of its subruns.
std::vector<Part> parts_in(const fs::path& folder, const Wish& wish) {
  if (!fs::is_directory(folder))
    throw Error(ErrorKind::missing_input, "is no folder", folder.string(), "check --input-dir");
  std::vector<Part> parts;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    std::optional<Part> part = part_of(entry.path());
    if (!part || (wish.run && part->run != *wish.run)) continue;
    if (!wish.kind.empty() && wish.kind != part->kind->name) continue;
    if (wish.night ? part->kind->port_of_night == nullptr : !part->subrun) continue;
    parts.push_back(*part);
  }
  if (wish.night)
    std::erase_if(parts, [all = parts](const Part& part) {
      return part.subrun && std::any_of(all.begin(), all.end(), [&](const Part& other) {
               return other.kind == part.kind && other.run == part.run && !other.subrun;
             });
    });
  if (parts.empty())
    throw Error(ErrorKind::missing_input, "holds nothing of this kind to merge", folder.string(),
                "check --input-dir, --run and --kind");
  return parts;
}

/// @throws Error(usage) if a file stands in the folder of another night.
void check_night(const std::vector<Part>& parts, const NightDate& night) {
  for (const Part& part : parts)
    if (const auto told = night_of_folder(fs::absolute(part.path)); told && *told != night)
      throw Error(ErrorKind::usage,
                  fmt::format("is of the night {}, the files of {} are to be merged",
                              told->compact(), night.compact()),
                  part.path.string(), "give that night, or the files of this one");
}

/// What goes into one product.
struct Group {
  const Kind* kind = nullptr;
  int telescope = 1, run = 0;  ///< the first run, for a night
  std::vector<fs::path> inputs;
};

std::vector<Group> groups_of(std::vector<Part> parts, bool night) {
  std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
    return std::pair(a.run, a.subrun) < std::pair(b.run, b.subrun);
  });
  std::map<std::pair<const Kind*, int>, Group> groups;
  for (const Part& part : parts) {
    if (night && part.kind->port_of_night == nullptr)
      throw Error(ErrorKind::usage, "only muon and data-check files are merged per night",
                  part.path.string(), "leave --night out");
    Group& group = groups[{part.kind, night ? 0 : part.run}];
    if (group.inputs.empty()) {
      group.kind = part.kind;
      group.telescope = part.telescope;
      group.run = part.run;
    }
    group.inputs.push_back(part.path);
  }
  std::vector<Group> all;
  for (auto& [key, group] : groups) all.push_back(std::move(group));
  return all;
}

ActivityNote note_of(const Group& group, const Wish& wish, const Job& job) {
  ActivityNote note = pipeline::activity_note(group.kind->stage, {group.telescope, group.run, 0},
                                              job.context, job.configuration);
  note.parameters.erase("ObservationSubRun");
  note.subrun = -1;
  if (wish.night) {
    note.run = 0;
    note.parameters.erase("ObservationRun");
    note.parameters["ObservationDate"] = *wish.night;
  }
  return note;
}

/// Return the numbers of "3,7".
std::set<int> subruns_in(const Text& list) {
  std::set<int> subruns;
  const char* at = list.data();
  const char* const end = at + list.size();
  for (bool more = true; more;) {
    int subrun = 0;
    const auto [after, problem] = std::from_chars(at, end, subrun);
    if (problem != std::errc() || subrun < 0 || (after != end && *after != ','))
      throw Error(ErrorKind::usage, fmt::format("'{}' is no list of subruns", list),
                  "--left-out-subruns", "give their numbers, as 3,7");
    subruns.insert(subrun);
    more = after != end;
    at = more ? after + 1 : after;
  }
  return subruns;
}

/// How a merge is to be done, whatever is merged.
struct Manner {
  fs::path output_dir;
  ExpectedSubruns expected_subruns;
  bool leave_out_bad = false, with_images = false;
};

std::int64_t merge(stage::StageRun& run, const Group& group, const Wish& wish, const Job& job,
                   const Manner& manner) {
  const Kind& kind = *group.kind;
  const Text port = wish.night ? kind.port_of_night : kind.port_of_run;
  const fs::path target =
      manner.output_dir / (wish.night
                               ? stage::night_product_name(port, group.telescope, *wish.night)
                               : stage::product_name(port, {group.telescope, group.run, 0}));
  for (const fs::path& input : group.inputs)
    if (fs::weakly_canonical(input) == fs::weakly_canonical(target))
      throw Error(ErrorKind::usage, "the product would replace its own input", target.string(),
                  "leave it out");
  if (Text(kind.name) == "muons")
    return pipeline::merge_muons(run, {.inputs = group.inputs,
                                       .target = target,
                                       .port = port,
                                       .skip_damaged = manner.leave_out_bad,
                                       .expected_subruns = manner.expected_subruns});
  if (Text(kind.name) == "datacheck")
    return pipeline::merge_datachecks(run,
                                      {.inputs = group.inputs,
                                       .target = target,
                                       .port = port,
                                       .expected_subruns = manner.expected_subruns,
                                       .leave_out_corrupt = manner.leave_out_bad},
                                      job.configuration);
  return pipeline::merge_tables(run, {.inputs = group.inputs,
                                      .target = target,
                                      .input_port = Text(kind.name) + "_subrun",
                                      .port = port,
                                      .with_images = manner.with_images,
                                      .expected_subruns = manner.expected_subruns,
                                      .leave_out_bad = manner.leave_out_bad});
}

}  // namespace

int run_merge_command(const std::vector<Text>& arguments, const Program& program,
                      StageObserver* shared) {
  constexpr const char* name = "merge";
  po::options_description options("Options");
  options.add_options()("input", po::value<std::vector<Text>>()->multitoken()->composing(),
                        "files to merge")("input-dir", po::value<Text>(),
                                          "folder of the files, in place of --input")(
      "run", po::value<int>(), "of --input-dir only the files of this run (default: all runs)")(
      "kind", po::value<Text>(),
      "of --input-dir only dl1, dl2, muons or datacheck (default: all that are there)")(
      "night", po::value<Text>(),
      "date; merge muons and data checks of all runs into files of the night")(
      "output-dir", po::value<Text>(), "folder of the merged files")(
      "expected-subruns", po::value<int>(), "how many subruns the run has; others are missing")(
      "left-out-subruns", po::value<Text>(),
      "subruns that are left out on purpose, as 3,7: they are not missing")(
      "leave-out-bad", "leave out files that are damaged or do not fit, with a warning")(
      "with-images", "keep the images of DL1");
  options.add(job_options());
  const auto parsed = parse_arguments(
      arguments,
      {.name = name,
       .synopsis = "--input FILE... | --input-dir DIR [--run N] [--kind KIND] --output-dir DIR",
       .text =
           "Merge DL1, DL2, muon and data-check files of the subruns of a run into one file each;\n"
           "with --night, muons and data checks of the runs of a night. The kind is told by the\n"
           "names. Subruns follow each other in order, however they are given. What is the same "
           "in\n"
           "all files (configuration, camera, Cat-B) is compared and stored once; images are left\n"
           "out unless asked for, and so are the monitoring tables of DL1 subruns. Missing "
           "subruns\n"
           "are warned of and told in the product. A file that is damaged or does not fit (other\n"
           "version, columns, camera, configuration) stops the merge unless --leave-out-bad. "
           "Every\n"
           "product is read back and compared before it gets its name.",
       .examples = "  alisio merge --input-dir DL1/20221215/v0.1.0_v00 --run 11220 \\\n"
                   "    --output-dir DL1/20221215/v0.1.0_v00\n"
                   "  alisio merge --input dl2_LST-1.Run11220.*.h5 --output-dir merged\n"
                   "  alisio merge --input-dir DL1/20221215/v0.1.0_v00 --night 20221215 \\\n"
                   "    --output-dir DL1/20221215/v0.1.0_v00"},
      options);
  if (!parsed) return 0;
  const po::variables_map& values = *parsed;
  Wish wish;
  if (values.count("night") != 0)
    wish.night = NightDate::parse(text_option(values, "night")).compact();
  if (values.count("run") != 0) wish.run = values["run"].as<int>();
  wish.kind = text_option(values, "kind");
  if (!wish.kind.empty() && std::none_of(std::begin(kinds), std::end(kinds),
                                         [&](const Kind& kind) { return wish.kind == kind.name; }))
    throw Error(ErrorKind::usage, fmt::format("'{}' is no kind of files", wish.kind), "--kind",
                "known: dl1, dl2, muons, datacheck");
  Manner manner;
  manner.output_dir = required_option(values, "output-dir", name);
  manner.leave_out_bad = values.count("leave-out-bad") != 0;
  manner.with_images = values.count("with-images") != 0;
  if (values.count("expected-subruns") != 0)
    manner.expected_subruns.number = values["expected-subruns"].as<int>();
  if (manner.expected_subruns.number < 0)
    throw Error(ErrorKind::usage, "a run has no negative number of subruns", "--expected-subruns",
                "give how many there should be");
  if (values.count("left-out-subruns") != 0)
    manner.expected_subruns.left_out = subruns_in(text_option(values, "left-out-subruns"));

  std::vector<Part> parts;
  if (values.count("input-dir") != 0) {
    if (values.count("input") != 0)
      throw Error(ErrorKind::usage, "--input and --input-dir exclude each other", "merge");
    parts = parts_in(text_option(values, "input-dir"), wish);
  } else {
    for (const fs::path& path : required_files(values, "input", name))
      parts.push_back(given_part(path, wish, values.count("dry-run") != 0));
  }

  if (wish.night) check_night(parts, NightDate::parse(*wish.night));

  std::vector<stage::StageResult> results;
  std::unique_ptr<StageObserver> own;
  fs::path report;
  for (const Group& group : groups_of(std::move(parts), wish.night.has_value())) {
    const Job job = make_job(values, program, group.inputs.front(), manner.output_dir);
    report = job.report;
    if (shared == nullptr && !own) own = make_recorder(program, job);
    std::int64_t rows = 0;
    results.push_back(run_job_stage(
        note_of(group, wish, job), job, shared != nullptr ? *shared : *own,
        [&](stage::StageRun& run) { return rows = merge(run, group, wish, job, manner); }));
    if (!job.context.dry_run && !results.back().error)
      spdlog::info("{} of {}: {} files, {} {}", group.kind->name,
                   wish.night ? "night " + *wish.night : "run " + run_text(group.run),
                   group.inputs.size(), rows,
                   Text(group.kind->name) == "muons"       ? "rings"
                   : Text(group.kind->name) == "datacheck" ? "subruns"
                                                           : "events");
  }
  return finish_job(results, report);
}

}  // namespace alisio::apps
