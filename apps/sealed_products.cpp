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

/// Return the night whose folder in a tree a file stands in: seals of others need not be read.
std::optional<NightDate> night_in(const fs::path& products, const fs::path& target) {
  auto below = path_below(fs::weakly_canonical(target), fs::weakly_canonical(products));
  // A level or a night of the tree may be a link to another disk.
  if (!below)
    below = path_below(fs::absolute(target).lexically_normal(),
                       fs::absolute(products).lexically_normal());
  return below ? night_of_folder(*below) : std::nullopt;
}

/// @throws Error(usage) if a night of this tree is closed and its seal names the target.
void refuse_sealed_in(const night::OwnedTree& tree, const fs::path& target) {
  const fs::path file = fs::weakly_canonical(target);
  std::optional<night::State> state = night::State::open_read_only(tree.state);
  if (!state) return;
  const std::optional<NightDate> night = night_in(tree.products, target);
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
  const night::OwnedTree configured{.products = job.configuration.path("paths.products"),
                                    .state = job.configuration.path("paths.state")};
  refuse_sealed_in(configured, target);
  // Without the configuration, or with another, the file is where it is all the same.
  const std::optional<night::OwnedTree> around = night::tree_around(target);
  if (std::error_code absent; around && !fs::equivalent(around->state, configured.state, absent))
    refuse_sealed_in(*around, target);
}

void refuse_sealed(const fs::path& target) {
  if (const std::optional<night::OwnedTree> around = night::tree_around(target))
    refuse_sealed_in(*around, target);
}

}  // namespace alisio::apps
