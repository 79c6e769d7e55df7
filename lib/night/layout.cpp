#include "lib/night/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "lib/base/error.hpp"
#include "lib/base/run_file_name.hpp"
#include "lib/config/models_file.hpp"
#include "lib/io/text/drive_log.hpp"
#include "lib/stage/product_name.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

std::string nights_text(long nights) {
  return nights == 0 ? "of this night"
                     : fmt::format("{} night{} earlier", nights, nights == 1 ? "" : "s");
}

/// What is made of the subruns of a data run.
struct RunFiles {
  std::vector<PortFile> dl1, interleaved, muons, checks, dl2;
  std::string folder;  ///< of what was cleaned again, below that of DL1; empty: not cleaned again
};

class Layout {
 public:
  Layout(const NightSetup& setup, const PlanSettings& settings, StateSnapshot& state,
         const PassEvents& events, FileView& files, Verdicts& verdicts)
      : setup_(setup),
        folders_(setup.folders),
        settings_(settings),
        state_(state),
        events_(events),
        files_(files),
        verdicts_(verdicts) {}

  NightPlan make() {
    for (const Decision& decision : settings_.decisions) {
      if (decision.kind == DecisionKind::discard) ++plan_.discarded[decision.run];
      if (decision.kind == DecisionKind::veto && decision.subrun == whole_run)
        plan_.vetoed.insert(decision.run);
      // A retry is told by the jobs that it concerns.
      if (decision.kind != DecisionKind::retry) plan_.decisions.push_back(decision.line());
    }
    for (const RunEntry& entry : setup_.catalogue.runs)
      if (std::string reason = too_early(entry); !reason.empty() && setup_.is_asked(entry.run))
        plan_.taken[entry.run] = std::move(reason);
    add_run_summary();
    for (const RunEntry& entry : setup_.catalogue.runs)
      if (setup_.is_asked(entry.run)) add_calibration_run(entry);
    for (const RunSetup& run : setup_.runs) add_data_run(run);
    add_night_products();
    return std::move(plan_);
  }

 private:
  std::size_t add(Job job) {
    return add_job(plan_, std::move(job), settings_, state_, events_, files_, verdicts_);
  }

  [[nodiscard]] const Step& step(std::size_t position) const { return plan_.jobs[position].step; }

  // --- run summary ---

  void add_run_summary() {
    const JobKey key{"run_summary", whole_night, whole_run};
    run_summary_ = setup_.catalogue.run_summary.string();
    // One that was there before is the observatory's.
    if (!setup_.steps.run_summary || (!run_summary_.empty() && !state_.jobs.contains(key))) return;
    Job job;
    job.key = key;
    job.output_folder = folders_.run_summaries;
    job.shared = true;
    run_summary_ = folders_.run_summaries / fmt::format("RunSummary_{}.ecsv", folders_.date);
    job.products = {{"run_summary", run_summary_}};
    const fs::path override =
        folders_.run_summaries / fmt::format("RunSummary_{}.override.yaml", folders_.date);
    add_if_there("run_summary_override", override, job);
    // What is corrected no more must be as the raw files tell it.
    if (!files_.exists(override.string())) job.empty_ports.emplace_back("run_summary_override");
    for (const RunEntry& entry : setup_.catalogue.runs) {
      add_head(entry, job);
      const auto subruns =
          std::count_if(entry.subruns.begin(), entry.subruns.end(),
                        [](const SubrunFiles& files) { return files.first_stream; });
      // A run that grows would have it made again with each subrun.
      if (!setup_.catalogue.run_summary.empty() && subruns > entry.expected_subruns.value_or(0) &&
          state_.jobs.contains(key) && !setup_.taken_runs.contains(entry.run)) {
        job.outdated = fmt::format("run {} has more subruns than it says", run_text(entry.run));
        job.outdated_until = state_.jobs.at(key).ended_at;
      }
    }
    add(std::move(job));
  }

  /// Add the files by which a run is known: the streams of its first subrun, as far as they go.
  static void add_head(const RunEntry& entry, Job& job) {
    if (entry.subruns.empty() || entry.subruns.front().subrun != 0) return;
    int stream = 0;
    for (const fs::path& file : entry.subruns.front().streams) {
      // LST-<t>.<stream>.Run…
      if (file.filename().string().find(fmt::format(".{}.Run", ++stream)) == std::string::npos)
        return;
      job.inputs.push_back({"r0_subrun", file.string()});
    }
  }

