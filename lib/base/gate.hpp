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
  bool passed = false;   ///< NaN does not pass
  bool measured = true;  ///< false: the value is not known; the gate neither passes nor fails
  std::string why = {};  ///< why it is not measured; empty: nothing is there to measure it with
};

/// Return a judged gate. NaN does not pass.
/// @param unit of the value and of the range; empty if dimensionless
[[nodiscard]] Gate make_gate(std::string name, double value, std::string unit, GateRange range);

/// Return a gate whose value is not known, and why: what nobody measured must not read "passed".
[[nodiscard]] Gate unmeasured_gate(std::string name, std::string unit, GateRange range,
                                   std::string why = {});

/// Return the limits in words: "100 to 20000", "at most 0.1", "at least 3", "none allowed" for at
/// most 0.
[[nodiscard]] std::string range_text(const Gate& gate);

/// Return the gates of both lists; of a name that both have, the one farther out of its range. One
/// that is not measured is worse than one that passes, and better than one that fails.
[[nodiscard]] std::vector<Gate> worse_of(std::vector<Gate> gates, std::span<const Gate> others);

/// Return whether no gate fails; one that is not measured does not.
[[nodiscard]] bool all_passed(std::span<const Gate> gates);
/// Return the failed gates as one line, "unusable_pixels_hg 0.43 (at most 0.1), …"; empty if none
/// failed.
[[nodiscard]] std::string failed_gates(std::span<const Gate> gates);
/// Return the names of the gates that are not measured, "cosmics_rate, pedestal_charge"; empty if
/// all are.
[[nodiscard]] std::string unmeasured_gates(std::span<const Gate> gates);
/// Return what a product's record says of its gates: "passed", "failed: " and the failed ones, or,
/// of no gates too, "not measured"; and which are not: "passed, not measured: cosmics_rate".
[[nodiscard]] std::string verdict(std::span<const Gate> gates);

}  // namespace alisio
