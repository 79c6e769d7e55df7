#include "lib/night/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "lib/stage/description.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

std::string name_of(const std::string& path) {
  return fs::path(path).filename().string();
}

/// Looks at files through the snapshot: unread while their stamp is as recorded.
class Files {
 public:
  Files(StateSnapshot& state, const FileAccess& access, std::vector<FileRecord>& rehashed)
      : state_(state), access_(access), rehashed_(rehashed) {}

  [[nodiscard]] bool exists(const std::string& path) const {
    return access_.stamp(path).has_value();
  }

  /// Pretend that a file exists with these hashes.
  void assume(const std::string& path, const FileHashes& hashes) { assumed_[path] = hashes; }

  /// Return the present hashes, or nothing if the file does not exist.
  [[nodiscard]] std::optional<FileHashes> hashes(const std::string& path) {
    if (const auto assumed = assumed_.find(path); assumed != assumed_.end()) return assumed->second;
    const std::optional<FileStamp> stamp = access_.stamp(path);
    if (!stamp) return std::nullopt;
    const auto known = state_.files.find(path);
    if (known != state_.files.end() && known->second.stamp == *stamp) return known->second.hashes;
    FileHashes hashes = access_.hash(path);
    // A file that was only touched keeps the data hash that its maker reported.
    if (known != state_.files.end() && hashes.data_hash.empty() &&
        known->second.hashes.sha256 == hashes.sha256)
      hashes.data_hash = known->second.hashes.data_hash;
    const FileRecord record{path, *stamp, hashes};
    state_.files[path] = record;
    rehashed_.push_back(record);
    return hashes;
  }

 private:
  StateSnapshot& state_;
  const FileAccess& access_;
  std::vector<FileRecord>& rehashed_;
  std::map<std::string, FileHashes> assumed_;
};

/// One stage of one subrun, as it is wanted now.
struct Wanted {
  std::string stage;
  const StageFacts* facts;
  std::vector<PortFile> inputs;
  std::string product;
};

bool counts_in_identity(const std::string& stage, const std::string& port) {
  for (const stage::PortDescription& known : stage::description(stage).inputs)
    if (known.name == port) return known.in_identity;
  return true;
}

std::string configuration_difference(const std::string& before, const std::string& now) {
  if (before.empty()) return "the configuration of the last time is not known";
  const nlohmann::json old_flat = nlohmann::json::parse(before).flatten();
  const nlohmann::json new_flat = nlohmann::json::parse(now).flatten();
  for (const auto& [key, value] : new_flat.items()) {
    const auto old = old_flat.find(key);
    if (old != old_flat.end() && *old == value) continue;
    std::string dotted = key.substr(1);
    std::replace(dotted.begin(), dotted.end(), '/', '.');
    return fmt::format("configuration changed: {} is now {}{}", dotted, value.dump(),
                       old == old_flat.end() ? "" : ", was " + old->dump());
  }
  return "configuration changed";
}

/// Return why the recorded outputs do not stand, or "".
std::string fault_of_outputs(const JobRecord& job, const std::string& product, Files& files) {
  bool recorded = false;
  for (const JobFile& output : job.outputs) {
    recorded = recorded || output.path == product;
    const std::optional<FileHashes> now = files.hashes(output.path);
    if (!now) return fmt::format("the product {} is gone", name_of(output.path));
    if (now->sha256 != output.hashes.sha256)
      return fmt::format("the product {} was altered", name_of(output.path));
  }
  return recorded ? "" : fmt::format("{} was never made in this folder", name_of(product));
}

