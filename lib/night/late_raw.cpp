#include "lib/night/late_raw.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/log.hpp"
#include "lib/night/messenger.hpp"
#include "lib/night/night_note.hpp"
#include "lib/night/words.hpp"

namespace alisio::night {
namespace {

using nlohmann::json;

/// Tell whether a file was written to, or put there, after an instant. By its change of status: a
/// copy keeps the time of writing of its original.
bool is_newer(const std::filesystem::path& file, const std::string& instant) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return false;
  const std::int64_t us =
      std::int64_t{status.st_ctim.tv_sec} * 1'000'000 + std::int64_t{status.st_ctim.tv_nsec} / 1000;
  return utc_text(us) > instant;
}

/// Tell whether a seal was made with the raw files of a subrun at hand. What its raw files kept
/// from being processed then, half copied for example, is not known if they have changed since.
bool knows(const Seal& seal, int run, const SubrunFiles& files) {
  const int subrun = files.subrun;
  const auto sealed = std::find_if(seal.found.runs.begin(), seal.found.runs.end(),
                                   [&](const RunCompleteness& one) { return one.run == run; });
  if (sealed == seal.found.runs.end() || subrun >= sealed->expected_subruns) return false;
  return std::none_of(
      sealed->missing.begin(), sealed->missing.end(), [&](const MissingSubrun& one) {
        if (one.subrun != subrun) return false;
        if (one.stage.empty()) return true;
        return (one.stage == "r0_to_dl1" || one.stage == "gain_select") &&
               std::any_of(files.streams.begin(), files.streams.end(),
                           [&](const auto& file) { return is_newer(file, seal.closed_at); });
      });
}

NightEvent event_of(const NightKey& night, const LateSubruns& late, const std::string& text,
                    std::int64_t seal_number) {
  NightEvent event{"raw_files_late", night, text, "late", {}};
  // Told once a run: files come one by one.
  for (const auto& [run, subruns] : late)
    event.items.push_back({fmt::format("raw_files_late {} {}", seal_number, run),
                           fmt::format("run {}: {}", run_text(run), ranges_text(subruns)),
                           {{"run", run}, {"subruns", subruns}}});
  return event;
}

}  // namespace

LateSubruns subruns_after_closing(const Catalogue& catalogue, const Seal& seal,
                                  const std::vector<Decision>& decisions) {
  LateSubruns late;
  for (const RunEntry& entry : catalogue.runs) {
    if (entry.type != "DATA") continue;
    for (const SubrunFiles& files : entry.subruns) {
      const JobKey key{"r0_to_dl1", entry.run, files.subrun};
      if (!knows(seal, entry.run, files) &&
          decision_about(decisions, DecisionKind::veto, key) == nullptr &&
          decision_about(decisions, DecisionKind::discard, key) == nullptr)
        late[entry.run].push_back(files.subrun);
    }
  }
  return late;
}

std::string late_raw_text(const LateSubruns& late) {
  if (late.empty()) return "";
  std::size_t count = 0;
  std::string runs;
  for (const auto& [run, subruns] : late) {
    count += subruns.size();
    runs +=
        fmt::format("{}run {}: {}", runs.empty() ? "" : "; ", run_text(run), ranges_text(subruns));
  }
  return fmt::format("raw files of {} subrun{} came after the closing ({})", count,
                     count == 1 ? "" : "s", runs);
}

LateSubruns late_raw_files(State& state, const ClosingRecord& closing,
                           const std::filesystem::path& r0,
                           const std::filesystem::path& run_summaries) {
  try {
    return subruns_after_closing(
        find_runs(r0, run_summaries, closing.key.telescope, closing.key.date),
        parse_seal(read_text_file(closing.seal), closing.seal),
        standing_decisions(state, closing.key));
  } catch (const Error& error) {
    // Raw data of old nights are taken away.
    spdlog::debug("nothing is known of late raw files: {}", error.what());
    return {};
  }
}

void tell_of_late_raw(State& state, const ClosingRecord& closing, const LateSubruns& late,
                      const std::string& to_do, const NotifyOptions& notifications,
                      std::ostream& out) {
  const std::string text = late.empty() ? "" : late_raw_text(late) + ": " + to_do;
  show_note(state, closing.key, "late_raw_files", text);
  if (late.empty()) return;
  out << text << '\n';
  Messenger(state, closing.key, notifications)
      .tell({event_of(closing.key, late, text, closing.seal_number)});
}

}  // namespace alisio::night
