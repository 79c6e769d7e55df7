#include "reco/forest/forest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "lib/base/error.hpp"
#include "reco/forest/kernels.hpp"

namespace alisio::forest {
namespace {

/// Events that walk a tree before the next one is begun: their features and the tree stay in cache.
constexpr std::size_t block_events = 16384;

kernels::Walk walk_of(Kernel kernel) {
  switch (kernel) {
    case Kernel::scalar:
      return kernels::walk_scalar;
    case Kernel::interleaved:
      return kernels::walk_interleaved;
    case Kernel::avx2:
      return kernels::walk_avx2;
    case Kernel::avx512:
      return kernels::walk_avx512;
    case Kernel::automatic:
      break;
  }
  if (is_supported(Kernel::avx512)) return kernels::walk_avx512;
  if (is_supported(Kernel::avx2)) return kernels::walk_avx2;
  return kernels::walk_interleaved;
}

/// The features of a block of events as the kernels want them, [group][feature][lane]; zeros where
/// the last group is not full.
class Gathered {
 public:
  Gathered(std::size_t n_features, std::size_t n_events)
      : n_features_(n_features),
        n_padded_(groups(std::min(n_events, block_events)) * lanes),
        values_(n_padded_ * n_features) {}

  /// Gather n events from `begin` on; return the number of groups.
  std::size_t fill(std::span<const float* const> columns, std::size_t begin, std::size_t n) {
    for (std::size_t group = 0; group < groups(n); ++group) {
      const std::size_t first = begin + group * lanes;
      const std::size_t filled = std::min(lanes, n - group * lanes);
      for (std::size_t feature = 0; feature < n_features_; ++feature) {
        float* to = &values_[(group * n_features_ + feature) * lanes];
        std::copy_n(columns[feature] + first, filled, to);
        std::fill(to + filled, to + lanes, 0.0F);
      }
    }
    return groups(n);
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

void set_zero(std::span<double* const> outputs, std::size_t n_events) {
  for (double* output : outputs)
    if (output != nullptr) std::fill_n(output, n_events, 0.0);
}

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
  }
  return "unknown";
}

bool is_supported(Kernel kernel) noexcept {
#if defined(__x86_64__)
  if (kernel == Kernel::avx2) return __builtin_cpu_supports("avx2") != 0;
  if (kernel == Kernel::avx512) return __builtin_cpu_supports("avx512f") != 0;
#else
  if (kernel == Kernel::avx2 || kernel == Kernel::avx512) return false;
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

void Forest::add_leaves(const Tree& tree, const std::uint32_t* leaf, std::size_t begin,
                        std::size_t n, std::span<double* const> outputs) const {
  for (std::size_t output = 0; output < n_outputs_; ++output) {
    double* sum = outputs[output];
    if (sum == nullptr) continue;
    sum += begin;
    const double* values = tree.leaves + output;
    for (std::size_t i = 0; i < n; ++i) sum[i] += values[leaf[i] * n_outputs_];
  }
}

void Forest::divide(std::size_t n_events, std::span<double* const> outputs) const {
  const auto n_trees = static_cast<double>(trees_.size());
  for (double* output : outputs) {
    if (output == nullptr) continue;
    for (std::size_t i = 0; i < n_events; ++i) output[i] /= n_trees;
  }
}

void Forest::predict(std::span<const float* const> columns, std::size_t n_events,
                     std::span<double* const> outputs, Kernel kernel) const {
  check(columns.size(), outputs.size(), kernel);
  const kernels::Walk walk = walk_of(kernel);
  Gathered gathered(columns.size(), n_events);
  std::vector<std::uint32_t> leaf(gathered.n_padded());
  set_zero(outputs, n_events);
  for (std::size_t begin = 0; begin < n_events; begin += block_events) {
    const std::size_t n = std::min(block_events, n_events - begin);
    const std::size_t n_groups = gathered.fill(columns, begin, n);
    for (const Tree& tree : trees_) {
      walk(tree, gathered.data(), columns.size(), n_groups, leaf.data());
      add_leaves(tree, leaf.data(), begin, n, outputs);
    }
  }
  divide(n_events, outputs);
}

void Forest::predict_both(std::span<const float* const> columns, std::size_t n_events,
                          std::span<double* const> outputs, const Replacement& replacement,
                          Kernel kernel) const {
  check(columns.size(), outputs.size(), kernel);
  check(columns.size(), replacement.outputs.size(), kernel);
  const kernels::Walk walk = walk_of(kernel);
  const std::size_t n_features = columns.size();
  if (walk != kernels::walk_avx512 || n_features > kernels::max_features_of_both) {
    std::vector<const float*> others(columns.begin(), columns.end());
    others.at(replacement.feature) = replacement.column;
    predict(columns, n_events, outputs, kernel);
    return predict(others, n_events, replacement.outputs, kernel);
  }
  Gathered gathered(n_features, n_events), other(1, n_events), rest(n_features, n_events);
  std::vector<std::uint32_t> leaf(gathered.n_padded()), other_leaf(gathered.n_padded());
  std::vector<std::uint16_t> split(gathered.n_padded() / kernels::lanes);
  std::vector<std::uint32_t> events(gathered.n_padded());
  set_zero(outputs, n_events);
  set_zero(replacement.outputs, n_events);
  for (std::size_t begin = 0; begin < n_events; begin += block_events) {
    const std::size_t n = std::min(block_events, n_events - begin);
    const std::size_t n_groups = gathered.fill(columns, begin, n);
    (void)other.fill({&replacement.column, 1}, begin, n);
    for (const Tree& tree : trees_) {
      kernels::walk_both_avx512(tree, gathered.data(), n_features, n_groups, replacement.feature,
                                other.data(), leaf.data(), split.data());
      add_leaves(tree, leaf.data(), begin, n, outputs);
      std::size_t n_split = 0;
      for (std::size_t group = 0; group < n_groups; ++group)
        for (unsigned lanes = split[group]; lanes != 0; lanes &= lanes - 1)
          events[n_split++] = static_cast<std::uint32_t>(group * kernels::lanes) +
                              unsigned(std::countr_zero(lanes));
      const std::size_t rest_groups =
          rest.select(gathered, {events.data(), n_split}, replacement.feature, other);
      walk(tree, rest.data(), n_features, rest_groups, other_leaf.data());
      for (std::size_t i = 0; i < n_split; ++i) leaf[events[i]] = other_leaf[i];
      add_leaves(tree, leaf.data(), begin, n, replacement.outputs);
    }
  }
  divide(n_events, outputs);
  divide(n_events, replacement.outputs);
}

}  // namespace alisio::forest
