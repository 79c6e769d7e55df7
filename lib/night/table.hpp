#pragma once
#include <cstdint>
#include <iosfwd>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "lib/night/plan.hpp"
#include "lib/night/setup.hpp"

namespace alisio::night {

/// What one stage of one run has come to.
struct StageCount {
  int done = 0, failed = 0, vetoed = 0;
  int other = 0;  ///< to run, waiting, blocked, missing input
};

/// One line of the night's table.
struct RunLine {
  int run = 0;
  std::string type;
  std::string source;                        ///< of a data run: what it observed; empty: unknown
  int subruns = 0;                           ///< that have files or products
  int expected_subruns = 0;                  ///< as the summary says, or the same
  int discarded_subruns = 0;                 ///< that operators left out: part of those expected
  bool processed = false;                    ///< it has jobs
  std::map<std::string, StageCount> stages;  ///< by name: those that are wanted
  std::string constants;                     ///< of a calibration run: what became of them
  std::string quality;  ///< of a data run: what the quality gates say of its data
  std::map<int, std::string> failed_gates;  ///< by subrun (whole_run: of the run): which, and how
  std::int64_t events = 0;
  double time_s = 0;  ///< sum over the jobs
};

/// A job that is not done, and why.
struct Trouble {
  JobKey key;
  std::string reason;
  std::string log_file;  ///< empty if nothing ran
  std::string log_tail;
};

/// What a night came to.
struct NightSummary {
  NightKey key;
  std::vector<RunLine> runs;
  std::vector<Trouble> troubles;
  std::vector<GateFault> gate_faults;
  std::vector<std::string> decisions;  ///< of operators, one line each
  std::vector<std::string> notes;
  /// What a pass would make that is asked for all steps, unlike the one that showed this; one line,
  /// empty: nothing.
  std::string not_asked;
  /// Until when raw files of further subruns may come, as utc_text() writes it; empty: the night is
  /// closed, or it is not known.
  std::string open_until;
  NightFolders folders;
  Steps steps;
  int jobs_run = 0;   ///< processes of this pass
  double wall_s = 0;  ///< of this pass
  [[nodiscard]] bool complete() const { return troubles.empty(); }
  /// Tell whether what is complete is so for the moment only. @param now as utc_now_text()
  [[nodiscard]] bool goes_on(const std::string& now) const { return now < open_until; }
};

[[nodiscard]] NightSummary summarize(const NightSetup& setup, const StateSnapshot& state,
                                     const NightPlan& plan, const DataVerdicts& verdicts);

/// Print the table of the runs alone.
void print_table(const NightSummary& summary, std::ostream& out);
/// Print the table, the troubles and the notes.
void print_summary(const NightSummary& summary, std::ostream& out);
[[nodiscard]] nlohmann::json summary_json(const NightSummary& summary);
/// Return what summary_json() told: everything but the steps and the folders other than DL1, DL2.
/// @throws nlohmann::json::exception if it is something else.
[[nodiscard]] NightSummary parse_summary(const nlohmann::json& document);
/// Return the title of the column that counts a stage: "DL1", "merged"; else the stage's name.
[[nodiscard]] std::string column_title(const std::string& stage);

/// Return one line a run whose constants are not those that were first in place: which, why.
[[nodiscard]] std::vector<std::string> choice_notes(const NightPlan& plan);
/// Return one line a set of constants that fails its gates.
[[nodiscard]] std::string gate_note(const GateFault& fault);

}  // namespace alisio::night
