#pragma once
#include <string>
#include <vector>

#include "lib/night/night.hpp"
#include "lib/night/plan.hpp"
#include "lib/night/state.hpp"

namespace alisio::night {

/// The night as it stands, for those who merge its provenance.
struct MergeView {
  const NightSetup& setup;
  const NightPlan& plan;
  const StateSnapshot& snapshot;
};

/// Merges the provenance of each run when it is finished and of the night at its end, where the
/// activities are others than those that were merged before.
class ProvenanceMerges {
 public:
  ProvenanceMerges(const NightServices& services, State& state)
      : services_(services), state_(state) {}

  void merge_run(const MergeView& night, int run);
  void merge_all(const MergeView& night);
  /// Note in the state which documents on disk are up to date: those that were written after the
  /// last end of a job that they tell of, and whose log holds all activities of their stage.
  void take_over(const MergeView& night);
  /// What could not be merged, and why.
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

 private:
  void merge_night(const MergeView& night);

  const NightServices& services_;
  State& state_;
  std::vector<std::string> notes_;
  bool merged_a_run_ = false;  ///< since the night was merged
};

}  // namespace alisio::night
