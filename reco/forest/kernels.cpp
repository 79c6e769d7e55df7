#include "reco/forest/kernels.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// In every kernel a step clamps the feature and the child to what exists, and the number of steps
// is that of the tree's depth: a damaged node can lead to a wrong leaf but not out of the arrays.

namespace alisio::forest::kernels {
namespace {

constexpr float leaf_mark = std::numeric_limits<float>::infinity();
constexpr std::uint32_t feature_mask = (1U << feature_bits) - 1;

}  // namespace

void walk_scalar(const Tree& tree, const float* features, std::size_t n_features,
                 std::size_t n_groups, std::uint32_t* leaf) {
  const std::uint32_t last_feature = static_cast<std::uint32_t>(n_features - 1);
  for (std::size_t event = 0; event < n_groups * lanes; ++event) {
    const float* own = features + event / lanes * n_features * lanes + event % lanes;
    Node node = tree.nodes[0];
    for (std::uint32_t step = 0; step < tree.depth && node.threshold != leaf_mark; ++step) {
      const std::uint32_t feature = std::min(node.packed & feature_mask, last_feature);
      const bool goes_left = own[feature * lanes] <= node.threshold;
      const std::uint32_t child = (node.packed >> feature_bits) + (goes_left ? 0U : 1U);
      node = tree.nodes[std::min(child, tree.n_nodes - 1)];
    }
    leaf[event] = std::min(node.packed >> feature_bits, tree.n_leaves - 1);
  }
}

void walk_interleaved(const Tree& tree, const float* features, std::size_t n_features,
                      std::size_t n_groups, std::uint32_t* leaf) {
  const std::uint32_t last_feature = static_cast<std::uint32_t>(n_features - 1);
  const std::uint32_t last_node = tree.n_nodes - 1;
  for (std::size_t group = 0; group < n_groups; ++group) {
    const float* own = features + group * n_features * lanes;
    std::array<std::uint32_t, lanes> at{};
    for (std::uint32_t step = 0; step < tree.depth; ++step) {
      bool any_inner = false;
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        const Node node = tree.nodes[at[lane]];
        const bool inner = node.threshold != leaf_mark;
        const std::uint32_t feature = std::min(node.packed & feature_mask, last_feature);
        const bool goes_left = own[feature * lanes + lane] <= node.threshold;
        const std::uint32_t child = std::min(
            (node.packed >> feature_bits) + static_cast<std::uint32_t>(!goes_left), last_node);
        at[lane] = inner ? child : at[lane];
        any_inner |= inner;
      }
      if (!any_inner) break;
    }
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      leaf[group * lanes + lane] =
          std::min(tree.nodes[at[lane]].packed >> feature_bits, tree.n_leaves - 1);
    }
  }
}

#if defined(__x86_64__)

namespace {

// GCC 12 takes the undefined start value inside the gather intrinsics for an uninitialised read.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wold-style-cast"

/// Advance 8 events by one step; return the mask of lanes that were not yet in a leaf.
[[gnu::target("avx2"), gnu::always_inline]] inline int step_avx2(const Node* nodes,
                                                                 __m256i last_node,
                                                                 __m256i last_feature,
                                                                 const float* own, __m256i lane,
                                                                 __m256i& at, __m256i& packed) {
  const auto* base = reinterpret_cast<const int*>(nodes);
  const __m256 threshold = _mm256_i32gather_ps(reinterpret_cast<const float*>(base), at, 8);
  packed = _mm256_i32gather_epi32(base + 1, at, 8);
  const __m256 inner = _mm256_cmp_ps(threshold, _mm256_set1_ps(leaf_mark), _CMP_NEQ_UQ);
  const __m256i feature =
      _mm256_min_epu32(_mm256_and_si256(packed, _mm256_set1_epi32(feature_mask)), last_feature);
  const __m256i place = _mm256_add_epi32(_mm256_slli_epi32(feature, 4), lane);
  const __m256 x = _mm256_i32gather_ps(own, place, 4);
  // The complement of "x <= threshold", all ones where it holds: subtracting it adds one.
  const __m256i right = _mm256_castps_si256(_mm256_cmp_ps(x, threshold, _CMP_NLE_UQ));
  const __m256i child =
      _mm256_min_epu32(_mm256_sub_epi32(_mm256_srli_epi32(packed, feature_bits), right), last_node);
  at = _mm256_blendv_epi8(at, child, _mm256_castps_si256(inner));
  return _mm256_movemask_ps(inner);
}

}  // namespace

