// Events per second of the forest kernels, one thread, on a forest of the standard size: 50 trees
// of about 19 000 nodes and 12 features.
#include <benchmark/benchmark.h>

#include <deque>
#include <limits>
#include <random>
#include <vector>

#include "reco/forest/forest.hpp"

namespace alisio::forest {
namespace {

constexpr std::size_t n_features = 12, n_trees = 50, n_nodes_of_tree = 19111, n_events = 16384;

/// Random trees over features that are uniform in [0, 1): a node splits its interval at random, so
/// depths spread as those of trained trees do.
struct RandomForest {
  RandomForest() : nodes(n_trees), leaves(n_trees), columns(n_features) {
    std::mt19937 random(1);
    std::uniform_real_distribution<float> uniform;
    std::vector<Tree> trees;
    for (std::size_t t = 0; t < n_trees; ++t) {
      struct Open {
        std::uint32_t node, depth;
        std::vector<float> low, high;
      };
      std::deque<Open> open = {
          {0, 0, std::vector<float>(n_features, 0), std::vector<float>(n_features, 1)}};
      auto& tree = nodes[t];
      tree.assign(1, {});
      std::uint32_t depth = 0;
      while (!open.empty()) {
        Open at = std::move(open.front());
        open.pop_front();
        depth = std::max(depth, at.depth);
        const bool splits =
            tree.size() + 2 <= n_nodes_of_tree && (at.depth < 9 || random() % 10 < 7);
        if (!splits) {
          tree[at.node] = {std::numeric_limits<float>::infinity(),
                           static_cast<std::uint32_t>(leaves[t].size()) << feature_bits};
          leaves[t].push_back(uniform(random));
          continue;
        }
        const auto feature = static_cast<std::uint32_t>(random() % n_features);
        const float share = 0.3F + 0.4F * uniform(random);
        const float cut = at.low[feature] + share * (at.high[feature] - at.low[feature]);
        const auto left = static_cast<std::uint32_t>(tree.size());
        tree[at.node] = {cut, left << feature_bits | feature};
        tree.resize(tree.size() + 2);
        Open right = at;
        at.high[feature] = right.low[feature] = cut;
        at.node = left;
        right.node = left + 1;
        at.depth = right.depth = at.depth + 1;
        open.push_back(std::move(at));
        open.push_back(std::move(right));
      }
      trees.push_back({tree.data(), leaves[t].data(), static_cast<std::uint32_t>(tree.size()),
                       static_cast<std::uint32_t>(leaves[t].size()), depth});
    }
    for (auto& column : columns) {
      column.resize(n_events);
      for (float& x : column) x = uniform(random);
    }
    forest.emplace_back("random", ForestKind::regressor, std::vector<std::string>(n_features),
                        std::vector<double>{}, 1, std::move(trees));
  }

  std::vector<std::vector<Node>> nodes;
  std::vector<std::vector<double>> leaves;
  std::vector<std::vector<float>> columns;
  std::vector<Forest> forest;
};

void predict(benchmark::State& state) {
  static const RandomForest random;
  const auto kernel = static_cast<Kernel>(state.range(0));
  state.SetLabel(to_string(kernel));
  if (!is_supported(kernel)) {
    state.SkipWithError("not on this processor");
    return;
  }
  std::vector<const float*> columns;
  for (const auto& column : random.columns) columns.push_back(column.data());
  std::vector<double> result(n_events);
  double* output = result.data();
  for (auto _ : state) {
    random.forest[0].predict(columns, n_events, {&output, 1}, kernel);
    benchmark::DoNotOptimize(result.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(n_events));
}
BENCHMARK(predict)
    ->DenseRange(static_cast<int>(Kernel::scalar), static_cast<int>(Kernel::avx512_gather))
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace alisio::forest

BENCHMARK_MAIN();
