#include "lib/base/gate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace alisio {
namespace {

/// How far out of its range a value lies; negative inside.
double excess(const Gate& gate) {
  if (std::isnan(gate.value)) return std::numeric_limits<double>::infinity();
  return std::max(gate.low - gate.value, gate.value - gate.high);
}

}  // namespace

Gate make_gate(std::string name, double value, std::string unit, GateRange range) {
  return {std::move(name), value,      std::move(unit),
          range.low,       range.high, value >= range.low && value <= range.high};
}

std::vector<Gate> worse_of(std::vector<Gate> gates, std::span<const Gate> others) {
  for (const Gate& other : others) {
    const auto found = std::find_if(gates.begin(), gates.end(),
                                    [&](const Gate& gate) { return gate.name == other.name; });
    if (found == gates.end())
      gates.push_back(other);
    else if (excess(other) > excess(*found))
      *found = other;
  }
  return gates;
}

bool all_passed(std::span<const Gate> gates) {
  return std::all_of(gates.begin(), gates.end(), [](const Gate& gate) { return gate.passed; });
}

std::string failed_gates(std::span<const Gate> gates) {
  std::string text;
  for (const Gate& gate : gates) {
    if (gate.passed) continue;
    std::string wanted;
    if (std::isinf(gate.low))
      wanted = fmt::format("at most {:.4g}", gate.high);
    else if (std::isinf(gate.high))
      wanted = fmt::format("at least {:.4g}", gate.low);
    else
      wanted = fmt::format("{:.4g} to {:.4g}", gate.low, gate.high);
    text += fmt::format("{}{} {:.4g}{}{} ({})", text.empty() ? "" : ", ", gate.name, gate.value,
                        gate.unit.empty() ? "" : " ", gate.unit, wanted);
  }
  return text;
}

std::string verdict(std::span<const Gate> gates) {
  const std::string failed = failed_gates(gates);
  return failed.empty() ? "passed" : "failed: " + failed;
}

}  // namespace alisio
