#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace alisio::forest {

/// One node, 8 bytes. An inner node sends a feature value x left if x <= threshold; its children
/// are neighbours (right = left + 1). Thresholds are scikit-learn's doubles rounded down to float,
/// which decides every float x alike.
struct Node {
  float threshold;       ///< +infinity marks a leaf
  std::uint32_t packed;  ///< inner: left child << 5 | feature; leaf: number of the leaf << 5
};
static_assert(sizeof(Node) == 8);

inline constexpr unsigned feature_bits = 5;
inline constexpr std::size_t max_features = std::size_t{1} << feature_bits;

enum class ForestKind { regressor, classifier };

/// Where the nodes and leaves of one tree lie. Child and leaf numbers count from the tree's first.
struct Tree {
  const Node* nodes = nullptr;     ///< breadth first; nodes[0] is the root
  const double* leaves = nullptr;  ///< [leaf][output]
  std::uint32_t n_nodes = 0, n_leaves = 0, depth = 0;
};

/// The kernels of predict(). All give the same bits.
enum class Kernel { automatic, scalar, interleaved, avx2, avx512, avx512_gather };

[[nodiscard]] const char* to_string(Kernel kernel) noexcept;
/// Say whether this processor runs the kernel.
[[nodiscard]] bool is_supported(Kernel kernel) noexcept;

/// One random forest: a view into a ForestFile, which must outlive it.
class Forest {
 public:
  Forest(std::string name, ForestKind kind, std::vector<std::string> features,
         std::vector<double> classes, std::size_t n_outputs, std::vector<Tree> trees);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] ForestKind kind() const noexcept { return kind_; }
  /// Names of the features in training order, which is the order predict() wants.
  [[nodiscard]] const std::vector<std::string>& features() const noexcept { return features_; }
  /// Class labels in the order of the outputs; empty for a regressor.
  [[nodiscard]] const std::vector<double>& classes() const noexcept { return classes_; }
  /// Return the output that holds the probability of a class. @throws Error(bad_input) if absent.
  [[nodiscard]] std::size_t output_of_class(double label) const;
  [[nodiscard]] std::size_t n_trees() const noexcept { return trees_.size(); }
  [[nodiscard]] std::size_t n_outputs() const noexcept { return n_outputs_; }
  [[nodiscard]] std::size_t n_nodes() const noexcept;
  [[nodiscard]] std::span<const Tree> trees() const noexcept { return trees_; }

  /// Predict a block of events: the mean over the trees, summed in double in the order of the
  /// trees, bit-identical to scikit-learn with n_jobs=1. Large blocks (thousands of events) are
  /// fast, because a tree stays in cache while all events walk it. Safe to call from many threads.
  ///
  /// @param columns  one pointer per feature to n_events floats; doubles are to be rounded to the
  ///                 nearest float first, as scikit-learn does. Values must be finite: a NaN goes
  ///                 right at every node.
  /// @param outputs  one pointer per output to n_events doubles; a null pointer skips that output.
  /// @throws Error(bug) if the number of columns or outputs is wrong.
  void predict(std::span<const float* const> columns, std::size_t n_events,
               std::span<double* const> outputs, Kernel kernel = Kernel::automatic) const;

  /// Another column for one of the features, and the outputs that it leads to.
  struct Replacement {
    std::size_t feature;
    const float* column;
    std::span<double* const> outputs;
  };
  /// Predict twice, as predict() does, the second time with one column replaced. Events that meet
  /// no node between the two values, most of them if these are close, walk a tree once.
  void predict_both(std::span<const float* const> columns, std::size_t n_events,
                    std::span<double* const> outputs, const Replacement& replacement,
                    Kernel kernel = Kernel::automatic) const;

 private:
  void check(std::size_t n_columns, std::size_t n_outputs, Kernel kernel) const;

  std::string name_;
  ForestKind kind_;
  std::vector<std::string> features_;
  std::vector<double> classes_;
  std::size_t n_outputs_;
  std::vector<Tree> trees_;
};

}  // namespace alisio::forest
