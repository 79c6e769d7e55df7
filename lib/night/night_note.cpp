#include "lib/night/night_note.hpp"

#include <nlohmann/json.hpp>
#include <vector>

#include "lib/base/json_text.hpp"

namespace alisio::night {

void show_note(State& state, const NightKey& night, const std::string& kind,
               const std::string& text) {
  const std::optional<NightRecord> record = state.night(night);
  if (!record) return;
  nlohmann::json summary = nlohmann::json::parse(record->summary, nullptr, false);
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

}  // namespace alisio::night
