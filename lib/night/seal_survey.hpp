#pragma once
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "lib/night/seal_check.hpp"

namespace alisio::night {

/// All seals of a telescope and production.
struct SealSurveyRequest {
  std::filesystem::path folder;  ///< of the seals
  SealCheckRequest each = {};    ///< how each is checked; its `seal` is set here
  /// SHA-256 of the seals by their numbers, as the state knows them.
  std::map<std::int64_t, std::string> recorded = {};
  std::vector<std::int64_t> reopened = {};  ///< numbers of the seals of nights that are open again
};

/// How one seal stands.
struct SurveyedSeal {
  std::int64_t number = 0;
  std::filesystem::path file;
  SealCheck check;
  std::string passed_over;  ///< why its files were not compared; empty: they were
};

struct SealSurvey {
  std::vector<SurveyedSeal> seals;  ///< by number
  std::vector<SealFault> chain;     ///< missing links, forks, links that name something else
  [[nodiscard]] bool holds() const;
};

/// Return what the state knows of the seals of a production, for a request.
void read_recorded_seals(State& state, int telescope, const std::string& prod_id,
                         SealSurveyRequest& request);

/// Check every seal of a production, and the chain from its beginning to its end. Files are not
/// compared where a later seal replaced this one or the night is open again: they may have been
/// made anew since.
[[nodiscard]] SealSurvey survey_seals(const SealSurveyRequest& request);

/// Print one line a seal, and the faults. @return the exit code: 0 if all hold, 7 if not
int print_seal_survey(const SealSurvey& survey, bool as_json, std::ostream& out);

}  // namespace alisio::night
