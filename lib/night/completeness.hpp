#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "lib/config/configuration.hpp"
#include "lib/config/forms.hpp"
#include "lib/night/plan.hpp"
#include "lib/night/setup.hpp"

namespace alisio::night {

/// When a night may close.
struct ClosingPolicy {
  bool automatic = true;
  double earliest_hour = 8, incomplete_hour = 14;  ///< h, UTC, of the day after the evening
  config::MissingLimit allowed_missing;
  bool gates_required = false;
  bool lstosa_flags = true;
  bool reopens_for_late_raw = false;  ///< a pass opens a closed night if raw files came late
  std::filesystem::path key;          ///< private, signs; may be empty
  std::filesystem::path products, osa, running_analysis;
};

[[nodiscard]] ClosingPolicy closing_policy(const config::Configuration& configuration);

/// A subrun of which something could not be made.
struct MissingSubrun {
  int subrun = 0;
  std::string stage;  ///< the first that is missing; empty: there are no raw files
  std::string reason;
};

/// What a data run came to.
struct RunCompleteness {
  int run = 0;
  int expected_subruns = 0;
  std::vector<MissingSubrun> missing;  ///< ascending
  std::string failed_gates;            ///< of its data, if not accepted; empty: none
};

/// A job that is not done, and why.
struct OpenJob {
  JobKey key;
  std::string reason;
};

/// What a night came to.
struct Completeness {
  std::vector<RunCompleteness> runs;  ///< data runs, ascending
  std::vector<OpenJob> unfinished;    ///< jobs of runs, of calibrations or of the night
  std::vector<OpenJob> pending;       ///< jobs that could still run

  [[nodiscard]] bool complete() const;
};

/// Tell what of a night is done, given a plan in which nothing runs.
[[nodiscard]] Completeness assess_completeness(const NightSetup& setup, const NightPlan& plan,
                                               const DataVerdicts& verdicts,
                                               const std::vector<Decision>& decisions,
                                               const std::set<int>& accepted);

/// Return what was not made, one line each: "11221.0001: there are no raw files".
[[nodiscard]] std::vector<std::string> missing_lines(const Completeness& found);

/// Return what the policy has against closing, one line each.
[[nodiscard]] std::vector<std::string> obstacles_to_closing(const Completeness& found,
                                                            const ClosingPolicy& policy);

/// Return the UTC hour at an instant, counted from the midnight after the night's evening: 8.5 is
/// half past eight in the morning, less than 0 the evening itself.
[[nodiscard]] double hour_after(const NightDate& night, double unix_utc_s);
/// Return the instant, seconds from the epoch, at an hour counted so.
[[nodiscard]] double instant_at_hour(const NightDate& night, double hour);

}  // namespace alisio::night
