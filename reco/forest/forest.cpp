#include "reco/forest/forest.hpp"

#include <fmt/format.h>

#include <algorithm>
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

void Forest::predict(std::span<const float* const> columns, std::size_t n_events,
                     std::span<double* const> outputs, Kernel kernel) const {
  if (columns.size() != features_.size() || outputs.size() != n_outputs_) {
    throw Error(ErrorKind::bug,
                fmt::format("predict() got {} features and {} outputs, the forest has {} and {}",
                            columns.size(), outputs.size(), features_.size(), n_outputs_),
                name_);
  }
  if (!is_supported(kernel)) {
    throw Error(ErrorKind::bug,
                fmt::format("this processor has no {} instructions", to_string(kernel)), name_);
  }
  constexpr std::size_t lanes = kernels::lanes;
  const kernels::Walk walk = walk_of(kernel);
  const std::size_t n_features = features_.size();
  const std::size_t n_gathered = std::min(n_events, block_events);
  const std::size_t n_padded = (n_gathered + lanes - 1) / lanes * lanes;
  std::vector<float> features(n_padded * n_features);
  std::vector<std::uint32_t> leaf(n_padded);
  for (double* output : outputs) {
    if (output != nullptr) std::fill_n(output, n_events, 0.0);
  }
  for (std::size_t begin = 0; begin < n_events; begin += block_events) {
    const std::size_t n = std::min(block_events, n_events - begin);
    const std::size_t n_groups = (n + lanes - 1) / lanes;
    for (std::size_t group = 0; group < n_groups; ++group) {
      const std::size_t first = begin + group * lanes;
      const std::size_t filled = std::min(lanes, n_events - first);
      for (std::size_t feature = 0; feature < n_features; ++feature) {
        float* to = &features[(group * n_features + feature) * lanes];
        std::copy_n(columns[feature] + first, filled, to);
        std::fill(to + filled, to + lanes, 0.0F);
      }
    }
    for (const Tree& tree : trees_) {
      walk(tree, features.data(), n_features, n_groups, leaf.data());
      for (std::size_t output = 0; output < n_outputs_; ++output) {
        double* sum = outputs[output];
        if (sum == nullptr) continue;
        sum += begin;
        const double* values = tree.leaves + output;
        for (std::size_t i = 0; i < n; ++i) sum[i] += values[leaf[i] * n_outputs_];
      }
    }
  }
  const auto n_trees = static_cast<double>(trees_.size());
  for (double* output : outputs) {
    if (output == nullptr) continue;
    for (std::size_t i = 0; i < n_events; ++i) output[i] /= n_trees;
  }
}

}  // namespace alisio::forest
