#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "prov/ask/subject.hpp"

namespace alisio::prov {

/// One step of a lineage: an activity, and what of its products the step below used.
struct LineageStep {
  int depth = 0;            ///< 0: what made the thing asked about
  StoredActivity activity;  ///< brief; row 0 if no maker is on record
  std::vector<StoredEntity> products;
  std::vector<std::string> roles;  ///< of the products in the step below
  std::vector<Store::Note> notes;  ///< on the activity and these products
  bool told_above = false;         ///< what it came from is not told again
};

/// Everything that a thing came from, each activity's sources once.
struct Lineage {
  std::vector<LineageStep> steps;  ///< depth first
  std::size_t activities = 0, entities = 0;
  bool cut = false;  ///< there is more than the limits allow
};

[[nodiscard]] Lineage lineage(Store& store, const Subject& subject, const WalkLimits& limits = {});
[[nodiscard]] nlohmann::ordered_json to_json(const Lineage& lineage);

}  // namespace alisio::prov