  void add_run_summary_to(Job& job) const {
    if (!run_summary_.empty() &&
        (plan_.makers.contains(run_summary_) || files_.exists(run_summary_)))
      job.inputs.push_back({"run_summary", run_summary_});
  }

  /// Return why what gathers all of a run is too early, or "": what is made of a part of it would
  /// be made again with each subrun. A run summary that this night makes tells no more than the
  /// files.
  [[nodiscard]] std::string too_early(const RunEntry& entry) const {
    if (!setup_.taken_runs.contains(entry.run)) return "";
    const bool whole =
        entry.expected_subruns && static_cast<int>(entry.subruns.size()) >= *entry.expected_subruns;
    if (whole && !state_.jobs.contains({"run_summary", whole_night, whole_run})) return "";
    return fmt::format("run {} is still being taken", run_text(entry.run));
  }

  /// Return the same for what gathers all of the night.
  [[nodiscard]] std::string night_too_early() const {
    return plan_.taken.empty() ? std::string() : plan_.taken.begin()->second;
  }

  // --- constants ---

  [[nodiscard]] const ConstantsShelf& shelf(ConstantsKind kind) const {
    return setup_.shelves.at(static_cast<std::size_t>(kind));
  }

  [[nodiscard]] const RunEntry* entry_of(int run) const {
    const auto& runs = setup_.catalogue.runs;
    const auto found = std::find_if(runs.begin(), runs.end(),
                                    [&](const RunEntry& entry) { return entry.run == run; });
    return found == runs.end() ? nullptr : &*found;
  }

  /// Return the constants of a run of this night that are there, the preferred file first.
  [[nodiscard]] std::vector<ConstantsFile> files_of_run(ConstantsKind kind, int run) const {
    std::vector<ConstantsFile> found;
    for (const auto* files : {&shelf(kind).tonight, &shelf(kind).undated})
      for (const ConstantsFile& file : *files)
        if (file.run == run) found.push_back(file);
    return found;
  }

  void add_calibration_run(const RunEntry& entry) {
    for (const ConstantsKind kind :
         {ConstantsKind::drs4_pedestal, ConstantsKind::time, ConstantsKind::charge}) {
      if (entry.type != facts_of(kind).run_type) continue;
      const auto job = constants_job(kind, entry.run);
      if (job && step(*job).done()) {
        static_cast<void>(verdict(kind, plan_.jobs[*job].job.products.front().path, entry.run));
      } else if (!job) {
        for (const ConstantsFile& file : files_of_run(kind, entry.run))
          static_cast<void>(verdict(kind, file.file, entry.run));
      }
    }
  }

  /// Return the job that makes the constants of a run, laid out at first need; nothing if they are
  /// not to be made: no raw files, switched off, or made already by somebody else.
  std::optional<std::size_t> constants_job(ConstantsKind kind, int run) {
    const std::pair memory{kind, run};
    if (const auto known = constants_jobs_.find(memory); known != constants_jobs_.end())
      return known->second;
    std::optional<std::size_t>& job = constants_jobs_[memory];
    const RunEntry* entry = entry_of(run);
    const ConstantsFacts& facts = facts_of(kind);
    if (!setup_.steps.calibration || entry == nullptr || entry->type != facts.run_type ||
        entry->subruns.empty())
      return job;
    const JobKey key{facts.stage, run, whole_run};
    if (!state_.jobs.contains(key))
      for (const ConstantsFile& file : files_of_run(kind, run))
        if (file.version.empty() || file.version == "pro" || file.version == folders_.version) {
          std::string& text = plan_.found[run];
          text +=
              (text.empty() ? "" : ", ") + fmt::format("{} {}", facts.words, file.file.string());
          note_as_found(facts.words, key, file.file);
          return job;
        }
    const std::size_t position = add(make_constants_job(kind, key, *entry));
    return constants_jobs_[memory] = position;
  }

  /// Say that a file is not made again, though that was decided: it was not made here.
  void note_as_found(const std::string& words, const JobKey& key, const fs::path& file) {
    if (decision_about(settings_.decisions, DecisionKind::redo, key) == nullptr) return;
    plan_.notes.push_back(
        fmt::format("the {} of run {} is as found and is not made here, so not again either: move "
                    "{} away to have it made",
                    words, run_text(key.run), file.string()));
  }

