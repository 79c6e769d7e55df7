#pragma once
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "lib/night/plan.hpp"
#include "lib/night/setup.hpp"

namespace alisio::night {

/// What one stage of one run has come to.
struct StageCount {
  int done = 0, failed = 0, other = 0;  ///< other: to run, waiting, blocked, missing input
  bool wanted = true;
};

/// One line of the night's table.
struct RunLine {
  int run = 0;
  std::string type;
  int subruns = 0;           ///< that have files or products
  int expected_subruns = 0;  ///< as the summary says, or the same
  bool processed = false;    ///< a data run that was asked for
  StageCount dl1, dl2;
  std::int64_t events = 0;
  double time_s = 0;  ///< sum over the jobs
};

/// A subrun that is not done, and why.
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
  std::vector<std::string> notes;
  NightFolders folders;
  int jobs_run = 0;   ///< processes of this pass
  double wall_s = 0;  ///< of this pass
  [[nodiscard]] bool complete() const;
};

[[nodiscard]] NightSummary summarize(const NightSetup& setup, const StateSnapshot& state,
                                     const std::vector<SubrunPlan>& plans);

/// Print the table, the troubles and the notes.
void print_summary(const NightSummary& summary, std::ostream& out);
void print_summary_json(const NightSummary& summary, std::ostream& out);

/// Print what would run and why: choices per run, then subruns with the same fate together.
void print_plan(const NightSetup& setup, const std::vector<SubrunPlan>& plans, std::ostream& out);
void print_plan_json(const NightSetup& setup, const std::vector<SubrunPlan>& plans,
                     std::ostream& out);

/// Return "5.2 s", "3 min 05 s" or "2 h 07 min".
[[nodiscard]] std::string duration_text(double seconds);

}  // namespace alisio::night
