#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "prov/store/store.hpp"

namespace alisio::prov {

/// Refuse what cannot name a thing: empty, longer than 4096 bytes, control characters.
/// @throws Error(usage) in one short line, whatever the text is.
void check_name(const std::string& what, const std::string& where);

/// Return a text fit for a message: at most 80 bytes, no control characters.
[[nodiscard]] std::string shortened(const std::string& text);

/// Return "r0_to_dl1 11220.0001": an activity with its run and subrun, if it has such.
[[nodiscard]] std::string short_name(const StoredActivity& activity);

/// Return a tree's values by dotted key: "tailcut.picture_thresh" to 8. Arrays stay whole.
[[nodiscard]] std::map<std::string, nlohmann::json> flattened(const nlohmann::json& tree);

}  // namespace alisio::prov