  Job make_constants_job(ConstantsKind kind, const JobKey& key, const RunEntry& entry) {
    Job job;
    job.key = key;
    job.shared = true;
    job.output_folder = folders_.constants(kind);
    job.products = {product(facts_of(kind).port, folders_.constants(kind), entry.run)};
    add_raw(entry.subruns.front(), entry.run, job);
    if (kind == ConstantsKind::drs4_pedestal) return job;
    // As the peers' on-site calibration does, these read the whole run; the stage stops at a gap.
    job.too_early = too_early(entry);
    for (std::size_t at = 1;
         at < entry.subruns.size() && entry.subruns[at].subrun == entry.subruns[at - 1].subrun + 1;
         ++at)
      add_raw(entry.subruns[at], entry.run, job);
    add_constants(ConstantsKind::drs4_pedestal, choose(ConstantsKind::drs4_pedestal, entry.run),
                  job);
    if (kind == ConstantsKind::charge)
      add_constants(ConstantsKind::time, choose(ConstantsKind::time, entry.run), job);
    add_run_summary_to(job);
    if (kind == ConstantsKind::charge && !setup_.ffactor_systematics.empty())
      job.inputs.push_back({"ffactor_systematics", setup_.ffactor_systematics.string()});
    return job;
  }

  /// Give a job the constants that were chosen for it.
  static void add_constants(ConstantsKind kind, const ConstantsChoice& choice, Job& job) {
    const char* port = facts_of(kind).port;
    job.vetoed_files.insert(job.vetoed_files.end(), choice.vetoed.begin(), choice.vetoed.end());
    if (!choice.file.empty()) {
      job.inputs.push_back({port, choice.file.string()});
      job.notes.push_back({port, choice.text()});
    } else if (kind != ConstantsKind::time && job.obstacle.empty()) {
      job.obstacle = choice.text();
    }
  }

  /// Evaluate the gates of a file, once for each state of it.
  Verdict verdict_of(const std::string& port, const fs::path& file) {
    return evaluate_gates(port, file, settings_, files_, verdicts_);
  }

  Verdict verdict(ConstantsKind kind, const fs::path& file, int run) {
    return verdict(facts_of(kind).port, facts_of(kind).words, file, run);
  }

  /// @param port  through which stages read the file
  /// @param words for the kind of constants
  Verdict verdict(const std::string& port, const std::string& words, const fs::path& file,
                  int run) {
    const Verdict found = verdict_of(port, file);
    const bool noted = std::any_of(
        plan_.gate_faults.begin(), plan_.gate_faults.end(),
        [&](const GateFault& fault) { return fault.run == run && fault.kind == words; });
    if (!found.passed && !noted && entry_of(run) != nullptr)
      plan_.gate_faults.push_back({run, words, found.text,
                                   !found.unreadable && settings_.accepted.contains(run),
                                   found.unreadable});
    return found;
  }

  /// Take a file if its gates let it pass, else say why not. Return true if it was taken.
  bool take(ConstantsKind kind, const fs::path& file, int run, const std::string& reason,
            ConstantsChoice& choice) {
    if (const Decision* veto =
            decision_about(settings_.decisions, DecisionKind::veto, {"", run, whole_run})) {
      choice.passed_over.push_back(fmt::format("run {} ({})", run_text(run), veto->text()));
      choice.vetoed.push_back(file.string());
      return false;
    }
    const Verdict found = verdict(kind, file, run);
    if (!found.passed && (found.unreadable || !settings_.accepted.contains(run))) {
      choice.passed_over.push_back(fmt::format("run {} ({})", run_text(run), found.text));
      return false;
    }
    choice.file = file;
    choice.run = run;
    choice.reason = reason;
    if (!found.passed) choice.reason += fmt::format(", accepted in spite of {}", found.text);
    return true;
  }

  /// Take the constants of a run of this night, made or still to be made.
  bool take_of_tonight(ConstantsKind kind, int run, const std::string& reason,
                       ConstantsChoice& choice) {
    const auto job = constants_job(kind, run);
    const std::vector<ConstantsFile> there = files_of_run(kind, run);
    fs::path product;
    if (job) {
      product = plan_.jobs[*job].job.products.front().path;
      if (step(*job).pending()) {
        choice.file = product;
        choice.run = run;
        choice.reason = reason;
        choice.coming = true;
        return true;
      }
      if (step(*job).done()) {
        if (take(kind, product, run, reason, choice)) return true;
      } else {
        choice.passed_over.push_back(fmt::format("run {} ({})", run_text(run), step(*job).reason));
        if (step(*job).status == StepStatus::vetoed) choice.vetoed.push_back(product.string());
      }
    } else if (there.empty()) {
      const RunEntry* entry = entry_of(run);
      choice.passed_over.push_back(fmt::format(
          "run {} ({})", run_text(run),
          entry != nullptr && entry->subruns.empty() ? "no raw files" : "no constants"));
    }
    for (const ConstantsFile& file : there)
      if (file.file != product && take(kind, file.file, run, reason, choice)) return true;
    return false;
  }

