#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lib/night/job.hpp"
#include "lib/night/state.hpp"

/// What operators have decided about a night. It is kept in the state with reason and author, never
/// removed, and obeyed by planning.
namespace alisio::night {

enum class DecisionKind {
  veto,     ///< not processed, and the night is complete without it
  hold,     ///< nothing new is started; the night waits
  discard,  ///< a subrun that is bad: it counts no more, and what was made of it is set aside
  retry,    ///< what failed before is tried once more
  redo      ///< what was made before is made again
};
/// Return the word for it in tables and in the state: "veto", …
[[nodiscard]] const char* to_string(DecisionKind kind);
/// Return what such a word means; nothing if it is none.
[[nodiscard]] std::optional<DecisionKind> decision_kind(const std::string& word);
/// Return the word for what it is about: "vetoed", "held", …
[[nodiscard]] const char* participle(DecisionKind kind);

/// One decision.
struct Decision {
  std::int64_t id = 0;
  DecisionKind kind = DecisionKind::veto;
  int run = whole_night;   ///< whole_night: all runs, and what concerns the night
  int subrun = whole_run;  ///< whole_run: all subruns, and what concerns the run
  std::string stage;       ///< of retry and redo; empty: all
  std::string reason, author;
  std::string at;                             ///< ISO, UTC
  std::string ended_at, ended_by, ended_why;  ///< empty while it stands

  bool operator==(const Decision&) const = default;
  /// Tell whether a job is meant.
  [[nodiscard]] bool concerns(const JobKey& key) const;
  /// Return "vetoed by crew: the lamp was on".
  [[nodiscard]] std::string text() const;
  /// Return "00101.0003 discarded by crew, 2024-02-16T08:00:00: clouds".
  [[nodiscard]] std::string line() const;
};

/// Tell whether both are records of one decision, ended or not.
[[nodiscard]] bool is_same(const Decision& left, const Decision& right);

/// Record a decision, which then stands, unless it is on record. @returns its id.
std::int64_t record_decision(State& state, const NightKey& night, const Decision& decision);

/// Record when, by whom and why a decision ended, unless its end is on record already.
void record_end(State& state, const Decision& ended);

/// Writes a decision, or its end, where it outlives the state. That comes first: what the state
/// lacks of it is taken over from there, by whichever pass comes next.
using DecisionWriter = std::function<void(const Decision&)>;

/// Refuse to decide about a night that is closed or being closed: its products are sealed.
/// @throws Error(usage)
void require_open(State& state, const NightKey& night);

/// Take a decision of an operator, of now. @returns it as recorded. @throws as require_open(), and
/// what the writer throws: then nothing was decided.
Decision take_decision(State& state, const NightKey& night, Decision decision,
                       const DecisionWriter& write);

/// End the decisions that stand of a kind about exactly this run and subrun.
/// @returns them, as they ended. @throws as take_decision().
std::vector<Decision> end_decisions(State& state, const NightKey& night, DecisionKind kind, int run,
                                    int subrun, const std::string& author, const std::string& why,
                                    const DecisionWriter& write);

/// Return the decisions that stand, the oldest first.
[[nodiscard]] std::vector<Decision> standing_decisions(State& state, const NightKey& night);
/// Return all decisions that were ever made, the oldest first.
[[nodiscard]] std::vector<Decision> all_decisions(State& state, const NightKey& night);

/// Return the decision of a kind that stands about a job; nullptr: there is none.
[[nodiscard]] const Decision* decision_about(const std::vector<Decision>& decisions,
                                             DecisionKind kind, const JobKey& key);

/// Return which of the first `number` subruns of a run, and of those named one by one, were vetoed
/// or discarded.
[[nodiscard]] std::set<int> left_out_subruns(const std::vector<Decision>& decisions, int run,
                                             int number);

/// Return what vetoes and holds leave of what was judged of a job.
[[nodiscard]] Step obey(const std::vector<Decision>& decisions, const JobKey& key, Step judged);

/// Tell whether a decision lets a job that failed be tried again: a retry, or that a subrun of the
/// run that it gathers is discarded or vetoed.
[[nodiscard]] bool grants_try(const Decision& decision, const JobKey& key);

/// Return the decision for which a failed job is owed another try, because it came after the job's
/// last end. nullptr: there is none.
[[nodiscard]] const Decision* owed_retry(const std::vector<Decision>& decisions,
                                         const JobRecord& record);

}  // namespace alisio::night
