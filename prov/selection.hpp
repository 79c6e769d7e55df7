#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "prov/invalidation.hpp"
#include "prov/records.hpp"

namespace alisio::prov {

/// How an activity ended, as its records tell.
enum class ActivityEnd { completed, planned, failed, killed, superseded };

[[nodiscard]] const char* to_string(ActivityEnd end) noexcept;

/// A used or generated entity.
struct FlowRecord {
  std::string entity, role, port;
  /// Why a used file was chosen; what the quality gates said of a generated one. May be empty.
  std::string remark;
  auto operator<=>(const FlowRecord&) const = default;
};

/// Return a record that says nothing.
[[nodiscard]] const nlohmann::json& no_record();

/// One activity as its records tell, whatever their order.
struct ActivityRecord {
  std::string id, name, session, tag;
  int run = -1, subrun = -1, telescope = 1;
  std::string observation_date, prod_id;
  std::string start, end;  ///< UTC with zone
  bool zone_assumed = false;
  ActivityEnd how = ActivityEnd::killed;
  const nlohmann::json* facts = &no_record();       ///< the start record
  const nlohmann::json* end_facts = &no_record();   ///< the end record, null if there is none
  const nlohmann::json* parameters = &no_record();  ///< name to value
  std::vector<FlowRecord> used, generated;          ///< sorted
};

/// Everything that journals tell. Looks into the journals' records: those must live longer.
struct Records {
  std::map<std::string, ActivityRecord> activities;          ///< by id
  std::map<std::string, const nlohmann::json*> entities;     ///< by id
  std::map<std::string, const nlohmann::json*> sessions;     ///< by id; of several lines the first
  std::map<std::string, std::set<std::string>> derivations;  ///< entity to what it derives from
  /// A used file with the content of one that is on record as generated, under another path or
  /// below another data root, is that one. This maps the id under which it was recorded to that of
  /// the generated file; the activities name the latter.
  std::map<std::string, std::string> aliases;
  std::map<std::string, Invalidation> invalidations;  ///< by entity, those that stand
};

[[nodiscard]] Records collect(const Journals& journals);
Records collect(Journals&&) = delete;

/// Return what notes tell of the entities of some records, by entity: invalidations that stand, of
/// entities that were not made once more since.
[[nodiscard]] std::map<std::string, Invalidation> invalidations_of(const Journals& notes,
                                                                   const Records& records);

/// How much a document tells of, and how finely: one subrun, one run, consecutive runs of one
/// source, a night.
enum class Grain { subrun, run, observation, night };

[[nodiscard]] const char* to_string(Grain grain) noexcept;

/// Run number of activities of a whole night: its merges, its report.
inline constexpr int night_run = 0;

/// What is to be chosen. Empty texts match all.
struct SelectionRequest {
  Grain scope = Grain::run, grain = Grain::run;
  std::string stage;  ///< of a subrun or run
  int telescope = 1;
  int run = 0;            ///< of a subrun or run
  int subrun = 0;         ///< of a subrun
  std::vector<int> runs;  ///< of an observation
  std::string observation_date, prod_id;
  bool planned = false;  ///< choose planned activities, not real ones
};

/// Activities that a document tells as one.
struct Fold {
  std::string name;
  int run = -1;  ///< -1: of all runs of the document
  std::string prod_id;
  /// Folds of the same name that this one comes after: a run that is processed again with what was
  /// learnt from its products must not seem to follow from itself.
  int pass = 0;
  std::string activity;  ///< id, if it is told alone
  auto operator<=>(const Fold&) const = default;
};

/// What goes into one document.
struct Selection {
  SelectionRequest request;
  std::vector<const ActivityRecord*> completed;  ///< one a subrun, in order of subrun
  std::vector<const ActivityRecord*> others;     ///< failed, killed and superseded ones
  /// The completed ones and the earlier activities that made what they used, of these runs and of
  /// others. No fold leads to itself.
  std::map<Fold, std::vector<const ActivityRecord*>> folds;
  /// Used files that no known activity made.
  std::set<std::string> without_maker;

  /// Return the attempts at what a fold did.
  [[nodiscard]] std::vector<const ActivityRecord*> attempts_at(const Fold& fold) const;
};

/// Choose the last successful activity of each subrun, what it replaced, and the activities that
/// made its inputs.
[[nodiscard]] Selection select(const Records& records, const SelectionRequest& request);

}  // namespace alisio::prov
