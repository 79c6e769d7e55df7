#pragma once
#include <nlohmann/json.hpp>

#include "prov/store/store.hpp"

namespace alisio::prov {

/// Forms of what the index holds that other programs read. Keys are those of the records; what is
/// not known is left out.
[[nodiscard]] nlohmann::ordered_json json_of(const StoredActivity& activity);
[[nodiscard]] nlohmann::ordered_json json_of(const StoredEntity& entity);
[[nodiscard]] nlohmann::ordered_json json_of(const Store::Note& note);

/// Return a configuration's values by dotted key: "tailcut.picture_thresh" to 8. Arrays stay whole.
[[nodiscard]] std::map<std::string, nlohmann::json> flattened(const nlohmann::json& tree);

}  // namespace alisio::prov
