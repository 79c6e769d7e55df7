#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "prov/ask/embedded.hpp"

namespace alisio::prov {

/// One thing that is not the same in two records.
struct Difference {
  std::string activity;  ///< "r0_to_dl1"
  std::string kind;  ///< software, parameter, configuration, environment, input, output, activity
  std::string key;   ///< parameter, dotted key, role
  std::string a, b;  ///< what each has; empty: nothing
  std::size_t count = 1;  ///< subruns in which it differs so
};

struct Diff {
  std::string a, b;
  std::size_t activities_a = 0, activities_b = 0;
  std::vector<Difference> differences;  ///< sorted
  std::size_t outputs_equal = 0;        ///< by data hash, or by SHA-256 where there is none
  std::size_t outputs_different = 0;
};

/// One side of a comparison: "11220@v0.1.0_v00" is what is on record of a run in a production (the
/// last successful activity of each subrun); all else names a file or an activity.
struct DiffSide {
  std::string name;
  std::vector<StoredActivity> activities;
  Row only = 0;  ///< compare this product alone; 0: all
};
/// @throws Error(usage), Error(incomplete) if there is nothing on record.
[[nodiscard]] DiffSide diff_side(Store& store, const std::string& what, const IdReader& ids = {});

/// Compare what made two things: only what changed. The production's name is no difference: it is
/// what was asked for. Inputs that are outputs of the compared activities are told as outputs.
[[nodiscard]] Diff diff(Store& store, const DiffSide& a, const DiffSide& b);
[[nodiscard]] nlohmann::ordered_json to_json(const Diff& diff);

}  // namespace alisio::prov
