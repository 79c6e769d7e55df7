#pragma once
#include <filesystem>
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

/// Tell whether a file is the content of a recorded one beside it that was set aside under this
/// name, whatever became of that since.
[[nodiscard]] bool was_set_aside(Store& store, const std::filesystem::path& file);

[[nodiscard]] nlohmann::ordered_json to_json(const Invalidation& invalidation);

}  // namespace alisio::prov
