#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "prov/ask/subject.hpp"
#include "prov/invalidation.hpp"

namespace alisio::prov {

/// A file that an activity used or made, and the activity that made it.
struct StoryFile {
  StoredFlow flow;
  StoredEntity file;
  std::optional<StoredActivity> maker;  ///< of a used file, if on record
};

/// What made a thing: the activity with what it used and generated, and what people noted.
struct Story {
  Subject subject;
  std::optional<StoredActivity> activity;  ///< none: the file was found, not made
  std::vector<StoryFile> used, generated;
  std::vector<Store::Note> notes;  ///< on the thing, its maker and what was used
  /// Of the thing and of what was used and generated: what stands no more for what it was, by id.
  std::map<std::string, Invalidation> invalidations;
};

/// Tell what made a file, or what an activity did.
[[nodiscard]] Story tell(Store& store, const Subject& subject);

/// Return a story as JSON. Times are ISO 8601, UTC.
[[nodiscard]] nlohmann::ordered_json to_json(const Story& story);

/// Facts of an activity and of an entity, as all answers give them.
[[nodiscard]] nlohmann::ordered_json to_json(const StoredActivity& activity);
[[nodiscard]] nlohmann::ordered_json to_json(const StoredEntity& entity);

}  // namespace alisio::prov
