#pragma once
#include <string>
#include <vector>

#include "prov/ask/json.hpp"
#include "prov/ask/subject.hpp"

namespace alisio::prov {

/// A file that an activity read or wrote.
struct ShownFlow {
  std::string role, remark;
  StoredEntity entity;
  /// What made it: "r0_to_dl1 11220.0001", or empty if that is not on record.
  std::string maker;
};

/// What made a thing, or what an activity did.
struct Shown {
  Subject subject;
  std::optional<StoredActivity> activity;  ///< the maker of the entity, or the activity asked for
  std::vector<ShownFlow> inputs, outputs;  ///< in order of role
  std::vector<Store::Note> notes;          ///< on the thing, its maker and what was used
};

[[nodiscard]] Shown show(Store& store, const Subject& subject);
[[nodiscard]] nlohmann::ordered_json json_of(const Shown& shown);

/// One line of a lineage: an activity and what it made on the way to the thing asked about.
struct LineageNode {
  int depth = 0;                       ///< 0: what made the thing
  StoredActivity activity;             ///< brief; row 0 if it is not on record
  std::vector<StoredEntity> products;  ///< that the step below used
  std::vector<std::string> roles;      ///< of these there
  std::vector<Store::Note> notes;
  bool seen = false;  ///< told above: what it came from is not told again
};

struct Lineage {
  Subject subject;
  std::vector<LineageNode> nodes;  ///< depth first
  std::size_t activities = 0, entities = 0;
  bool cut = false;  ///< there is more than the limits allow
};

/// Everything that a thing came from.
[[nodiscard]] Lineage lineage(Store& store, const Subject& subject, const WalkLimits& limits = {});
[[nodiscard]] nlohmann::ordered_json json_of(const Lineage& lineage);

/// Return "r0_to_dl1 11220.0001": an activity with its run and subrun, if it has such.
[[nodiscard]] std::string short_name(const StoredActivity& activity);

}  // namespace alisio::prov
