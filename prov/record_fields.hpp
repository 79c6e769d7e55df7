#pragma once
#include <nlohmann/json.hpp>
#include <string>

namespace alisio::prov {

/// Return a value as text: a string as it is, anything else as JSON.
[[nodiscard]] inline std::string text_of(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// Return a field of a record as text; empty if it is absent or null.
[[nodiscard]] inline std::string text_at(const nlohmann::json& record, const char* key) {
  const auto at = record.find(key);
  return at == record.end() || at->is_null() ? std::string() : text_of(*at);
}

/// Return a time with its zone. Other programs' logs have none: the observatory's clocks run on
/// UTC.
[[nodiscard]] inline std::string with_zone(std::string time, bool& assumed) {
  if (time.empty() || time.ends_with('Z') || time.find('+', 10) != std::string::npos) return time;
  assumed = true;
  return time + 'Z';
}

}  // namespace alisio::prov
