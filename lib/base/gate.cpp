#include "lib/base/gate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace alisio {
namespace {

/// How bad a gate is: first whether it passes, is not measured or fails, then how far out of its
/// range the value lies, negative inside.
std::pair<int, double> badness(const Gate& gate) {
  if (!gate.measured) return {1, 0};
  const double excess = std::isnan(gate.value)
                            ? std::numeric_limits<double>::infinity()
                            : std::max(gate.low - gate.value, gate.value - gate.high);
  return {gate.passed ? 0 : 2, excess};
}

}  // namespace

Gate make_gate(std::string name, double value, std::string unit, GateRange range) {
  return {std::move(name), value,      std::move(unit),
          range.low,       range.high, value >= range.low && value <= range.high};
}

Gate unmeasured_gate(std::string name, std::string unit, GateRange range, std::string why) {
  return {.name = std::move(name),
          .value = std::numeric_limits<double>::quiet_NaN(),
          .unit = std::move(unit),
          .low = range.low,
          .high = range.high,
          .passed = false,
          .measured = false,
          .why = std::move(why)};
}

std::string range_text(const Gate& gate) {
  if (std::isinf(gate.low))
    return gate.high == 0 ? "none allowed" : fmt::format("at most {:g}", gate.high);
  if (std::isinf(gate.high)) return fmt::format("at least {:g}", gate.low);
  return fmt::format("{:g} to {:g}", gate.low, gate.high);
}

std::vector<Gate> worse_of(std::vector<Gate> gates, std::span<const Gate> others) {
  for (const Gate& other : others) {
    const auto found = std::find_if(gates.begin(), gates.end(),
                                    [&](const Gate& gate) { return gate.name == other.name; });
    if (found == gates.end())
      gates.push_back(other);
    else if (badness(other) > badness(*found))
      *found = other;
  }
  return gates;
}

bool all_passed(std::span<const Gate> gates) {
  return std::ranges::none_of(gates,
                              [](const Gate& gate) { return gate.measured && !gate.passed; });
}

std::string failed_gates(std::span<const Gate> gates) {
  std::string text;
  for (const Gate& gate : gates)
    if (gate.measured && !gate.passed)
      text += fmt::format("{}{} {:.4g}{}{} ({})", text.empty() ? "" : ", ", gate.name, gate.value,
                          gate.unit.empty() ? "" : " ", gate.unit, range_text(gate));
  return text;
}

std::string unmeasured_gates(std::span<const Gate> gates) {
  std::string text;
  for (const Gate& gate : gates)
    if (!gate.measured) text += fmt::format("{}{}", text.empty() ? "" : ", ", gate.name);
  return text;
}

std::string verdict(std::span<const Gate> gates) {
  if (gates.empty()) return "not measured";
  const std::string failed = failed_gates(gates), unmeasured = unmeasured_gates(gates);
  if (!unmeasured.empty() && std::ranges::none_of(gates, &Gate::measured))
    return "not measured: " + unmeasured;
  std::string text = failed.empty() ? "passed" : "failed: " + failed;
  if (!unmeasured.empty()) text += ", not measured: " + unmeasured;
  return text;
}

}  // namespace alisio
