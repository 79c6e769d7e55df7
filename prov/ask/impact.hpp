#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "prov/invalidation.hpp"
#include "prov/store/store.hpp"

namespace alisio::prov {

/// What of one run came from a thing.
struct RunImpact {
  std::string observation_date, prod_id;  ///< date YYYYMMDD
  int run = -1;                           ///< -1: of the whole night
  std::map<std::string, std::size_t> files_of_level;
  auto operator<=>(const RunImpact&) const = default;
};

/// Everything that came from some files or activities.
struct Impact {
  std::vector<RunImpact> runs;      ///< by date, production and run
  std::vector<StoredEntity> files;  ///< by path
  /// Those that stand no more for what they were, by their ids.
  std::map<std::string, Invalidation> invalidations;
  bool cut = false;  ///< there is more than the walk's limits let through
};

/// Return the records from which to follow a file: its own, and those of the same place that stand
/// for a reading in part. What came from a part of a file came from the file, whatever else it said
/// at the time.
[[nodiscard]] std::vector<Row> impact_starts(Store& store, const StoredEntity& file);

/// Follow files and activities to all that was made from them.
/// @param level only files of this level ("DL2"); empty: all
[[nodiscard]] Impact find_impact(Store& store, const std::vector<Row>& entities,
                                 const std::vector<Row>& activities, const std::string& level,
                                 const WalkLimits& limits = {});

[[nodiscard]] nlohmann::ordered_json to_json(const Impact& impact);

}  // namespace alisio::prov
