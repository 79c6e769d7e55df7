#include "lib/night/night_note.hpp"

#include <nlohmann/json.hpp>
#include <vector>

#include "lib/base/json_text.hpp"

namespace alisio::night {
namespace {

/// What the last pass showed; no object if it showed nothing.
nlohmann::json shown_summary(State& state, const NightKey& night) {
  const std::optional<NightRecord> record = state.night(night);
  return record ? nlohmann::json::parse(record->summary, nullptr, false) : nlohmann::json();
}

}  // namespace

void show_note(State& state, const NightKey& night, const std::string& kind,
               const std::string& text) {
  nlohmann::json summary = shown_summary(state, night);
  if (!summary.is_object() || !summary.contains("notes")) return;
  const std::string before = summary.value(kind, std::string());
  if (before == text) return;
  auto notes = summary["notes"].get<std::vector<std::string>>();
  std::erase(notes, before);
  if (!text.empty()) notes.push_back(text);
  summary["notes"] = notes;
  summary[kind] = text;
  state.show(night, json_text(summary), {}, {});
}

void show_over(State& state, const NightKey& night) {
  nlohmann::json summary = shown_summary(state, night);
  if (!summary.is_object() || summary.value("open_until", "").empty()) return;
  summary["open_until"] = "";
  state.show(night, json_text(summary), {}, {});
}

}  // namespace alisio::night