  /// Choose the constants of a run: the file that the configuration names; else of the nearest run
  /// at or before it, of this night or of the latest earlier one; else of the first one later in
  /// the night. What is missing, failed or fails its gates is passed over.
  ConstantsChoice choose(ConstantsKind kind, int last_run) {
    ConstantsChoice choice;
    const fs::path& given = setup_.given_constants.at(static_cast<std::size_t>(kind));
    if (!given.empty()) {
      const std::optional<RunFileName> name = parse_run_file_name(given);
      if (!take(kind, fs::weakly_canonical(given), name ? name->run : -1,
                "named by the configuration", choice))
        choice.reason = fmt::format("the {} that the configuration names fails its checks",
                                    facts_of(kind).words);
      return choice;
    }
    std::set<int> tonight;
    for (const RunEntry& entry : setup_.catalogue.runs)
      if (entry.type == facts_of(kind).run_type) tonight.insert(entry.run);
    for (const ConstantsFile& file : shelf(kind).tonight) tonight.insert(file.run);

    const std::string nearest = fmt::format("nearest at or before run {}", run_text(last_run));
    for (auto run = tonight.rbegin(); run != tonight.rend(); ++run)
      if (*run <= last_run &&
          take_of_tonight(kind, *run, fmt::format("{}, {}", nearest, nights_text(0)), choice))
        return choice;
    for (const ConstantsFile& file : shelf(kind).earlier)
      if (file.run <= last_run &&
          take(kind, file.file, file.run,
               fmt::format("{}, {}", nearest, nights_text(file.nights_earlier)), choice))
        return choice;
    for (const ConstantsFile& file : shelf(kind).undated)
      if (file.run <= last_run && !tonight.contains(file.run) &&
          take(kind, file.file, file.run, nearest, choice))
        return choice;
    for (const int run : tonight)
      if (run > last_run &&
          take_of_tonight(kind, run,
                          fmt::format("first after run {}, of this night: there is none before it",
                                      run_text(last_run)),
                          choice))
        return choice;
    choice.reason =
        fmt::format("no {} at or before run {} in {}", facts_of(kind).words, run_text(last_run),
                    (folders_.calibration / "Cat-A" / facts_of(kind).folder).string());
    return choice;
  }

  // --- data ---

  void add_raw(const SubrunFiles& files, int run, Job& job) const {
    for (const fs::path& stream : files.streams)
      job.inputs.push_back({"r0_subrun", stream.string()});
    if (files.first_stream) return;
    job.obstacle = fmt::format("stream 1 of subrun {}.{} does not exist", run_text(run),
                               subrun_text(files.subrun));
    job.files_missing = true;
  }

  /// Return the subruns of a run: those that have files, and those that were made when they had.
  [[nodiscard]] std::map<int, const SubrunFiles*> subruns_of(const RunEntry& entry) const {
    std::map<int, const SubrunFiles*> subruns;
    for (const auto& [key, job] : state_.jobs)
      if (key.stage == "r0_to_dl1" && key.run == entry.run && job.status == JobStatus::done)
        subruns[key.subrun] = nullptr;
    for (const SubrunFiles& files : entry.subruns) subruns[files.subrun] = &files;
    std::erase_if(subruns, [&](const auto& subrun) {
      return decision_about(settings_.decisions, DecisionKind::discard,
                            {"", entry.run, subrun.first}) != nullptr;
    });
    return subruns;
  }

  void add_data_run(const RunSetup& run) {
    const int number = run.entry.run;
    RunPlan chosen;
    chosen.run = number;
    chosen.drs4_pedestal = choose(ConstantsKind::drs4_pedestal, number);
    chosen.charge = choose(ConstantsKind::charge, number);
    chosen.time = choose(ConstantsKind::time, chosen.charge.run >= 0 ? chosen.charge.run : number);

    const auto subruns = subruns_of(run.entry);
    RunFiles made;
    for (const auto& [subrun, files] : subruns) {
      if (setup_.steps.gain_select && files != nullptr) add_gain_select(number, *files);
      const std::size_t position = add(make_r0_to_dl1(number, subrun, files, chosen));
      const Job& job = plan_.jobs[position].job;
      for (const PortFile& product : job.products) {
        if (product.port == "dl1_subrun") made.dl1.push_back(product);
        if (product.port == "interleaved") made.interleaved.push_back(product);
        if (product.port == "muons") made.muons.push_back(product);
        if (product.port == "dl1_datacheck") made.checks.push_back(product);
      }
    }
    if (!subruns.empty()) {
      add_recleaning(run, chosen, made);
      std::vector<PortFile> dl2 = made.dl2;
      if (setup_.steps.merge) dl2 = add_merges(run, made);
      if (setup_.steps.dl3 && !dl2.empty()) add_dl3(run.entry, dl2);
      dl2_.insert(dl2_.end(), dl2.begin(), dl2.end());
    }
    plan_.runs.push_back(std::move(chosen));
  }

