#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "prov/invalidation.hpp"
#include "prov/store/store.hpp"

namespace alisio::prov {

/// Return the invalidations that stand of files, by their ids: not of a file that was made once
/// more since, with the same content.
[[nodiscard]] std::map<std::string, Invalidation> find_invalidations(
    Store& store, const std::vector<StoredEntity>& files);

[[nodiscard]] nlohmann::ordered_json to_json(const Invalidation& invalidation);

}  // namespace alisio::prov
