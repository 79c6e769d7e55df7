#pragma once
#include <span>
#include <string>
#include <vector>

/// Quality gates: numbers that tell whether something may be used, and the ranges they must keep.
namespace alisio {

/// Least and greatest value that passes, both inclusive.
struct GateRange {
  double low = 0, high = 0;
};

/// One number and the range that it must lie in.
struct Gate {
  std::string name;
  double value = 0;
  std::string unit;  ///< empty if dimensionless
  double low = 0, high = 0;
  bool passed = false;  ///< NaN does not pass
};

/// Return a judged gate. NaN does not pass.
/// @param unit of the value and of the range; empty if dimensionless
[[nodiscard]] Gate make_gate(std::string name, double value, std::string unit, GateRange range);

/// Return the gates of both lists; of a name that both have, the one farther out of its range.
[[nodiscard]] std::vector<Gate> worse_of(std::vector<Gate> gates, std::span<const Gate> others);

[[nodiscard]] bool all_passed(std::span<const Gate> gates);
/// Return the failed gates as one line, "unusable_pixels_hg 0.43 (at most 0.1), …"; empty if none
/// failed.
[[nodiscard]] std::string failed_gates(std::span<const Gate> gates);
/// Return what a product's record says of its gates: "passed" or "failed: " and the failed ones.
[[nodiscard]] std::string verdict(std::span<const Gate> gates);

}  // namespace alisio
