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

void walk_scalar(const Tree& tree, const float* features, std::size_t n_features,
                 std::size_t n_groups, std::uint32_t* leaf);
void walk_interleaved(const Tree& tree, const float* features, std::size_t n_features,
                      std::size_t n_groups, std::uint32_t* leaf);
void walk_avx2(const Tree& tree, const float* features, std::size_t n_features,
               std::size_t n_groups, std::uint32_t* leaf);
void walk_avx512(const Tree& tree, const float* features, std::size_t n_features,
                 std::size_t n_groups, std::uint32_t* leaf);

}  // namespace alisio::forest::kernels