  void add_gain_select(int run, const SubrunFiles& files) {
    Job job;
    job.key = {"gain_select", run, files.subrun};
    job.output_folder = folders_.r0g;
    job.shared = true;
    add_raw(files, run, job);
    for (const fs::path& stream : files.streams)
      job.products.push_back({"r0g_subrun", folders_.r0g / stream.filename()});
    add(std::move(job));
  }

  /// Tell whether a subrun was still written when a drive log that grows ended.
  bool outlasts_drive_log(const SubrunFiles& files) {
    if (setup_.pointing_until_unix_s <= 0 || files.streams.empty()) return false;
    const std::optional<FileStamp> stamp = files_.stamp(files.streams.front().string());
    return stamp && static_cast<double>(stamp->mtime_ns) * 1e-9 > setup_.pointing_until_unix_s;
  }

  Job make_r0_to_dl1(int run, int subrun, const SubrunFiles* files, const RunPlan& chosen) {
    Job job;
    job.key = {"r0_to_dl1", run, subrun};
    job.output_folder = folders_.dl1;
    job.products = {product("dl1_subrun", folders_.dl1, run, subrun)};
    if (setup_.steps.cat_b)
      job.products.push_back(product("interleaved", folders_.dl1 / "interleaved", run, subrun));
    if (setup_.steps.muons) job.products.push_back(product("muons", folders_.dl1, run, subrun));
    // Of images that are cleaned again, the last ones are checked.
    if (setup_.steps.data_check && !setup_.steps.dl1ab)
      job.products.push_back(product("dl1_datacheck", folders_.dl1, run, subrun));
    if (files != nullptr) {
      add_raw(*files, run, job);
    } else {
      job.obstacle = fmt::format("the raw files of subrun {}.{} are no longer there", run_text(run),
                                 subrun_text(subrun));
      job.files_missing = true;
    }
    add_constants(ConstantsKind::drs4_pedestal, chosen.drs4_pedestal, job);
    add_constants(ConstantsKind::charge, chosen.charge, job);
    add_constants(ConstantsKind::time, chosen.time, job);
    if (job.obstacle.empty() && !setup_.no_drive_log.empty()) {
      job.obstacle = setup_.no_drive_log;
      job.files_missing = true;
    }
    if (files != nullptr && outlasts_drive_log(*files)) {
      job.too_early =
          fmt::format("the drive log does not reach to the end of run {} yet", run_text(run));
      plan_.taken[run] = job.too_early;
    }
    if (!setup_.drive_log.empty()) {
      job.inputs.push_back({"pointing", setup_.drive_log.string()});
      // The stage reads this file by itself; one that appears later must still be noticed.
      add_if_there("pointing_correction", text::bending_log_of(setup_.drive_log), job);
    }
    add_run_summary_to(job);
    add_if_there("pedestal_ids", product("pedestal_ids", folders_.pedestal_ids, run, subrun).path,
                 job);
    return job;
  }

  void add_if_there(const char* port, const fs::path& file, Job& job) {
    if (!file.empty() && files_.exists(file.string())) job.inputs.push_back({port, file.string()});
  }