/// Return what has changed since the job was recorded, or "": version, configuration, inputs.
std::string change_since(const JobRecord& job, const Wanted& wanted, Files& files, bool& gone) {
  if (job.stage_version != wanted.facts->version)
    return fmt::format("{} is now version {}, was {}", wanted.stage, wanted.facts->version,
                       job.stage_version);
  if (job.configuration != wanted.facts->configuration)
    return configuration_difference(job.configuration, wanted.facts->configuration);

  std::vector<std::pair<std::string, std::string>> identity_inputs;
  std::set<std::string> wanted_paths;
  std::string difference;
  for (const PortFile& input : wanted.inputs) {
    wanted_paths.insert(input.path);
    if (!counts_in_identity(wanted.stage, input.port)) continue;
    const auto recorded = std::find_if(
        job.inputs.begin(), job.inputs.end(),
        [&](const JobFile& file) { return file.path == input.path && file.port == input.port; });
    const std::optional<FileHashes> now = files.hashes(input.path);
    if (!now) {
      gone = true;
      if (recorded != job.inputs.end())
        identity_inputs.emplace_back(input.port, recorded->hashes.deciding());
      continue;
    }
    identity_inputs.emplace_back(input.port, now->deciding());
    if (!difference.empty()) continue;
    if (recorded == job.inputs.end())
      difference = fmt::format("another {}: {}", input.port, name_of(input.path));
    else if (recorded->hashes.deciding() != now->deciding())
      difference = fmt::format("{} changed: {}", input.port, name_of(input.path));
  }
  std::set<std::string> wanted_ports;
  for (const PortFile& input : wanted.inputs) wanted_ports.insert(input.port);
  for (const JobFile& input : job.inputs) {
    if (wanted_paths.contains(input.path) || !counts_in_identity(wanted.stage, input.port))
      continue;
    if (wanted_ports.contains(input.port)) {
      if (difference.empty())
        difference = fmt::format("{} is no longer an input", name_of(input.path));
      continue;
    }
    // Ports that planning does not fill: the stage found the file by itself, and would again.
    const std::optional<FileHashes> now = files.hashes(input.path);
    if (!now) gone = true;
    const FileHashes& hashes = now ? *now : input.hashes;
    if (difference.empty() && hashes.deciding() != input.hashes.deciding())
      difference = fmt::format("{} changed: {}", input.port, name_of(input.path));
    identity_inputs.emplace_back(input.port, hashes.deciding());
  }
  const std::string identity = stage::job_identity(
      wanted.stage, wanted.facts->version, wanted.facts->configuration, std::move(identity_inputs));
  if (identity == job.identity) return "";
  return difference.empty() ? "its identity is not the recorded one" : difference;
}

/// Errors that another try of the same job cannot mend.
bool failed_for_good(const JobRecord& job) {
  return job.exit_code == 2 || job.exit_code == 3 || job.exit_code == 5;
}

Step judge(const Wanted& wanted, const JobRecord* job, bool retry_failed, Files& files) {
  if (job == nullptr)
    return {StepStatus::to_run, files.exists(wanted.product)
                                    ? "a file of that name is there, but no record of its making"
                                    : "never done"};
  if (job->status == JobStatus::interrupted)
    return {StepStatus::to_run, "the last try was interrupted"};
  bool inputs_gone = false;
  if (job->status == JobStatus::failed) {
    const bool exhausted = failed_for_good(*job) || job->attempts >= 3;
    const bool same = job->identity.empty()
                          ? job->stage_version == wanted.facts->version &&
                                job->configuration == wanted.facts->configuration
                          : change_since(*job, wanted, files, inputs_gone).empty();
    if (!retry_failed && exhausted && same)
      return {StepStatus::blocked, fmt::format("failed {} time{}: {}", job->attempts,
                                               job->attempts == 1 ? "" : "s", job->message)};
    return {StepStatus::to_run, "failed before: " + job->message};
  }
  std::string fault = fault_of_outputs(*job, wanted.product, files);
  if (fault.empty()) fault = change_since(*job, wanted, files, inputs_gone);
  if (!fault.empty()) return {StepStatus::to_run, fault};
  return {StepStatus::done, inputs_gone ? "as recorded; its inputs are no longer there"
                                        : "identity and hashes as recorded"};
}

/// Turn a step that should run into one that cannot, if something stands in its way.
void meet_obstacles(Step& step, const std::string& obstacle, bool missing,
                    const std::vector<PortFile>& inputs, const Files& files) {
  if (step.status != StepStatus::to_run) return;
  if (!obstacle.empty()) {
    step = {missing ? StepStatus::missing_input : StepStatus::blocked, obstacle};
    return;
  }
  for (const PortFile& input : inputs)
    if (!files.exists(input.path)) {
      step = {StepStatus::missing_input,
              fmt::format("{} {} does not exist", input.port, input.path)};
      return;
    }
}

