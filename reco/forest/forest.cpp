#include "reco/forest/forest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <utility>

#include "lib/base/error.hpp"
#include "reco/forest/kernels.hpp"

namespace alisio::forest {
namespace {

/// Events that walk a tree before the next one is begun: their features and the tree stay in cache.
constexpr std::size_t block_events = 16384;
/// To sort fewer events takes longer than it saves.
constexpr std::size_t least_sorted_events = 4096;

/// The ways down a tree; `both` is null if there is none.
struct Walks {
  kernels::Walk one;
  kernels::WalkBoth both = nullptr;
};

Kernel best_kernel() {
#if defined(__x86_64__)
  // Processors with half precision came after those on which the remedy of a leak made gathers
  // slow.
  if (__builtin_cpu_supports("avx512fp16")) return Kernel::avx512_gather;
#endif
  if (is_supported(Kernel::avx512)) return Kernel::avx512;
  if (is_supported(Kernel::avx2)) return Kernel::avx2;
  return Kernel::interleaved;
}

Walks walks_of(Kernel kernel) {
  switch (kernel) {
    case Kernel::scalar:
      return {kernels::walk_scalar};
    case Kernel::interleaved:
      return {kernels::walk_interleaved};
    case Kernel::avx2:
      return {kernels::walk_avx2};
    case Kernel::avx512:
      return {kernels::walk_avx512, kernels::walk_both_avx512};
    case Kernel::avx512_gather:
      return {kernels::walk_avx512_gather, kernels::walk_both_avx512_gather};
    case Kernel::automatic:
      break;
  }
  return walks_of(best_kernel());
}

/// The features of a block of events as the kernels want them, [group][feature][lane]; zeros where
/// the last group is not full.
class Gathered {
 public:
  Gathered(std::size_t n_features, std::size_t n_events)
      : n_features_(n_features),
        n_padded_(groups(std::min(n_events, block_events)) * lanes),
        values_(n_padded_ * n_features) {}

  /// Gather the events of a block that begins at `begin`, in some order; return the number of
  /// groups.
  std::size_t fill(std::span<const float* const> columns, std::size_t begin,
                   std::span<const std::uint32_t> order) {
    for (std::size_t group = 0; group < groups(order.size()); ++group) {
      const auto events =
          order.subspan(group * lanes, std::min(lanes, order.size() - group * lanes));
      for (std::size_t feature = 0; feature < n_features_; ++feature) {
        float* to = &values_[(group * n_features_ + feature) * lanes];
        for (const std::uint32_t event : events) *to++ = columns[feature][begin + event];
        std::fill_n(to, lanes - events.size(), 0.0F);
      }
    }
    return groups(order.size());
  }

  /// Gather some events of another block, one feature replaced; return the number of groups.
  /// What is left over of the last one stays as it was.
  std::size_t select(const Gathered& from, std::span<const std::uint32_t> events,
                     std::size_t replaced, const Gathered& other) {
    for (std::size_t i = 0; i < events.size(); ++i) {
      const float* source = &from.values_[events[i] / lanes * n_features_ * lanes];
      float* to = &values_[i / lanes * n_features_ * lanes];
      for (std::size_t feature = 0; feature < n_features_; ++feature)
        to[feature * lanes + i % lanes] = source[feature * lanes + events[i] % lanes];
      to[replaced * lanes + i % lanes] = other.values_[events[i]];
    }
    return groups(events.size());
  }

  [[nodiscard]] const float* data() const { return values_.data(); }
  [[nodiscard]] std::size_t n_padded() const { return n_padded_; }

 private:
  static constexpr std::size_t lanes = kernels::lanes;
  static std::size_t groups(std::size_t n) { return (n + lanes - 1) / lanes; }

  std::size_t n_features_, n_padded_;
  std::vector<float> values_;
};

/// The sums over trees of a block of events, in the order in which they walk.
class Sums {
 public:
  explicit Sums(std::span<double* const> outputs) : outputs_(outputs), sums_(outputs.size()) {}

  void begin_block(std::size_t n) {
    for (std::vector<double>& sum : sums_) sum.assign(n, 0.0);
  }
  void add(const Tree& tree, std::span<const std::uint32_t> leaf) {
    const std::size_t n_outputs = outputs_.size();
    for (std::size_t output = 0; output < n_outputs; ++output) {
      if (outputs_[output] == nullptr) continue;
      double* const sum = sums_[output].data();
      const double* const values = tree.leaves + output;
      for (std::size_t i = 0; i < leaf.size(); ++i) sum[i] += values[leaf[i] * n_outputs];
    }
  }
  /// Write the means to the places of the events in a block that begins at `begin`.
  void end_block(std::size_t begin, std::span<const std::uint32_t> order, std::size_t n_trees) {
    for (std::size_t output = 0; output < outputs_.size(); ++output) {
      if (outputs_[output] == nullptr) continue;
      double* const means = outputs_[output] + begin;
      for (std::size_t i = 0; i < order.size(); ++i)
        means[order[i]] = sums_[output][i] / static_cast<double>(n_trees);
    }
  }