  /// Add what follows DL1: Cat-B, cleaning levels, re-cleaning, DL2.
  void add_recleaning(const RunSetup& run, RunPlan& chosen, RunFiles& made) {
    const int number = run.entry.run;
    const std::vector<PortFile>& dl1 = made.dl1;
    std::optional<std::size_t> cat_b;
    if (setup_.steps.cat_b) cat_b = add(make_cat_b(run, chosen, made.interleaved));
    OwnLevels own;
    if (setup_.steps.tailcuts) own = find_levels(run.entry, dl1);
    choose_models_by(own, run, chosen);
    std::string& folder = made.folder;
    std::vector<PortFile> cleaned = dl1;
    if (setup_.steps.dl1ab) {
      folder = own.to_come ? folder_of_last_cleaning(number)
                           : tailcut_folder(own.levels.value_or(setup_.levels));
      for (PortFile& file : cleaned) {
        Job job;
        job.key = {"dl1ab", number, subrun_in_name(file.path)};
        job.output_folder = folders_.dl1 / folder;
        job.inputs = {file};
        job.obstacle = own.fault;
        if (own.file) job.inputs.push_back(*own.file);
        if (cat_b && may_use_cat_b(*cat_b))
          job.inputs.push_back(plan_.jobs[*cat_b].job.products.front());
        else
          job.empty_ports.emplace_back("catb_calibration");
        file.path = folders_.dl1 / folder / fs::path(file.path).filename();
        job.products = {{"dl1b_subrun", file.path}};
        if (setup_.steps.data_check) {
          job.products.push_back(
              product("dl1_datacheck", folders_.dl1 / folder, number, job.key.subrun));
          made.checks.push_back(job.products.back());
        }
        add(std::move(job));
      }
    }
    made.dl1 = cleaned;
    if (!setup_.steps.dl2) return;
    for (const PortFile& file : cleaned) {
      Job job;
      job.key = {"dl1_to_dl2", number, subrun_in_name(file.path)};
      job.output_folder = folders_.dl2 / folder;
      job.inputs = {file};
      if (chosen.models.empty()) {
        job.obstacle = chosen.models_reason;
      } else {
        job.inputs.push_back({"models", chosen.models.string()});
        job.notes.push_back({"models", chosen.models_reason});
        if (!run.run_catalogue.empty())
          job.inputs.push_back({"run_catalogue", run.run_catalogue.string()});
      }
      job.products = {product("dl2_subrun", folders_.dl2 / folder, number, job.key.subrun)};
      if (setup_.steps.stop_on_gates) job.gate = check_of(job.key.subrun, made.checks);
      made.dl2.push_back({"dl2_subrun", job.products.front().path});
      add(std::move(job));
    }
  }

  static PortFile check_of(int subrun, const std::vector<PortFile>& checks) {
    for (const PortFile& check : checks)
      if (subrun_in_name(check.path) == subrun) return check;
    return {};
  }

  /// Add the files of whole runs. @return the DL2 of the run; empty if there is none.
  std::vector<PortFile> add_merges(const RunSetup& run, const RunFiles& made) {
    const int number = run.entry.run;
    const auto gather = [&](const char* stage, const fs::path& folder, const char* port,
                            const std::vector<PortFile>& inputs) -> std::string {
      if (inputs.empty()) return "";
      Job job;
      job.key = {stage, number, whole_run};
      job.output_folder = folder;
      job.inputs = inputs;
      const int expected = run.entry.expected_subruns.value_or(0);
      job.expected_subruns = {.number = expected,
                              .left_out = left_out_subruns(settings_.decisions, number, expected)};
      job.may_shrink = plan_.discarded.contains(number);
      job.too_early = too_early(run.entry);
      const PortFile merged = product(port, folder, number);
      job.products = {merged};
      add(std::move(job));
      return merged.path;
    };
    gather("merge_dl1", folders_.dl1 / made.folder, "dl1_run", made.dl1);
    const std::string dl2 = gather("merge_dl2", folders_.dl2 / made.folder, "dl2_run", made.dl2);
    const std::string muons = gather("merge_muons", folders_.dl1, "muons_run", made.muons);
    const std::string check =
        gather("merge_datacheck", folders_.dl1 / made.folder, "dl1_datacheck_run", made.checks);
    if (!muons.empty()) run_muons_.push_back({"muons_run", muons});
    if (!check.empty()) run_checks_.push_back({"dl1_datacheck_run", check});
    return dl2.empty() ? std::vector<PortFile>() : std::vector<PortFile>{{"dl2_run", dl2}};
  }

  /// Add the DL3 of a run.
  void add_dl3(const RunEntry& entry, const std::vector<PortFile>& dl2) {
    Job job;
    const int run = entry.run;
    job.too_early = too_early(entry);
    job.key = {"dl3", run, whole_run};
    job.may_shrink = !left_out_subruns(settings_.decisions, run, 0).empty();
    job.output_folder = folders_.dl3;
    job.inputs = dl2;
    if (!setup_.sources.empty()) job.inputs.push_back({"source_catalogue", setup_.sources});
    if (setup_.responses.empty())
      job.obstacle = "no instrument response is there: see dl3.irf in the configuration";
    job.products = {product("dl3_run", folders_.dl3, run)};
    dl3_.push_back(job.products.front());
    add(std::move(job));
  }

