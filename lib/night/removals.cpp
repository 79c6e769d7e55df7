#include "lib/night/removals.hpp"

#include <fmt/format.h>

#include "lib/night/folders.hpp"
#include "prov/recorder.hpp"
#include "prov/records.hpp"

namespace alisio::night {
namespace fs = std::filesystem;

Removals::Removals(const Seal& seal, const fs::path& root, const prov::LoggerConfiguration& logger)
    : sealed_root_(seal.root) {
  const fs::path notes =
      notes_journal(production_folder(root.empty() ? seal.root : root, "DL1", seal.key));
  std::error_code absent;
  if (!fs::exists(notes, absent)) return;
  invalidations_ =
      prov::standing_invalidations(prov::told_in(prov::read_journals({notes}, logger)));
}

std::string Removals::text(const SealedFile& file) const {
  const auto found = invalidations_.find(
      prov::entity_id(file.hashes.sha256, sealed_root_ / file.path, sealed_root_));
  if (found == invalidations_.end() || !found->second.kept_as.empty()) return {};
  const prov::Invalidation& removal = found->second;
  return fmt::format("removed by {}, {}: {}", removal.author, removal.time.substr(0, 19),
                     removal.reason);
}

}  // namespace alisio::night
