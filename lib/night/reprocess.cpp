#include "lib/night/reprocess.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <sstream>
#include <utility>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/json_text.hpp"
#include "lib/base/log.hpp"
#include "lib/night/closing.hpp"
#include "lib/night/table.hpp"
#include "lib/night/words.hpp"

namespace alisio::night {
namespace {

using nlohmann::json;

/// What became of one night.
struct Outcome {
  NightDate date;
  /// "complete", "not complete", "planned", "dry run", "closed", "failed", "no raw data" or
  /// "interrupted".
  std::string word;
  std::string reason;  ///< one line; may be empty
  bool lacks = false;  ///< a closed night was not made as a whole
  int error_code = 0;  ///< of what kept the night from being processed; 0: nothing
  int jobs_run = 0;
  double wall_s = 0;
  json told;  ///< what the night said as JSON
};

bool has_raw_data(const NightDate& date, const config::Configuration& configuration) {
  return is_folder(configuration.path("paths.r0") / date.compact());
}

/// Say what a closed night came to. @return whether the night is closed
bool take_closing(const NightOptions& options, const config::Configuration& configuration,
                  Outcome& outcome) {
  std::optional<State> state = State::open_read_only(configuration.path("paths.state"));
  if (!state) return false;
  const auto closing = state->closing(night_key(configuration, options.date, options.prod_id));
  if (!closing || !closing->closed()) return false;
  // A closed night is done, unless something of it is to be made again.
  outcome.word = options.redo ? "failed" : "closed";
  const std::vector<std::string> missing = missing_of(*state, *closing);
  outcome.lacks = !missing.empty();
  outcome.reason = "the night is closed";
  if (outcome.lacks) outcome.reason += " without " + missing.front();
  if (missing.size() > 1) outcome.reason += fmt::format(" (and {} more)", missing.size() - 1);
  outcome.reason += ": `alisio reopen` opens it";
  return true;
}

/// Say what a night that ran came to.
void take_summary(const NightSummary& summary, Outcome& outcome) {
  outcome.jobs_run = summary.jobs_run;
  outcome.wall_s = summary.wall_s;
  if (summary.troubles.empty()) return;
  const Trouble& first = summary.troubles.front();
  outcome.reason = fmt::format("{} {}: {}", job_name(first.key), first.key.stage, first.reason);
  if (summary.troubles.size() > 1)
    outcome.reason += fmt::format(" (and {} more)", summary.troubles.size() - 1);
}

/// Return what an error says where the night is named already.
std::string text_within(const NightDate& date, const Error& error) {
  if (error.where() != date.iso()) return error.what();
  return Error(error.kind(), error.problem(), "", error.remedy()).what();
}

Outcome process(const NightDate& date, const ReprocessRequest& request,
                const config::Configuration& configuration, const NightServices& services,
                std::ostream& out) {
  Outcome outcome;
  outcome.date = date;
  NightOptions options = request.options;
  options.date = date;
  const bool runs = !options.plan && !options.dry_run;
  options.json = options.json || runs;
  std::ostringstream said;
  try {
    if (!has_raw_data(date, configuration)) {
      outcome.word = "no raw data";
      return outcome;
    }
    if (runs && take_closing(options, configuration, outcome)) return outcome;
    const int code = run_night(options, configuration, services, said);
    outcome.word = code == 0 ? "complete" : "not complete";
    if (options.plan) outcome.word = "planned";
    if (options.dry_run && code == 0) outcome.word = "dry run";
    if (options.json) outcome.told = json::parse(said.str());
    if (runs) {
      const NightSummary summary = parse_summary(outcome.told);
      take_summary(summary, outcome);
      said.str("");
      print_summary(summary, said);
    }
    if (!request.options.json) out << said.str() << '\n' << std::flush;
    if (runs && request.after_night) request.after_night(date);
  } catch (const Error& error) {
    outcome.word = error.kind() == ErrorKind::interrupted ? "interrupted" : "failed";
    outcome.error_code = exit_code(error.kind());
    outcome.reason = text_within(date, error);
    spdlog::error("night {}: {}", date.iso(), outcome.reason);
  }
  return outcome;
}

/// Return the exit code that all nights share because none of them could be processed; 0: there is
/// none.
int common_error_code(const std::vector<Outcome>& outcomes) {
  const int first = outcomes.empty() ? 0 : outcomes.front().error_code;
  const bool shared = std::all_of(outcomes.begin(), outcomes.end(),
                                  [&](const Outcome& one) { return one.error_code == first; });
  return shared ? first : 0;
}

void print_outcomes(const std::vector<Outcome>& outcomes, std::ostream& out) {
  for (const Outcome& outcome : outcomes) {
    std::string line = fmt::format("{}  {:<12}", outcome.date.iso(), outcome.word);
    if (outcome.jobs_run > 0)
      line += fmt::format("  {} job{} in {}", outcome.jobs_run, outcome.jobs_run == 1 ? "" : "s",
                          duration_text(outcome.wall_s));
    if (!outcome.reason.empty()) line += "  " + outcome.reason;
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  }
}

json outcome_json(const Outcome& outcome) {
  return {{"date", outcome.date.iso()},   {"outcome", outcome.word},  {"reason", outcome.reason},
          {"jobs_run", outcome.jobs_run}, {"wall_s", outcome.wall_s}, {"night", outcome.told}};
}

}  // namespace

int reprocess(const ReprocessRequest& request, const config::Configuration& configuration,
              const NightServices& services, std::ostream& out) {
  std::vector<Outcome> outcomes;
  std::optional<std::string> interrupted;
  for (const NightDate& date : request.dates) {
    outcomes.push_back(process(date, request, configuration, services, out));
    if (outcomes.back().word != "interrupted") continue;
    interrupted = outcomes.back().reason;
    break;
  }
  if (request.options.json) {
    json document = json::array();
    for (const Outcome& outcome : outcomes) document.push_back(outcome_json(outcome));
    out << json_text(document, 2) << '\n';
  } else {
    print_outcomes(outcomes, out);
  }
  if (interrupted)
    throw Error(ErrorKind::interrupted,
                outcomes.size() == request.dates.size()
                    ? "the last night was not finished"
                    : fmt::format("{} of {} nights were not begun",
                                  request.dates.size() - outcomes.size(), request.dates.size()),
                "reprocess", "the same command goes on from here");
  const auto count = [&](const char* word) {
    return static_cast<std::size_t>(std::count_if(
        outcomes.begin(), outcomes.end(), [&](const Outcome& one) { return one.word == word; }));
  };
  if (count("no raw data") == outcomes.size()) return exit_code(ErrorKind::missing_input);
  if (const int code = common_error_code(outcomes); code != 0) return code;
  const bool all_done =
      count("failed") + count("not complete") == 0 &&
      std::none_of(outcomes.begin(), outcomes.end(), [](const Outcome& one) { return one.lacks; });
  return all_done ? 0 : exit_code(ErrorKind::incomplete);
}

}  // namespace alisio::night