  /// Add the index of the night's DL3.
  void add_dl3_index() {
    if (dl3_.empty() || !setup_.asked.empty()) return;
    Job job;
    job.key = {"dl3_index", whole_night, whole_run};
    job.too_early = night_too_early();
    job.output_folder = folders_.dl3;
    job.inputs = dl3_;
    job.products = {{"hdu_index", folders_.dl3 / "hdu-index.fits.gz"},
                    {"obs_index", folders_.dl3 / "obs-index.fits.gz"}};
    add(std::move(job));
  }

  /// Tell whether a run that was processed as data has another type now. One that could not be
  /// read has none: what was made of it may be all that is left.
  [[nodiscard]] bool is_no_data_run_now() const {
    return std::ranges::any_of(state_.jobs, [&](const auto& recorded) {
      if (recorded.first.stage != "r0_to_dl1") return false;
      const RunEntry* entry = entry_of(recorded.first.run);
      return entry != nullptr && entry->type != "DATA" && entry->type != "ERROR";
    });
  }

  /// Add the files of the whole night.
  void add_night_products() {
    const auto gather = [&](const char* stage, const char* port, const std::vector<PortFile>& runs,
                            const char* as) {
      if (runs.empty() || !setup_.asked.empty()) return;
      Job job;
      job.key = {stage, whole_night, whole_run};
      job.too_early = night_too_early();
      job.output_folder = folders_.dl1;
      job.may_shrink =
          is_no_data_run_now() ||
          std::ranges::any_of(settings_.decisions, [](const Decision& decision) {
            return decision.kind == DecisionKind::discard || decision.kind == DecisionKind::veto;
          });
      for (const PortFile& run : runs) job.inputs.push_back({as, run.path});
      job.products = {night_product(port, folders_.dl1)};
      add(std::move(job));
    };
    gather("merge_muons", "muons_night", run_muons_, "muons");
    gather("merge_datacheck", "dl1_datacheck_night", run_checks_, "dl1_datacheck");
    add_dl3_index();
    const std::string significance = add_significance();
    if (!setup_.steps.report || (run_checks_.empty() && run_muons_.empty())) return;
    Job job;
    job.key = {"night_report", whole_night, whole_run};
    job.too_early = night_too_early();
    job.output_folder = folders_.dl1;
    job.inputs = run_checks_;
    job.inputs.insert(job.inputs.end(), run_muons_.begin(), run_muons_.end());
    if (!significance.empty()) job.inputs.push_back({"significance", significance});
    add_run_summary_to(job);
    job.products = {night_product("night_report", folders_.dl1)};
    // The report tells what failed and what is missing, which no input shows.
    job.last = true;
    add(std::move(job));
  }

  /// Add the counts on and off the night's sources. @return their file; empty: they are not made.
  std::string add_significance() {
    if (!setup_.steps.significance || dl2_.empty() || !setup_.asked.empty()) return "";
    Job job;
    job.key = {"significance", whole_night, whole_run};
    job.too_early = night_too_early();
    job.output_folder = folders_.dl3;
    job.inputs = dl2_;
    if (!setup_.sources.empty()) job.inputs.push_back({"source_catalogue", setup_.sources});
    const PortFile counts = night_product("significance", folders_.dl3);
    job.products = {counts};
    job.self_named_ports = {"significance_plot"};  // one a source
    add(std::move(job));
    return counts.path;
  }

  /// Whether images may be corrected by a run's Cat-B: not if its gates fail, which the table
  /// tells.
  bool may_use_cat_b(std::size_t position) {
    if (!step(position).done()) return true;
    const Job& job = plan_.jobs[position].job;
    const Verdict found =
        verdict("catb_calibration", "Cat-B calibration", job.products.front().path, job.key.run);
    return found.passed || (!found.unreadable && settings_.accepted.contains(job.key.run));
  }

  Job make_cat_b(const RunSetup& about, const RunPlan& chosen,
                 const std::vector<PortFile>& interleaved) {
    Job job;
    const int run = about.entry.run;
    job.key = {"cat_b", run, whole_run};
    job.too_early = too_early(about.entry);
    job.output_folder = folders_.cat_b();
    job.shared = true;
    job.inputs = interleaved;
    add_constants(ConstantsKind::charge, chosen.charge, job);
    if (!setup_.ffactor_systematics.empty())
      job.inputs.push_back({"ffactor_systematics", setup_.ffactor_systematics.string()});
    job.products = {product("catb_calibration", folders_.cat_b(), run)};
    return job;
  }

