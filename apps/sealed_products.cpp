#include "apps/sealed_products.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/night_folder.hpp"
#include "lib/base/path_below.hpp"
#include "lib/night/seal.hpp"
#include "lib/night/state.hpp"
#include "lib/night/tree_owner.hpp"

namespace alisio::apps {
namespace fs = std::filesystem;
namespace {

/// Return whether a seal names a file. @param file without links, which the tree may hold
bool vouches_for(const night::Seal& seal, const fs::path& file) {
  return std::ranges::any_of(seal.products, [&](const night::SealedFile& sealed) {
    const fs::path product = seal.root / sealed.path;
    return product.filename() == file.filename() && fs::weakly_canonical(product) == file;
  });
}

/// @throws Error(usage) if a night of this state is closed and its seal names the target.
void refuse_sealed_in(const fs::path& state_folder, const fs::path& products,
                      const fs::path& target) {
  const fs::path file = fs::weakly_canonical(target);
  std::optional<night::State> state = night::State::open_read_only(state_folder);
  if (!state) return;
  // Seals of other nights need not be read. Elsewhere, by a link, any night's may name it.
  const auto below = path_below(file, fs::weakly_canonical(products));
  const auto night = below ? night_of_folder(*below) : std::nullopt;
  for (const night::ShownNight& shown : state->nights()) {
    if (night && *night != shown.key.date) continue;
    const auto closing = state->closing(shown.key);
    if (!closing || !closing->closed() || !is_there(closing->seal)) continue;
    night::Seal seal = night::parse_seal(read_text_file(closing->seal), closing->seal);
    seal.products.insert(seal.products.end(), seal.documents.begin(), seal.documents.end());
    if (vouches_for(seal, file))
      throw Error(ErrorKind::usage,
                  fmt::format("is sealed: the night {} is closed", shown.key.date.iso()),
                  target.string(),
                  fmt::format("choose another place, or `alisio reopen {}` first",
                              shown.key.date.compact()));
  }
}

}  // namespace

void refuse_sealed(const Job& job, const fs::path& target) {
  refuse_sealed_in(job.configuration.path("paths.state"), job.configuration.path("paths.products"),
                   target);
  // Without the configuration, or with another, the file is where it is all the same.
  refuse_sealed(target);
}

void refuse_sealed(const fs::path& target) {
  if (const std::optional<fs::path> state = night::state_of_tree_around(target))
    refuse_sealed_in(*state, {}, target);
}

}  // namespace alisio::apps
