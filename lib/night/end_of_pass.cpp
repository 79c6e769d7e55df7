#include "lib/night/end_of_pass.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <ostream>

#include "lib/base/error.hpp"
#include "lib/base/json_text.hpp"
#include "lib/base/log.hpp"
#include "lib/base/signature.hpp"
#include "lib/night/night_note.hpp"
#include "lib/night/table.hpp"
#include "lib/night/words.hpp"

namespace alisio::night {

bool closes_by_itself(const NightOptions& options, const ClosingPolicy& policy, const Pass& pass,
                      bool complete, State& state, const NightKey& night) {
  if (!options.runs.empty() || !options.dl2 || pass.setup().growing_subruns > 0) return false;
  // Whoever holds a run or the night wants it to go on later.
  const std::vector<Decision> decisions = standing_decisions(state, night);
  if (pass.anything_to_run() ||
      std::any_of(decisions.begin(), decisions.end(),
                  [](const Decision& decision) { return decision.kind == DecisionKind::hold; }))
    return false;
  if (const auto closing = state.closing(night)) return closing->under_way();
  return options.pass && may_close_by_itself(policy, night.date, complete);
}

bool close_by_itself(const ClosingNight& night, std::ostream& out) {
  ClosingResult result;
  try {
    result = close_night(night, {});
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::configuration) throw;
    result.obstacles.emplace_back(error.what());
  }
  print_closing(result, night.setup.key, false, out);
  std::string obstacles;
  for (const std::string& obstacle : result.obstacles)
    obstacles += (obstacles.empty() ? "" : "; ") + obstacle;
  show_note(night.state, night.setup.key, "stays_open",
            obstacles.empty() ? "" : "the night is not closed: " + obstacles);
  return result.closed;
}

void check_closing(const config::Configuration& configuration) {
  const ClosingPolicy policy = closing_policy(configuration);
  try {
    if (!policy.key.empty()) static_cast<void>(SigningKey::load(policy.key));
  } catch (const Error& error) {
    // The work need not wait for the key.
    spdlog::error("the night cannot be closed: {}", error.what());
  }
}

nlohmann::json shown_night(const std::filesystem::path& state_folder, const NightKey& night,
                           const std::string& why) {
  NightSummary nothing;
  nothing.key = night;
  nlohmann::json document = summary_json(nothing);
  if (auto state = State::open_read_only(state_folder))
    if (const auto shown = state->night(night))
      if (const auto told = nlohmann::json::parse(shown->summary, nullptr, false); told.is_object())
        document.update(told);
  document["jobs_run"] = 0;
  document["wall_s"] = 0.0;
  document["notes"].push_back(why);
  return document;
}

void print_closed(const std::filesystem::path& state_folder, const ClosingRecord& closing,
                  const std::vector<std::string>& missing, bool as_json, std::ostream& out) {
  const std::string text = closed_text(closing) + "; alisio reopen opens it";
  if (!as_json) {
    out << text << '\n';
    for (const std::string& line : missing) out << "  without " << line << '\n';
    return;
  }
  nlohmann::json document = shown_night(state_folder, closing.key, text);
  document["open_until"] = "";
  document["closed"] = {{"at", closing.closed_at},
                        {"by", closing.author},
                        {"seal", {{"file", closing.seal}, {"number", closing.seal_number}}},
                        {"missing", missing}};
  out << json_text(document, 2) << '\n';
}

ClosingResult closed_before(const ClosingRecord& closing, std::vector<std::string> missing) {
  ClosingResult result;
  result.closed = true;
  result.seal_file = closing.seal;
  result.seal.number = closing.seal_number;
  result.missing = std::move(missing);
  return result;
}

void tell_owed_closing(State& state, const ClosingRecord& closing,
                       const NotifyOptions& notifications) {
  constexpr double day_s = 86400;
  if (static_cast<double>(std::time(nullptr)) - unix_seconds(closing.closed_at) < day_s)
    Messenger(state, closing.key, notifications).finish({.closed_at = closing.closed_at});
}

void tell_of_end(Messenger& messenger, State& state, const NightKey& night, const PassOptions& how,
                 bool next_pass_follows, const ClosingPolicy& policy) {
  const auto closing = state.closing(night);
  const bool closed = closing && closing->closed();
  // Before, the night goes on: what is complete now is not when the next subrun comes.
  const double hour = hour_after(night.date, static_cast<double>(std::time(nullptr)));
  messenger.finish({.closed_at = closed ? closing->closed_at : "",
                    .next_pass_follows = next_pass_follows,
                    .paused = pause_text(how.pause).has_value(),
                    .night_goes_on = !closed && hour < policy.earliest_hour});
}

ClosingResult stays_open_for(std::size_t processes) {
  ClosingResult open;
  open.obstacles.push_back(
      fmt::format("{} of its processes {} under way and would write into a sealed night: wait for "
                  "their end, or "
                  "cancel them (this cannot be forced)",
                  processes, processes == 1 ? "is" : "are"));
  return open;
}

}  // namespace alisio::night
