#include "lib/night/not_current.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "lib/night/words.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

/// What becomes of a job.
enum class Prospect {
  planned,  ///< the plan vouches for what it made, or will have it made again
  vetoed,
  none  ///< its step is switched off
};

Prospect prospect_of(const NightPlan& plan, const JobKey& key) {
  const PlannedJob* const planned = plan.find(key);
  if (planned == nullptr) return Prospect::none;
  return planned->step.status == StepStatus::vetoed ? Prospect::vetoed : Prospect::planned;
}

class Search {
 public:
  Search(const NightPlan& plan, const StateSnapshot& state, const std::vector<Decision>& decisions,
         FileView& files)
      : plan_(plan), state_(state), decisions_(decisions), files_(files) {
    for (const auto& [key, job] : state.jobs)
      if (job.status == JobStatus::done)
        for (const JobFile& product : job.outputs) makers_[product.path] = &job;
  }

  std::map<JobKey, std::string> all() {
    std::map<JobKey, std::string> found;
    for (const auto& [key, job] : state_.jobs)
      if (std::string reason = reason_of(job); !reason.empty()) found[key] = std::move(reason);
    return found;
  }

 private:
  /// Return why what a job made is not current, or "".
  const std::string& reason_of(const JobRecord& job) {
    // An empty reason stands while its inputs are looked at: records that name each other end here.
    const auto [known, fresh] = reasons_.try_emplace(job.key);
    if (!fresh || job.status != JobStatus::done || stands(job.key) || is_discarded(job.key))
      return known->second;
    for (const JobFile& input : job.inputs)
      if (std::string fault = fault_of(job, input); !fault.empty())
        return reasons_[job.key] = std::move(fault);
    return reasons_[job.key];
  }

  std::string fault_of(const JobRecord& job, const JobFile& input) {
    if (!counts_in_identity(job.key.stage, input.port)) return "";
    const auto maker = makers_.find(input.path);
    const bool made_here = maker != makers_.end();
    if (made_here && is_discarded(maker->second->key))
      return name_of(input.path) + " was discarded since";
    if (is_vetoed(job.key, input)) return name_of(input.path) + " was vetoed since";
    if (const auto now = present_hashes(input, files_);
        now && now->deciding() != input.hashes.deciding())
      return fmt::format("{} {} since", name_of(input.path),
                         made_here ? "was made anew" : "has changed");
    if (made_here && !reason_of(*maker->second).empty())
      return name_of(input.path) + " is not current itself";
    return "";
  }

  [[nodiscard]] bool stands(const JobKey& key) const {
    const PlannedJob* const planned = plan_.find(key);
    return planned != nullptr && planned->step.done();
  }

  [[nodiscard]] bool is_vetoed(const JobKey& key, const JobFile& input) const {
    const PlannedJob* const planned = plan_.find(key);
    return planned != nullptr && std::ranges::count(planned->job.vetoed_files, input.path) > 0;
  }

  [[nodiscard]] bool is_discarded(const JobKey& key) const {
    return decision_about(decisions_, DecisionKind::discard, key) != nullptr;
  }

  const NightPlan& plan_;
  const StateSnapshot& state_;
  const std::vector<Decision>& decisions_;
  FileView& files_;
  std::map<std::string, const JobRecord*> makers_;  ///< by product path
  std::map<JobKey, std::string> reasons_;
};

}  // namespace

std::map<JobKey, std::string> find_not_current(const NightPlan& plan, const StateSnapshot& state,
                                               const std::vector<Decision>& decisions,
                                               FileView& files) {
  return Search(plan, state, decisions, files).all();
}

std::vector<std::string> not_current_notes(const std::map<JobKey, std::string>& not_current,
                                           const NightSetup& setup, const NightPlan& plan,
                                           const StateSnapshot& state) {
  std::vector<std::string> notes;
  for (const auto& [key, reason] : not_current) {
    const Prospect prospect = prospect_of(plan, key);
    if (prospect == Prospect::planned || !setup.is_asked(key.run)) continue;
    std::vector<std::string> products;
    for (const JobFile& product : state.jobs.at(key).outputs)
      if (std::error_code ignored; fs::exists(product.path, ignored))
        products.push_back(name_of(product.path));
    if (products.empty()) continue;
    const bool one = products.size() == 1;
    const char* const it = one ? "it" : "them";
    const std::string remedy =
        prospect == Prospect::vetoed
            ? fmt::format("the job is vetoed: `alisio unveto` has {} made again", it)
            : fmt::format(
                  "no step of this night makes {} again: switch {} on again (steps.* of "
                  "the configuration), or remove {}",
                  it, key.stage, it);
    notes.push_back(fmt::format("{} of {} {} {} not current and not sealed: {}; {}",
                                fmt::join(products, ", "), key.stage, job_name(key),
                                one ? "is" : "are", reason, remedy));
  }
  return notes;
}

}  // namespace alisio::night
