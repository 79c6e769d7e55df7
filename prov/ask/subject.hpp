#pragma once
#include <optional>
#include <string>
#include <vector>

#include "prov/store/store.hpp"

namespace alisio::prov {

/// What a question is about: a file or an activity of the index.
struct Subject {
  std::optional<StoredEntity> entity;
  std::optional<StoredActivity> activity;
  /// How a file was recognised if not by its path: "by its content", "by its name"; empty: by its
  /// path or id.
  std::string recognised;
  std::size_t others = 0;  ///< further records that fit as well, older ones
};

/// Find what is meant by a path, a hash, an id of an entity or an activity. A file that is there
/// but whose path is not on record is recognised by its content, which is hashed for that.
/// Of several, the newest. @throws Error(incomplete) if nothing on record fits.
[[nodiscard]] Subject find_subject(Store& store, const std::string& what);

}  // namespace alisio::prov
