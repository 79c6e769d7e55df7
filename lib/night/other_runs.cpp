#include "lib/night/other_runs.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lib/base/log.hpp"
#include "lib/night/holds.hpp"

namespace alisio::night {
namespace {

const RunLine* line_of(const std::optional<NightSummary>& summary, int run) {
  if (!summary) return nullptr;
  const auto found = std::find_if(summary->runs.begin(), summary->runs.end(),
                                  [&](const RunLine& line) { return line.run == run; });
  return found == summary->runs.end() ? nullptr : &*found;
}

}  // namespace

std::optional<NightSummary> shown_before(State& state, const NightKey& night) {
  const std::optional<NightRecord> record = state.night(night);
  if (!record) return std::nullopt;
  try {
    return parse_summary(nlohmann::json::parse(record->summary));
  } catch (const nlohmann::json::exception& error) {
    spdlog::debug("what was shown of the night is not understood: {}", error.what());
    return std::nullopt;
  }
}

void keep_other_runs(const NightSetup& setup, const NightPlan& plan,
                     const std::optional<NightSummary>& before, NightSummary& summary) {
  if (setup.asked.empty()) return;
  for (RunLine& line : summary.runs) {
    if (setup.is_asked(line.run)) continue;
    const RunLine* const old = line_of(before, line.run);
    if (old != nullptr && (old->processed || !old->constants.empty())) {
      line = *old;
    } else if (line.type == "DATA" && !plan.vetoed.contains(line.run)) {
      Trouble& trouble = summary.troubles.emplace_back();
      trouble.key = {"r0_to_dl1", line.run, whole_run};
      trouble.reason = "the run has not been processed";
    }
  }
  if (!before) return;
  for (const Trouble& trouble : before->troubles) {
    const JobKey& key = trouble.key;
    const RunLine* const old = line_of(before, key.run);
    const bool of_others = key.run == whole_night || (old != nullptr && old->processed);
    if (of_others && !setup.is_asked(key.run) && !plan.positions.contains(key) &&
        key.stage != hold_stage)
      summary.troubles.push_back(trouble);
  }
}

}  // namespace alisio::night
