#pragma once
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/ids.hpp"
#include "lib/base/observer.hpp"
#include "lib/config/configuration.hpp"
#include "lib/night/catalogue.hpp"
#include "lib/night/command.hpp"
#include "lib/night/discard.hpp"
#include "lib/night/plan.hpp"

namespace alisio::night {

/// What provenance is to be merged: a stage of a run, an observation, or the whole night.
struct MergeJob {
  std::string stage;      ///< activity whose documents are made: r0_to_dl1, … Empty: all
  int run = 0;            ///< whole_night: no run
  std::vector<int> runs;  ///< of an observation; empty: there is none
  std::string source;     ///< of an observation
  /// Folders of journals: of the run itself first, then of what its constants were made with.
  std::vector<std::filesystem::path> journal_folders;
  std::filesystem::path output_folder;  ///< the `log` folder (or `log/dry_run`) of the stage
  /// Another stage's folder, which gets links to the documents; empty if there is none.
  std::filesystem::path link_folder;
  /// Folders of the documents of runs, which one of an observation or a night names.
  std::vector<std::filesystem::path> document_folders;
  NightDate date;
  std::string prod_id;
  int telescope = 1;
  bool dry_run = false;
};

/// What the night asks of others; whatever is empty is left out.
struct NightServices {
  std::filesystem::path executable;  ///< program that holds the stage subcommands
  FileProbe probe;                   ///< run type and format of a raw file
  /// Hashes of a file: SHA-256 and, for tables, the hash of the data alone.
  std::function<FileHashes(const std::filesystem::path&)> hash;
  /// Evaluate the quality gates of constants, with the limits of a configuration; `kind` is the
  /// port that the file goes through.
  std::function<Verdict(const std::string& kind, const std::filesystem::path&,
                        const config::Configuration&, const ExpectedSubruns& expected)>
      check_constants;
  /// Say in a few words what a raw file holds: format, gains, what is calibrated already.
  std::function<std::string(const std::filesystem::path&)> describe_input;
  /// Walk through a job without computing: write its provenance as planned.
  std::function<void(const JobRequest&)> dry_run_stage;
  /// Record in provenance that a product stands no more for what it was.
  InvalidationRecorder record_invalidation;
  /// Record a decision, or its end, in the journal of notes of its night, below a root of products.
  std::function<void(const std::filesystem::path& products, const NightKey&, const Decision&)>
      record_decision;
  /// Make a recorder of what the night itself does, given the folder of its journal, the
  /// configuration file and the root of the data tree.
  std::function<std::unique_ptr<StageObserver>(
      const std::filesystem::path&, const std::filesystem::path&, const std::filesystem::path&)>
      recorder;
  /// Merge the provenance of a run.
  std::function<void(const MergeJob&)> merge;
  /// Forest file that serves when the configuration names none.
  std::filesystem::path default_models;
  /// Catalogue of sources that serves when the configuration names none.
  std::filesystem::path default_sources;
};

/// What is to be made again although it is current.
struct Redo {
  std::string stage;  ///< and all that follows from it
  std::string reason, author;
};

/// Who closes or reopens a night, and how.
struct CloseRequest {
  bool reopen = false;          ///< open it again instead
  bool force = false;           ///< in spite of the policy; needs a reason
  bool verify_content = false;  ///< read every product, trust no time stamps
  std::string author = {};      ///< empty: the account of the process
  std::string reason = {};
};

struct NightOptions {
  NightDate date;
  std::filesystem::path config_file;  ///< handed to the jobs
  std::vector<int> runs;              ///< empty: all
  std::vector<int> accepted;          ///< runs whose constants are used in spite of failed gates
  int jobs = 0;                       ///< 0: as configured
  int threads = 0;                    ///< 0: as configured
  double max_load = 0;                ///< see LocalLimits; 0: as configured
  bool dry_run = false, plan = false, dl2 = true, pass = false, json = false;
  std::string prod_id;  ///< empty: as configured
  std::optional<Redo> redo;
  std::optional<CloseRequest> close;  ///< run nothing but what tells of the night; close it
  std::optional<double> settle_s;     ///< see SetupRequest
};

/// Return which night of which production is meant. @param prod_id empty: as configured, or as the
/// night was begun (see production_of())
/// @throws Error(usage) for a name that is no folder's.
[[nodiscard]] NightKey night_key(const config::Configuration& configuration, const NightDate& date,
                                 const std::string& prod_id);

/// Return the name of a night's lock and job folder within the state's: "LST-1_20221215_v1_v00".
[[nodiscard]] std::string night_name(const NightKey& key);

/// Return what stages read of the configuration, by stage: what identities are compared by.
[[nodiscard]] std::map<std::string, StageFacts> stage_facts(
    const config::Configuration& configuration);

/// Plan a night from what is recorded, and do nothing. @throws as set_up_night().
[[nodiscard]] NightPlan plan_night(const NightOptions& options,
                                   const config::Configuration& configuration,
                                   const NightServices& services, StateSnapshot& recorded);

/// Note in the state which provenance documents on disk tell all that is recorded, so that they are
/// not made again. @throws as set_up_night().
void take_over_documents(const NightOptions& options, const config::Configuration& configuration,
                         const NightServices& services, State& state);

/// Process one night: find the runs, plan, run what is needed as processes, merge the provenance of
/// each run and print the table (JSON if asked) to `out`. Progress goes to stderr.
/// @returns the exit code: 0 if all is done, 7 (incomplete) otherwise.
/// @throws Error(resource) if another process holds the night's lock, Error(interrupted) after
///         SIGINT or SIGTERM, when the jobs have been stopped and the state is kept.
[[nodiscard]] int run_night(const NightOptions& options, const config::Configuration& configuration,
                            const NightServices& services, std::ostream& out);

}  // namespace alisio::night