 private:
  std::span<double* const> outputs_;
  std::vector<std::vector<double>> sums_;  ///< [output][event]
};

/// Orders the events of a block by where they end in a forest's first tree, from left to right:
/// neighbours go similar ways through the other trees, too, so that they find nodes in the cache
/// and wait less for the one among them that goes deepest.
class Neighbours {
 public:
  /// @param n_events of all blocks together: few are left as they are
  Neighbours(const Tree& tree, kernels::Walk walk, std::size_t n_events)
      : tree_(tree), walk_(walk) {
    if (n_events < least_sorted_events) return;
    place_.resize(tree.n_leaves);
    first_.resize(tree.n_leaves + 1);
    std::vector<std::uint32_t> open = {0};
    std::uint32_t n_placed = 0;
    // A damaged tree may have circles.
    for (std::uint32_t visited = 0; !open.empty() && visited < tree.n_nodes; ++visited) {
      const Node node = tree.nodes[open.back()];
      const std::uint32_t number = node.packed >> feature_bits;
      open.pop_back();
      if (node.threshold == std::numeric_limits<float>::infinity()) {
        if (number < tree.n_leaves) place_[number] = std::min(n_placed++, tree.n_leaves - 1);
      } else if (number + 1 < tree.n_nodes) {
        open.push_back(number + 1);
        open.push_back(number);
      }
    }
  }

  /// Return the order of the n events from `begin` on. @param gathered, leaf are overwritten
  std::span<const std::uint32_t> order(std::span<const float* const> columns, std::size_t begin,
                                       std::size_t n, Gathered& gathered,
                                       std::span<std::uint32_t> leaf) {
    order_.resize(n);
    std::iota(order_.begin(), order_.end(), 0);
    if (n < least_sorted_events) return order_;
    const std::size_t n_groups = gathered.fill(columns, begin, order_);
    walk_(tree_, gathered.data(), columns.size(), n_groups, leaf.data());
    std::fill(first_.begin(), first_.end(), 0);
    for (std::size_t i = 0; i < n; ++i) ++first_[place_[leaf[i]] + 1];
    std::partial_sum(first_.begin(), first_.end(), first_.begin());
    for (std::uint32_t event = 0; event < n; ++event) order_[first_[place_[leaf[event]]]++] = event;
    return order_;
  }