const JobRecord* find(const StateSnapshot& state, const JobKey& key) {
  const auto found = state.jobs.find(key);
  return found == state.jobs.end() ? nullptr : &found->second;
}

}  // namespace

const char* to_string(StepStatus status) {
  switch (status) {
    case StepStatus::done:
      return "done";
    case StepStatus::to_run:
      return "to run";
    case StepStatus::waiting:
      return "waiting";
    case StepStatus::blocked:
      return "blocked";
    case StepStatus::missing_input:
      return "missing input";
    case StepStatus::not_wanted:
      return "not wanted";
  }
  return "blocked";
}

SubrunPlan plan_subrun(const SubrunTask& task, StateSnapshot& state, const PlanSettings& settings,
                       const FileAccess& access, std::vector<FileRecord>& rehashed) {
  Files files(state, access, rehashed);
  SubrunPlan plan;
  plan.task = &task;

  const JobRecord* dl1_job = find(state, {"r0_to_dl1", task.run, task.subrun});
  plan.dl1 = judge({"r0_to_dl1", &settings.r0_to_dl1, task.dl1_inputs, task.dl1_file}, dl1_job,
                   settings.retry_failed, files);
  meet_obstacles(plan.dl1, task.dl1_obstacle, task.missing_raw, task.dl1_inputs, files);

  if (!settings.dl2) {
    plan.dl2 = {StepStatus::not_wanted, "switched off"};
    return plan;
  }
  const JobRecord* dl2_job = find(state, {"dl1_to_dl2", task.run, task.subrun});
  std::vector<PortFile> inputs = task.dl2_inputs;
  if (plan.dl1.status == StepStatus::done) {
    inputs.push_back({"dl1_subrun", task.dl1_file});
    plan.dl2 = judge({"dl1_to_dl2", &settings.dl1_to_dl2, inputs, task.dl2_file}, dl2_job,
                     settings.retry_failed, files);
    meet_obstacles(plan.dl2, task.dl2_obstacle, false, inputs, files);
    return plan;
  }

  // DL1 is not current. Is DL2 sound as it stands, compared with the DL1 that it was made from?
  // Then only the data hash of the coming DL1 can tell whether it must be made again.
  if (dl2_job != nullptr && dl2_job->status == JobStatus::done &&
      fault_of_outputs(*dl2_job, task.dl2_file, files).empty()) {
    Files as_it_was(state, access, rehashed);
    for (const JobFile& input : dl2_job->inputs)
      if (input.port == "dl1_subrun") as_it_was.assume(task.dl1_file, input.hashes);
    inputs.push_back({"dl1_subrun", task.dl1_file});
    bool gone = false;
    if (change_since(*dl2_job, {"dl1_to_dl2", &settings.dl1_to_dl2, inputs, task.dl2_file},
                     as_it_was, gone)
            .empty()) {
      const bool coming = plan.dl1.status == StepStatus::to_run;
      plan.dl2 = coming ? Step{StepStatus::waiting, "made again if the data of DL1 change"}
                        : Step{StepStatus::done, "as recorded; its DL1 cannot be made again"};
      return plan;
    }
  }
  if (plan.dl1.status != StepStatus::to_run) {
    plan.dl2 = {StepStatus::blocked, "its DL1 file is not there: " + plan.dl1.reason};
    return plan;
  }
  plan.dl2 = judge({"dl1_to_dl2", &settings.dl1_to_dl2, task.dl2_inputs, task.dl2_file}, dl2_job,
                   settings.retry_failed, files);
  if (plan.dl2.status == StepStatus::done) plan.dl2 = {StepStatus::to_run, "its DL1 is made again"};
  meet_obstacles(plan.dl2, task.dl2_obstacle, false, task.dl2_inputs, files);
  return plan;
}

}  // namespace alisio::night