[[gnu::target("avx2")]] void walk_avx2(const Tree& tree, const float* features,
                                       std::size_t n_features, std::size_t n_groups,
                                       std::uint32_t* leaf) {
  const __m256i last_node = _mm256_set1_epi32(static_cast<int>(tree.n_nodes - 1));
  const __m256i last_feature = _mm256_set1_epi32(static_cast<int>(n_features - 1));
  const __m256i last_leaf = _mm256_set1_epi32(static_cast<int>(tree.n_leaves - 1));
  const __m256i low = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i high = _mm256_add_epi32(low, _mm256_set1_epi32(8));
  for (std::size_t group = 0; group < n_groups; ++group) {
    const float* own = features + group * n_features * lanes;
    __m256i at0 = _mm256_setzero_si256(), at1 = _mm256_setzero_si256();
    __m256i packed0 = _mm256_setzero_si256(), packed1 = _mm256_setzero_si256();
    // One step more than the depth: the last one only fetches the leaves.
    for (std::uint32_t step = 0; step <= tree.depth; ++step) {
      const int inner0 = step_avx2(tree.nodes, last_node, last_feature, own, low, at0, packed0);
      const int inner1 = step_avx2(tree.nodes, last_node, last_feature, own, high, at1, packed1);
      if ((inner0 | inner1) == 0) break;
    }
    auto* out = reinterpret_cast<__m256i*>(leaf + group * lanes);
    _mm256_storeu_si256(out, _mm256_min_epu32(_mm256_srli_epi32(packed0, feature_bits), last_leaf));
    _mm256_storeu_si256(out + 1,
                        _mm256_min_epu32(_mm256_srli_epi32(packed1, feature_bits), last_leaf));
  }
}

namespace {

/// What does not change while a tree is walked.
struct Wide {
  __m512i last_node, even, odd;
};

/// Fetch two nodes.
[[gnu::target("avx512f"), gnu::always_inline]] inline __m128i load_2(const Node* nodes,
                                                                     const std::uint32_t* at) {
  const __m128i first = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(nodes + at[0]));
  return _mm_castps_si128(
      _mm_loadh_pi(_mm_castsi128_ps(first), reinterpret_cast<const __m64*>(nodes + at[1])));
}

/// Fetch eight nodes.
[[gnu::target("avx512f"), gnu::always_inline]] inline __m512i load_8(const Node* nodes,
                                                                     const std::uint32_t* at) {
  const __m256i low =
      _mm256_inserti128_si256(_mm256_castsi128_si256(load_2(nodes, at)), load_2(nodes, at + 2), 1);
  const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(load_2(nodes, at + 4)),
                                               load_2(nodes, at + 6), 1);
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/// The other values of one feature of 16 events, and the lanes that they send elsewhere.
struct Other {
  __m512i feature;
  __m512 values;
  __mmask16 split;
};

struct SixteenNodes {
  __m512i low, high;
};

/// Nodes and features of 16 events, fetched by plain loads. The feature of each lane is picked out
/// of all by masked loads; a feature that does not exist picks the first.
struct Loads {
  static constexpr std::size_t groups_together = 4;

  [[gnu::target("avx512f"), gnu::always_inline]] static SixteenNodes nodes_at(const Node* nodes,
                                                                              __m512i at) {
    alignas(64) std::uint32_t places[lanes];
    _mm512_store_si512(places, at);
    return {load_8(nodes, places), load_8(nodes, places + 8)};
  }
  template <int n_features>
  [[gnu::target("avx512f"), gnu::always_inline]] static __m512 values(const float* own,
                                                                      __m512i feature) {
    __m512 x = _mm512_loadu_ps(own);
    for (int i = 1; i < n_features; ++i) {
      const __mmask16 wanted = _mm512_cmpeq_epi32_mask(feature, _mm512_set1_epi32(i));
      x = _mm512_mask_loadu_ps(x, wanted, own + static_cast<std::size_t>(i) * lanes);
    }
    return x;
  }
};

