#include "lib/night/seal_chain.hpp"

#include <fmt/format.h>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

constexpr int patience_s = 60;

SealReference reference_of(const ClosingRecord& closing) {
  return {closing.seal_number, fs::path(closing.seal).filename().string(), closing.seal_sha256};
}

SealReference reference_of(const fs::path& file) {
  return {seal_number(file), file.filename().string(), hash_file(file)};
}

/// The state is the better witness of a seal that both know.
std::optional<SealReference> later_of(const std::optional<ClosingRecord>& recorded,
                                      const std::optional<fs::path>& found) {
  if (found && (!recorded || seal_number(*found) > recorded->seal_number))
    return reference_of(*found);
  return recorded ? std::optional(reference_of(*recorded)) : std::nullopt;
}

}  // namespace

NightLock lock_chain(const fs::path& state_folder, const NightKey& night) {
  const fs::path file =
      state_folder / fmt::format("seal_{}_{}.lock", telescope_text(night.telescope), night.prod_id);
  return NightLock::wait(file, patience_s, "another night is being sealed",
                         "wait for its end; closing goes on from here");
}

std::optional<SealReference> last_seal(State& state, const fs::path& products,
                                       const NightKey& night) {
  const std::vector<fs::path> found =
      list_seals(seal_folder(products, night.telescope, night.prod_id));
  return later_of(state.last_sealed(night.telescope, night.prod_id),
                  found.empty() ? std::nullopt : std::optional(found.back()));
}

std::optional<SealReference> last_seal_of(State& state, const fs::path& products,
                                          const NightKey& night) {
  std::optional<ClosingRecord> recorded;
  for (ClosingRecord& closing : state.closings(night))
    if (closing.seal_number > 0) recorded = std::move(closing);
  std::optional<fs::path> found;
  for (const fs::path& file : list_seals(seal_folder(products, night.telescope, night.prod_id)))
    if (file.filename() == seal_name(seal_number(file), night.date)) found = file;
  return later_of(recorded, found);
}

std::optional<Seal> interrupted_seal(State& state, const fs::path& products, const Seal& wanted) {
  const fs::path folder = seal_folder(products, wanted.key.telescope, wanted.key.prod_id);
  const std::vector<fs::path> found = list_seals(folder);
  const auto recorded = state.last_sealed(wanted.key.telescope, wanted.key.prod_id);
  if (found.empty()) return std::nullopt;
  const bool known = recorded && recorded->seal_number >= seal_number(found.back());
  const bool ours = known && recorded->under_way() && recorded->key.date == wanted.key.date &&
                    recorded->seal_sha256 == hash_file(found.back());
  if (known && !ours) return std::nullopt;
  Seal seal = parse_seal(read_text_file(found.back()), found.back());
  if (seal.key.date != wanted.key.date || seal.fingerprint != wanted.fingerprint)
    return std::nullopt;
  Seal same = wanted;
  same.number = seal.number;
  same.closing_id = seal.closing_id;
  same.closed_at = seal.closed_at;
  same.previous = seal.previous;
  same.replaces = seal.replaces;
  same.program = seal.program;
  return to_text(same) == to_text(seal) ? std::optional(std::move(seal)) : std::nullopt;
}

}  // namespace alisio::night
