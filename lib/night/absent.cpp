#include "lib/night/absent.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lib/night/words.hpp"

namespace alisio::night {
namespace {

bool is_left_out(const std::vector<Decision>& decisions, const JobKey& key) {
  return decision_about(decisions, DecisionKind::veto, key) != nullptr ||
         decision_about(decisions, DecisionKind::discard, key) != nullptr;
}

}  // namespace

std::vector<int> absent_subruns(const RunEntry& entry, const NightPlan& plan,
                                const std::vector<Decision>& decisions) {
  std::vector<int> absent;
  if (entry.type != "DATA") return absent;
  for (int subrun = 0; subrun < entry.full_number(); ++subrun) {
    const JobKey key{"r0_to_dl1", entry.run, subrun};
    const bool has_files =
        std::any_of(entry.subruns.begin(), entry.subruns.end(),
                    [&](const SubrunFiles& files) { return files.subrun == subrun; });
    if (!has_files && !plan.positions.contains(key) && !is_left_out(decisions, key))
      absent.push_back(subrun);
  }
  return absent;
}

std::optional<Trouble> trouble_of_absent(const RunEntry& entry, const NightPlan& plan,
                                         const std::vector<Decision>& decisions) {
  const std::vector<int> absent = absent_subruns(entry, plan, decisions);
  if (absent.empty()) return std::nullopt;
  Trouble trouble;
  trouble.key = {"r0_to_dl1", entry.run, whole_run};
  trouble.reason = fmt::format("there are no whole raw files of subrun{} {}",
                               absent.size() == 1 ? "" : "s", ranges_text(absent));
  return trouble;
}

std::vector<int> unreadable_subruns(const RunEntry& entry, const std::vector<Decision>& decisions) {
  std::vector<int> unreadable;
  if (entry.type != "ERROR") return unreadable;
  for (const SubrunFiles& files : entry.subruns)
    if (!is_left_out(decisions, {"r0_to_dl1", entry.run, files.subrun}))
      unreadable.push_back(files.subrun);
  return unreadable;
}

std::optional<Trouble> trouble_of_unreadable(const RunEntry& entry,
                                             const std::vector<Decision>& decisions) {
  const std::vector<int> unreadable = unreadable_subruns(entry, decisions);
  if (unreadable.empty()) return std::nullopt;
  Trouble trouble;
  trouble.key = {"r0_to_dl1", entry.run, whole_run};
  trouble.reason = fmt::format(
      "the {} calls the run ERROR, so that subrun{} {} {} not processed: mend its first subrun and "
      "make the run summary anew, say its type in the summary's .override.yaml, or `alisio veto "
      "{}`",
      entry.type_from, unreadable.size() == 1 ? "" : "s", ranges_text(unreadable),
      unreadable.size() == 1 ? "is" : "are", entry.run);
  return trouble;
}

}  // namespace alisio::night