/// The same by gathers; a feature that does not exist picks the last.
struct Gathers {
  /// Gathers take long to answer: more of them have to be under way.
  static constexpr std::size_t groups_together = 6;

  [[gnu::target("avx512f"), gnu::always_inline]] static SixteenNodes nodes_at(const Node* nodes,
                                                                              __m512i at) {
    return {_mm512_i32gather_epi64(_mm512_castsi512_si256(at), nodes, sizeof(Node)),
            _mm512_i32gather_epi64(_mm512_extracti64x4_epi64(at, 1), nodes, sizeof(Node))};
  }
  template <int n_features>
  [[gnu::target("avx512f"), gnu::always_inline]] static __m512 values(const float* own,
                                                                      __m512i feature) {
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i known = _mm512_min_epu32(feature, _mm512_set1_epi32(n_features - 1));
    static_assert(lanes == 1U << 4U);
    return _mm512_i32gather_ps(_mm512_add_epi32(_mm512_slli_epi32(known, 4), lane), own,
                               sizeof(float));
  }
};

/// Advance 16 events by one step; return the mask of lanes that were not yet in a leaf.
template <typename Fetch, int n_features, bool both>
[[gnu::target("avx512f"), gnu::always_inline]] inline __mmask16 step_avx512(
    const Node* nodes, const Wide& wide, const float* own, __m512i& at, __m512i& packed,
    Other* other) {
  const auto [low, high] = Fetch::nodes_at(nodes, at);
  const __m512 threshold = _mm512_castsi512_ps(_mm512_permutex2var_epi32(low, wide.even, high));
  packed = _mm512_permutex2var_epi32(low, wide.odd, high);
  const __mmask16 inner = _mm512_cmp_ps_mask(threshold, _mm512_set1_ps(leaf_mark), _CMP_NEQ_UQ);
  const __m512i feature = _mm512_and_epi32(packed, _mm512_set1_epi32(feature_mask));
  const __m512 x = Fetch::template values<n_features>(own, feature);
  const __mmask16 right = _mm512_cmp_ps_mask(x, threshold, _CMP_NLE_UQ);
  if constexpr (both) {
    const __mmask16 replaced = _mm512_mask_cmpeq_epi32_mask(inner, feature, other->feature);
    const __mmask16 other_right =
        _mm512_mask_cmp_ps_mask(replaced, other->values, threshold, _CMP_NLE_UQ);
    other->split = static_cast<__mmask16>(other->split | ((right & replaced) ^ other_right));
  }
  __m512i child = _mm512_srli_epi32(packed, feature_bits);
  child = _mm512_mask_add_epi32(child, right, child, _mm512_set1_epi32(1));
  at = _mm512_mask_min_epu32(at, inner, child, wide.last_node);
  return inner;
}

/// Where the other values of a feature are, and where to tell what they change.
struct OtherArrays {
  std::size_t feature;
  const float* values;   ///< [group][lane]
  std::uint16_t* split;  ///< [group]
};