 private:
  const Tree& tree_;
  kernels::Walk walk_;
  std::vector<std::uint32_t> place_;          ///< [leaf], from left to right
  std::vector<std::uint32_t> first_, order_;  ///< [place]: first event in order_
};

}  // namespace

const char* to_string(Kernel kernel) noexcept {
  switch (kernel) {
    case Kernel::automatic:
      return "automatic";
    case Kernel::scalar:
      return "scalar";
    case Kernel::interleaved:
      return "interleaved";
    case Kernel::avx2:
      return "avx2";
    case Kernel::avx512:
      return "avx512";
    case Kernel::avx512_gather:
      return "avx512 with gathers";
  }
  return "unknown";
}

bool is_supported(Kernel kernel) noexcept {
#if defined(__x86_64__)
  if (kernel == Kernel::avx2) return __builtin_cpu_supports("avx2") != 0;
  if (kernel == Kernel::avx512 || kernel == Kernel::avx512_gather)
    return __builtin_cpu_supports("avx512f") != 0;
#else
  if (kernel == Kernel::avx2 || kernel == Kernel::avx512 || kernel == Kernel::avx512_gather)
    return false;
#endif
  return true;
}

Forest::Forest(std::string name, ForestKind kind, std::vector<std::string> features,
               std::vector<double> classes, std::size_t n_outputs, std::vector<Tree> trees)
    : name_(std::move(name)),
      kind_(kind),
      features_(std::move(features)),
      classes_(std::move(classes)),
      n_outputs_(n_outputs),
      trees_(std::move(trees)) {}

std::size_t Forest::output_of_class(double label) const {
  const auto found = std::find(classes_.begin(), classes_.end(), label);
  if (found == classes_.end()) {
    throw Error(ErrorKind::bad_input, fmt::format("the classifier has no class {}", label), name_,
                "use models trained by lstchain's convention");
  }
  return static_cast<std::size_t>(found - classes_.begin());
}

std::size_t Forest::n_nodes() const noexcept {
  std::size_t n = 0;
  for (const Tree& tree : trees_) n += tree.n_nodes;
  return n;
}

void Forest::check(std::size_t n_columns, std::size_t n_outputs, Kernel kernel) const {
  if (n_columns != features_.size() || n_outputs != n_outputs_) {
    throw Error(ErrorKind::bug,
                fmt::format("predict() got {} features and {} outputs, the forest has {} and {}",
                            n_columns, n_outputs, features_.size(), n_outputs_),
                name_);
  }
  if (!is_supported(kernel)) {
    throw Error(ErrorKind::bug,
                fmt::format("this processor has no {} instructions", to_string(kernel)), name_);
  }
}

void Forest::predict(std::span<const float* const> columns, std::size_t n_events,
                     std::span<double* const> outputs, Kernel kernel) const {
  check(columns.size(), outputs.size(), kernel);
  const kernels::Walk walk = walks_of(kernel).one;
  Gathered gathered(columns.size(), n_events);
  std::vector<std::uint32_t> leaf(gathered.n_padded());
  Sums sums(outputs);
  Neighbours neighbours(trees_.front(), walk, n_events);
  for (std::size_t begin = 0; begin < n_events; begin += block_events) {
    const std::size_t n = std::min(block_events, n_events - begin);
    const auto order = neighbours.order(columns, begin, n, gathered, leaf);
    const std::size_t n_groups = gathered.fill(columns, begin, order);
    sums.begin_block(n);
    for (const Tree& tree : trees_) {
      walk(tree, gathered.data(), columns.size(), n_groups, leaf.data());
      sums.add(tree, std::span(leaf).first(n));
    }
    sums.end_block(begin, order, trees_.size());
  }
}

void Forest::predict_both(std::span<const float* const> columns, std::size_t n_events,
                          std::span<double* const> outputs, const Replacement& replacement,
                          Kernel kernel) const {
  check(columns.size(), outputs.size(), kernel);
  check(columns.size(), replacement.outputs.size(), kernel);
  const Walks walks = walks_of(kernel);
  const std::size_t n_features = columns.size();
  if (walks.both == nullptr || n_features > kernels::max_features_of_both) {
    std::vector<const float*> others(columns.begin(), columns.end());
    others.at(replacement.feature) = replacement.column;
    predict(columns, n_events, outputs, kernel);
    return predict(others, n_events, replacement.outputs, kernel);
  }
  Gathered gathered(n_features, n_events), other(1, n_events), rest(n_features, n_events);
  std::vector<std::uint32_t> leaf(gathered.n_padded()), other_leaf(gathered.n_padded());
  std::vector<std::uint16_t> split(gathered.n_padded() / kernels::lanes);
  std::vector<std::uint32_t> events(gathered.n_padded());
  Sums sums(outputs), other_sums(replacement.outputs);
  Neighbours neighbours(trees_.front(), walks.one, n_events);
  for (std::size_t begin = 0; begin < n_events; begin += block_events) {
    const std::size_t n = std::min(block_events, n_events - begin);
    const auto order = neighbours.order(columns, begin, n, gathered, leaf);
    const std::size_t n_groups = gathered.fill(columns, begin, order);
    (void)other.fill({&replacement.column, 1}, begin, order);
    sums.begin_block(n);
    other_sums.begin_block(n);
    for (const Tree& tree : trees_) {
      walks.both(tree, gathered.data(), n_features, n_groups, replacement.feature, other.data(),
                 leaf.data(), split.data());
      sums.add(tree, std::span(leaf).first(n));
      std::size_t n_split = 0;
      for (std::size_t group = 0; group < n_groups; ++group)
        for (unsigned lanes = split[group]; lanes != 0; lanes &= lanes - 1)
          events[n_split++] = static_cast<std::uint32_t>(group * kernels::lanes) +
                              unsigned(std::countr_zero(lanes));
      const std::size_t rest_groups =
          rest.select(gathered, {events.data(), n_split}, replacement.feature, other);
      walks.one(tree, rest.data(), n_features, rest_groups, other_leaf.data());
      for (std::size_t i = 0; i < n_split; ++i) leaf[events[i]] = other_leaf[i];
      other_sums.add(tree, std::span(leaf).first(n));
    }
    sums.end_block(begin, order, trees_.size());
    other_sums.end_block(begin, order, trees_.size());
  }
}

}  // namespace alisio::forest
