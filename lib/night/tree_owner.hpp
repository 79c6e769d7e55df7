#pragma once
#include <filesystem>
#include <optional>

namespace alisio::night {

/// Take a tree of products for a state, once and for all nights: a file in its root, .alisio-state,
/// names the state and its host. Two states on one tree know nothing of each other's jobs,
/// decisions and closings, and would make everything again in turns. A state that was lost gives
/// way to one in its place, a copied tree goes with its copied state.
/// @throws Error(usage) if it is another's, Error(bad_input) if that file is damaged.
void claim_products(const std::filesystem::path& products,
                    const std::filesystem::path& state_folder);

/// Tell whether a state may decide about, or remove, products: the tree is its own, or nobody's.
/// @throws Error(usage) if it is another's, Error(bad_input) if its mark is damaged.
void require_own_products(const std::filesystem::path& products,
                          const std::filesystem::path& state_folder);

/// A tree of products, and the folder of the state that it is of.
struct OwnedTree {
  std::filesystem::path products, state;
};

/// Return the tree of products that a file stands in, as the tree's mark tells; nothing if none is
/// marked, or its state is not to be found here. @throws Error(bad_input) if the mark is damaged.
[[nodiscard]] std::optional<OwnedTree> tree_around(const std::filesystem::path& file);

}  // namespace alisio::night