/// Walk `width` groups together: independent loads in flight hide each other's latency.
template <typename Fetch, int n_features, std::size_t width, bool both>
[[gnu::target("avx512f"), gnu::always_inline]] inline void walk_together(
    const Tree& tree, const Wide& wide, const float* features, std::uint32_t* leaf,
    const OtherArrays& others, std::size_t group) {
  __m512i at[width], packed[width];
  unsigned inner[width];  ///< lanes that were not in a leaf yet
  Other other[width];
  for (std::size_t i = 0; i < width; ++i) {
    at[i] = packed[i] = _mm512_setzero_si512();
    inner[i] = 0xffff;
    if constexpr (both)
      other[i] = {_mm512_set1_epi32(static_cast<int>(others.feature)),
                  _mm512_loadu_ps(others.values + (group + i) * lanes), 0};
  }
  // One step more than the depth: the last one only fetches the leaves.
  for (std::uint32_t step = 0; step <= tree.depth; ++step) {
    unsigned any = 0;
    for (std::size_t i = 0; i < width; ++i) {
      if (inner[i] == 0) continue;
      inner[i] = step_avx512<Fetch, n_features, both>(tree.nodes, wide,
                                                      features + (group + i) * n_features * lanes,
                                                      at[i], packed[i], &other[i]);
      any |= inner[i];
    }
    if (any == 0) break;
  }
  const __m512i last_leaf = _mm512_set1_epi32(static_cast<int>(tree.n_leaves - 1));
  for (std::size_t i = 0; i < width; ++i) {
    _mm512_storeu_si512(leaf + (group + i) * lanes,
                        _mm512_min_epu32(_mm512_srli_epi32(packed[i], feature_bits), last_leaf));
    if constexpr (both) others.split[group + i] = other[i].split;
  }
}

template <typename Fetch, int n_features, bool both>
[[gnu::target("avx512f")]] void walk_wide(const Tree& tree, const float* features,
                                          std::size_t n_groups, std::uint32_t* leaf,
                                          const OtherArrays& others) {
  const Wide wide = {_mm512_set1_epi32(static_cast<int>(tree.n_nodes - 1)),
                     _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30),
                     _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)};
  constexpr std::size_t width = Fetch::groups_together;
  std::size_t group = 0;
  for (; group + width <= n_groups; group += width)
    walk_together<Fetch, n_features, width, both>(tree, wide, features, leaf, others, group);
  for (; group < n_groups; ++group)
    walk_together<Fetch, n_features, 1, both>(tree, wide, features, leaf, others, group);
}

using WalkWide = void (*)(const Tree&, const float*, std::size_t, std::uint32_t*,
                          const OtherArrays&);

// One instance per number of features keeps the choice among them free of branches.
template <typename Fetch, bool both, int... numbers>
constexpr std::array<WalkWide, sizeof...(numbers)> walks_wide(
    std::integer_sequence<int, numbers...>) {
  return {walk_wide<Fetch, numbers + 1, both>...};
}

template <typename Fetch, bool both>
constexpr auto all_walks =
    walks_wide<Fetch, both>(std::make_integer_sequence<int, int{max_features_of_both}>{});

template <typename Fetch>
void walk_by(const Tree& tree, const float* features, std::size_t n_features, std::size_t n_groups,
             std::uint32_t* leaf) {
  constexpr auto& walks = all_walks<Fetch, false>;
  if (n_features > walks.size()) return walk_avx2(tree, features, n_features, n_groups, leaf);
  walks[n_features - 1](tree, features, n_groups, leaf, {});
}

template <typename Fetch>
void walk_both_by(const Tree& tree, const float* features, std::size_t n_features,
                  std::size_t n_groups, std::size_t feature, const float* other,
                  std::uint32_t* leaf, std::uint16_t* split) {
  all_walks<Fetch, true>[n_features - 1](tree, features, n_groups, leaf, {feature, other, split});
}

}  // namespace

const Walk walk_avx512 = walk_by<Loads>, walk_avx512_gather = walk_by<Gathers>;
const WalkBoth walk_both_avx512 = walk_both_by<Loads>,
               walk_both_avx512_gather = walk_both_by<Gathers>;

#pragma GCC diagnostic pop

#else

void walk_avx2(const Tree& tree, const float* features, std::size_t n_features,
               std::size_t n_groups, std::uint32_t* leaf) {
  walk_interleaved(tree, features, n_features, n_groups, leaf);
}
const Walk walk_avx512 = walk_interleaved, walk_avx512_gather = walk_interleaved;
const WalkBoth walk_both_avx512 = nullptr, walk_both_avx512_gather = nullptr;

#endif

}  // namespace alisio::forest::kernels
