#include "lib/night/lost_record.hpp"

#include <algorithm>

#include "lib/base/error.hpp"
#include "lib/night/decision.hpp"
#include "lib/night/folders.hpp"
#include "lib/night/seal.hpp"
#include "prov/invalidation.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

bool has_record(State& state, const NightKey& night) {
  return state.night(night) || !state.snapshot(night).jobs.empty() ||
         !state.unfinished_processes(night).empty() || !state.closings(night).empty();
}

}  // namespace

std::optional<fs::path> forgotten_seal(State& state, const NightKey& night,
                                       const fs::path& products) {
  const std::vector<ClosingRecord> closings = state.closings(night);
  if (!closings.empty() && closings.back().under_way()) return std::nullopt;
  for (const fs::path& file : list_seals(seal_folder(products, night.telescope, night.prod_id))) {
    const std::int64_t number = seal_number(file);
    if (file.filename() == seal_name(number, night.date) &&
        std::none_of(closings.begin(), closings.end(),
                     [&](const ClosingRecord& closing) { return closing.seal_number == number; }))
      return file;
  }
  return std::nullopt;
}

void refuse_forgotten_seal(State& state, const NightKey& night, const fs::path& products) {
  const auto seal = forgotten_seal(state, night, products);
  if (seal)
    throw Error(ErrorKind::resource,
                "the night was sealed, and the state knows nothing of it: nothing is made again",
                seal->string(), "alisio state rebuild " + night.date.compact());
}

std::optional<fs::path> forgotten_work(State& state, const NightKey& night,
                                       const fs::path& products) {
  if (auto seal = forgotten_seal(state, night, products)) return seal;
  const fs::path journals = production_folder(products, "DL1", night) / "log" / "journal";
  std::error_code absent;
  fs::recursive_directory_iterator at(journals, absent);
  if (absent || has_record(state, night)) return std::nullopt;
  // Decisions come before the first pass, too: what the state knows of tells of nothing forgotten.
  const bool knows_decisions = !all_decisions(state, night).empty();
  for (; !absent && at != fs::recursive_directory_iterator(); at.increment(absent)) {
    if (knows_decisions && at->path().filename() == prov::notes_journal_name) continue;
    if (std::error_code gone; at->is_regular_file(gone) && at->file_size(gone) > 0 && !gone)
      return at->path();
  }
  return std::nullopt;
}

}  // namespace alisio::night
