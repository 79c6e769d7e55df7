#pragma once
#include <cstddef>
#include <cstdint>

#include "reco/forest/forest.hpp"

namespace alisio::forest::kernels {

/// Events that walk side by side; features are stored for one such group at a time.
inline constexpr std::size_t lanes = 16;

/// Walk `n_groups` groups of 16 events down one tree.
/// @param features [group][feature][lane], n_features per group.
/// @param leaf     [group][lane]: number of the leaf reached, below tree.n_leaves.
using Walk = void (*)(const Tree& tree, const float* features, std::size_t n_features,
                      std::size_t n_groups, std::uint32_t* leaf);

/// The same, and tell which events would have gone another way with one feature replaced.
/// @param feature number of the feature
/// @param other   [group][lane], its other values
/// @param split   [group], bit i is set if another value sends the event in lane i elsewhere
using WalkBoth = void (*)(const Tree& tree, const float* features, std::size_t n_features,
                          std::size_t n_groups, std::size_t feature, const float* other,
                          std::uint32_t* leaf, std::uint16_t* split);

void walk_scalar(const Tree& tree, const float* features, std::size_t n_features,
                 std::size_t n_groups, std::uint32_t* leaf);
void walk_interleaved(const Tree& tree, const float* features, std::size_t n_features,
                      std::size_t n_groups, std::uint32_t* leaf);
void walk_avx2(const Tree& tree, const float* features, std::size_t n_features,
               std::size_t n_groups, std::uint32_t* leaf);
/// The second one fetches nodes and features by gathers: quicker by a third than plain loads on
/// processors that do them well, slower on others.
extern const Walk walk_avx512, walk_avx512_gather;

/// For up to max_features_of_both features.
inline constexpr std::size_t max_features_of_both = 16;
extern const WalkBoth walk_both_avx512, walk_both_avx512_gather;

}  // namespace alisio::forest::kernels
