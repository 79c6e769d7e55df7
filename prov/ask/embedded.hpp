#pragma once
#include <filesystem>
#include <functional>
#include <string>

#include "prov/ask/subject.hpp"

namespace alisio::prov {

/// What a file tells of its own origin, as its attributes or cards say; empty if it says nothing.
struct EmbeddedIds {
  std::string activity;  ///< "CTA ACTIVITY ID": id of the activity that made it
  std::string capture;   ///< "PROV CAPTURE": "off" if its making was not recorded
};

/// Reads the ids that a file carries. Given by those who can read the formats of the products.
using IdReader = std::function<EmbeddedIds(const std::filesystem::path&)>;

/// As find_subject(), but a file that is on record neither by its path nor by its content is
/// recognised by the ids in it: one whose bytes changed under way.
[[nodiscard]] Subject find_subject(Store& store, const std::string& what, const IdReader& ids);

}  // namespace alisio::prov
