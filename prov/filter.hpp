#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace alisio::prov {

/// What to leave out of a document. Empty lists and texts let everything pass; several conditions
/// must all hold.
struct Filter {
  std::vector<std::string> activities;  ///< names or ids of the activities to keep
  std::vector<std::string> entities;    ///< names or types of the entities to keep
  std::vector<std::string> roles;       ///< of the uses and generations to keep
  /// Parts of the pipeline to keep: "calibration", "dl1", "dl2", "dl3", "check", "report".
  std::vector<std::string> stages;
  std::vector<std::string> status;  ///< of the activities to keep: "completed", "failed" …
  /// Keep activities that ran at some time from `after` to `before`: ISO 8601, UTC; a date alone
  /// means its beginning, or its end.
  std::string after, before;
  /// Keep the files of these subruns alone, and the activities of one subrun that is among them.
  std::optional<int> first_subrun, last_subrun;
  int depth = -1;  ///< steps back from the last products, one a relation; -1: all
  bool with_environment = true;
  bool with_parameters = true;    ///< parameters and configurations
  bool with_descriptions = true;  ///< definition, sessions, commands and measurements
  bool with_copies = true;        ///< where copies of files stand that were replaced since

  [[nodiscard]] bool passes_all() const;
};

/// Return the short record for astronomers: what was made from what by which version; no
/// environment, no parameters, no descriptions.
[[nodiscard]] Filter short_record();

/// Return the names that Filter::stages may hold.
[[nodiscard]] const std::vector<std::string>& stage_groups();

/// Return what a filter leaves of a PROV-JSON document. The result is a document of its own: no
/// relation leads to what was left out, an activity that would be left without a use or a product
/// is left out too, a collection that lost members is another collection (its id and its `size`
/// tell).
/// @throws Error(usage) for an unknown stage, status or a time that cannot be read,
///         Error(bad_input) if the text is no PROV-JSON document.
[[nodiscard]] std::string filtered(const std::string& document, const Filter& filter);

}  // namespace alisio::prov