  /// @param subrun  names of whole runs take none
  [[nodiscard]] PortFile product(const char* port, const fs::path& folder, int run,
                                 int subrun = 0) const {
    return {port, folder / stage::product_name(port, {setup_.key.telescope, run, subrun},
                                               setup_.filters)};
  }

  [[nodiscard]] PortFile night_product(const char* port, const fs::path& folder) const {
    return {port, folder / stage::night_product_name(port, setup_.key.telescope, folders_.date)};
  }

  static int subrun_in_name(const std::string& path) {
    return parse_run_file_name(path)->subrun.value();
  }

  /// The cleaning levels of a run.
  struct OwnLevels {
    std::optional<PortFile> file;
    std::optional<CleaningLevels> levels;
    bool to_come = false;  ///< they are still to be found
    std::string fault;     ///< of a file that is as found
  };

  /// Have the levels of a run found, or take a file of somebody else's: people set levels by hand,
  /// and the folder is shared with the peers.
  OwnLevels find_levels(const RunEntry& entry, const std::vector<PortFile>& dl1) {
    OwnLevels own;
    const JobKey key{"find_tailcuts", entry.run, whole_run};
    own.file = product("tailcuts", folders_.tailcuts, entry.run);
    if (!state_.jobs.contains(key) && files_.exists(own.file->path)) {
      plan_.found[entry.run] = "cleaning levels " + own.file->path;
      note_as_found("file of cleaning levels", key, own.file->path);
      try {
        own.levels = settings_.read_levels(own.file->path);
      } catch (const Error& error) {
        own.fault = error.what();
      }
      return own;
    }
    Job job;
    job.key = key;
    job.output_folder = folders_.tailcuts;
    job.shared = true;
    job.too_early = too_early(entry);
    job.products = {*own.file};
    job.inputs = dl1;
    const std::size_t position = add(std::move(job));
    own.to_come = true;
    if (step(position).done()) try {
        own.levels = settings_.read_levels(own.file->path);
        own.to_come = false;
      } catch (const Error& error) {
        plan_.jobs[position].step = {StepStatus::failed, error.what()};
      }
    return own;
  }

  /// Choose the models of a run. They must be trained for the night-sky background and the cleaning
  /// of the run's own levels, where images are cleaned by these.
  void choose_models_by(const OwnLevels& own, const RunSetup& run, RunPlan& chosen) const {
    chosen.models = run.models;
    chosen.models_reason = run.models_reason;
    if (setup_.model_sets.empty() || !setup_.steps.dl1ab) return;
    if (own.to_come) chosen.models_reason += "; chosen anew when the levels of the run are found";
    if (!own.levels || !own.levels->additional_nsb) return;
    try {
      const ModelChoice choice = choose_models(setup_.model_sets, run.declination_deg,
                                               *own.levels->additional_nsb, own.levels->picture);
      chosen.models = config::models_file(choice.set.path);
      chosen.models_reason = fmt::format("{}, measured; {}", choice.reason, run.declination_by);
    } catch (const Error& error) {
      chosen.models.clear();
      chosen.models_reason = error.what();
    }
  }

  /// Return the folder of what is cleaned again, while the levels of a run are still to be found:
  /// that of the last time stands for it, or that of the configured levels.
  [[nodiscard]] std::string folder_of_last_cleaning(int run) const {
    for (const auto& [key, job] : state_.jobs)
      if (key.stage == "dl1ab" && key.run == run && !job.outputs.empty())
        return fs::path(job.outputs.front().path).parent_path().filename().string();
    return tailcut_folder(setup_.levels);
  }

  const NightSetup& setup_;
  const NightFolders& folders_;
  const PlanSettings& settings_;
  StateSnapshot& state_;
  const PassEvents& events_;
  FileView& files_;
  Verdicts& verdicts_;

  std::vector<PortFile> run_muons_, run_checks_;  ///< files of whole runs
  std::vector<PortFile> dl2_;                     ///< of whole runs, or of subruns if not merged
  std::vector<PortFile> dl3_;                     ///< of whole runs

  NightPlan plan_;
  std::map<std::pair<ConstantsKind, int>, std::optional<std::size_t>> constants_jobs_;
  std::string run_summary_;
};

}  // namespace

NightPlan lay_out(const NightSetup& setup, const PlanSettings& settings, StateSnapshot& state,
                  const PassEvents& events, FileView& files, Verdicts& verdicts) {
  return Layout(setup, settings, state, events, files, verdicts).make();
}

}  // namespace alisio::night
