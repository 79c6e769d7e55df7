#include "lib/night/judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "lib/base/error.hpp"
#include "lib/night/failure.hpp"
#include "lib/night/file_parts.hpp"
#include "lib/stage/description.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

constexpr int attempts_at_most = 3;

const JobFile* find_input(const JobRecord& record, const PortFile& input) {
  const auto found = std::find_if(
      record.inputs.begin(), record.inputs.end(),
      [&](const JobFile& file) { return file.path == input.path && file.port == input.port; });
  return found == record.inputs.end() ? nullptr : &*found;
}

bool is_part_mark(const std::string& hash) {
  return hash.starts_with("part ");
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

/// Return the products that must stand: those that are planned, and those that the stage named.
std::vector<PortFile> products_of(const Case& about) {
  std::vector<PortFile> products = about.job.products;
  const auto& ports = about.job.self_named_ports;
  for (const JobFile& file : about.record->outputs)
    if (std::find(ports.begin(), ports.end(), file.port) != ports.end())
      products.push_back({file.port, file.path});
  return products;
}

/// Return why the recorded products do not stand, or "".
/// @param cleaned gets the name of one that was cleaned and is not needed now
std::string fault_of_products(const Case& about, FileView& files, std::string& cleaned) {
  for (const PortFile& product : products_of(about)) {
    const auto recorded =
        std::find_if(about.record->outputs.begin(), about.record->outputs.end(),
                     [&](const JobFile& file) { return file.path == product.path; });
    if (recorded == about.record->outputs.end())
      return fmt::format(
          "{} was never made in this folder (what was moved here counts as not made)",
          name_of(product.path));
    const std::optional<FileHashes> now = files.hashes(product.path);
    if (!now) {
      if (about.cleaned == nullptr ||
          cleaned_product(*about.cleaned, *recorded, about.record->ended_at) == nullptr)
        return fmt::format("the product {} is gone", name_of(product.path));
      if (!about.wanted_by.empty())
        return fmt::format("{} was cleaned, and {} needs it", name_of(product.path),
                           about.wanted_by);
      cleaned = name_of(product.path);
      continue;
    }
    const bool same = now->sha256 == recorded->hashes.sha256 ||
                      (about.job.shared && now->deciding() == recorded->hashes.deciding());
    if (!same) return fmt::format("the product {} was altered", name_of(product.path));
  }
  return "";
}

/// Return the present hashes of an input. One that was read in part is known by its stamp alone,
/// one that grows by the part that was taken of it.
std::optional<FileHashes> hashes_now(const std::string& path, const JobFile* recorded,
                                     FileView& files) {
  if (recorded != nullptr && names_part(recorded->hashes.data_hash))
    return files.hashes_of_part(path, recorded->hashes.data_hash);
  if (recorded == nullptr) return files.hashes(path);
  if (!is_part_mark(recorded->hashes.sha256)) {
    const std::optional<FileHashes> now = files.hashes(path);
    // The same bytes, whichever way their data were hashed at the time.
    return now && now->sha256 == recorded->hashes.sha256 ? recorded->hashes : now;
  }
  const std::optional<FileStamp> now = files.stamp(path);
  if (!now) return std::nullopt;
  const std::string mark = part_mark(*now);
  return mark == recorded->hashes.sha256 ? recorded->hashes : FileHashes{mark, mark};
}

/// Return the hashes that an input has now; one still to be made is taken for what it was.
std::optional<FileHashes> hashes_of_input(const Case& about, const PortFile& input,
                                          const JobFile* recorded, FileView& files) {
  if (about.coming.contains(input.path))
    return recorded == nullptr ? std::nullopt : std::optional(recorded->hashes);
  return hashes_now(input.path, recorded, files);
}

std::string fact_difference(const Case& about) {
  if (about.record->stage_version != about.facts.version)
    return fmt::format("{} is now version {}, was {}", about.job.key.stage, about.facts.version,
                       about.record->stage_version);
  if (about.record->configuration != about.facts.configuration)
    return configuration_difference(about.record->configuration, about.facts.configuration);
  return "";
}

/// True if a recorded input is one that the job would not be given again.
bool is_one_too_many(const Job& job, const JobFile& input) {
  return std::ranges::count(job.empty_ports, input.port) > 0 ||
         std::ranges::count(job.vetoed_files, input.path) > 0;
}

/// Return what has changed since the job was done, or "": version, configuration, inputs.
std::string change_since(const Case& about, FileView& files, bool& gone) {
  if (std::string changed = fact_difference(about); !changed.empty()) return changed;
  const std::string& stage = about.job.key.stage;
  std::vector<std::pair<std::string, std::string>> identity_inputs;
  std::set<std::string> wanted_paths, wanted_ports;
  std::string difference;
  const auto differs = [&](const std::string& text) {
    if (difference.empty()) difference = text;
  };
  for (const PortFile& input : about.inputs) {
    wanted_paths.insert(input.path);
    wanted_ports.insert(input.port);
    if (!counts_in_identity(stage, input.port)) continue;
    const JobFile* recorded = find_input(*about.record, input);
    const std::optional<FileHashes> now = hashes_of_input(about, input, recorded, files);
    if (now) {
      identity_inputs.emplace_back(input.port, now->deciding());
    } else if (recorded != nullptr) {
      gone = true;
      identity_inputs.emplace_back(input.port, recorded->hashes.deciding());
    }
    if (recorded == nullptr)
      differs(fmt::format("another {}: {}", input.port, name_of(input.path)));
    else if (now && recorded->hashes.deciding() != now->deciding())
      differs(fmt::format("{} changed: {}", input.port, name_of(input.path)));
  }
  for (const JobFile& input : about.record->inputs) {
    if (wanted_paths.contains(input.path) || !counts_in_identity(stage, input.port)) continue;
    if (wanted_ports.contains(input.port) || is_one_too_many(about.job, input)) {
      differs(fmt::format("{} is no longer an input", name_of(input.path)));
      continue;
    }
    // Ports that planning does not fill: the stage found the file by itself, and would again.
    const std::optional<FileHashes> now = present_hashes(input, files);
    if (!now) gone = true;
    const FileHashes& hashes = now ? *now : input.hashes;
    if (hashes.deciding() != input.hashes.deciding())
      differs(fmt::format("{} changed: {}", input.port, name_of(input.path)));
    identity_inputs.emplace_back(input.port, hashes.deciding());
  }
  if (difference.empty()) return "";
  // Other files with the same content change nothing.
  const std::string identity = stage::job_identity(
      stage, about.facts.version, about.facts.configuration, std::move(identity_inputs));
  return identity == about.record->identity ? "" : difference;
}

/// True if it is what unread_mark() gives.
bool is_unread_mark(const std::string& hash) {
  return hash == "absent" || hash.starts_with("unread ");
}

/// True if what is added to an input while the telescope observes cannot make another try end
/// otherwise: to a log, or to a run summary of which no row was taken.
bool only_grows(const JobFile& input) {
  return input.port == "pointing" || input.port == "pointing_correction" ||
         (input.port == "run_summary" && is_unread_mark(input.hashes.sha256));
}

/// True if a failure's message tells of a file.
bool names(const std::string& message, const std::string& path) {
  return message.find(name_of(path)) != std::string::npos;
}

/// True if a try met other inputs than the one before it. What only one of them came to read tells
/// nothing.
bool met_other_inputs(const JobRecord& before, const JobRecord& now) {
  return std::any_of(now.inputs.begin(), now.inputs.end(), [&](const JobFile& file) {
    const JobFile* earlier = find_input(before, {file.port, file.path});
    return earlier != nullptr && (!only_grows(*earlier) || names(before.message, file.path)) &&
           is_unread_mark(earlier->hashes.sha256) == is_unread_mark(file.hashes.sha256) &&
           earlier->hashes.deciding() != file.hashes.deciding();
  });
}

/// True if a job that failed would meet today what it met then.
bool would_meet_the_same(const Case& about, FileView& files) {
  if (!fact_difference(about).empty()) return false;
  for (const PortFile& input : about.inputs) {
    if (about.coming.contains(input.path)) return false;
    const JobFile* recorded = find_input(*about.record, input);
    if (recorded == nullptr) return false;
    if (only_grows(*recorded) && !names(about.record->message, input.path)) continue;
    if (is_unread_mark(recorded->hashes.sha256)) {
      if (unread_mark(files.stamp(input.path)) != recorded->hashes.sha256) return false;
      continue;
    }
    const std::optional<FileHashes> now = hashes_now(input.path, recorded, files);
    if (!now || now->deciding() != recorded->hashes.deciding()) return false;
  }
  return true;
}

/// Compare a job with its record alone.
Step compare(const Case& about, FileView& files) {
  if (about.record == nullptr) {
    const bool stranger =
        !about.job.products.empty() && files.exists(about.job.products.front().path);
    return {StepStatus::to_run,
            stranger ? "a file of that name is there, but no record of its making" : "never done"};
  }
  const JobRecord& record = *about.record;
  if (record.status == JobStatus::interrupted)
    return {StepStatus::to_run, "the last try was interrupted"};
  if (record.status == JobStatus::failed) {
    const bool exhausted =
        classify(record).try_again == TryAgain::never || record.attempts >= attempts_at_most;
    if (!about.retry_failed && about.retry == nullptr && exhausted &&
        would_meet_the_same(about, files))
      return {StepStatus::blocked, fmt::format("failed {} time{}: {}", record.attempts,
                                               record.attempts == 1 ? "" : "s", record.message)};
    return {StepStatus::to_run,
            about.retry == nullptr
                ? "failed before: " + record.message
                : fmt::format("{}; failed before: {}", about.retry->text(), record.message)};
  }
  bool inputs_gone = false;
  std::string cleaned;
  std::string fault = fault_of_products(about, files, cleaned);
  if (fault.empty()) {
    fault = change_since(about, files, inputs_gone);
    // Nobody changes under another's hands what its data were made with.
    if (!fault.empty() && !about.used_by.empty() && about.outdated.empty() &&
        record.configuration != about.facts.configuration)
      throw Error(
          ErrorKind::configuration,
          fmt::format("{}, and production {} uses what was made with the settings of before", fault,
                      about.used_by),
          about.job.products.front().path,
          fmt::format("set them back, give this production its own paths.calibration, or replace "
                      "it for both: alisio reprocess --from {} --redo REASON",
                      about.job.key.stage));
  }
  if (fault.empty()) fault = about.outdated;
  if (!fault.empty()) return {StepStatus::to_run, fault};
  if (!cleaned.empty())
    return {StepStatus::done, fmt::format("as recorded; {} was cleaned", cleaned)};
  return {StepStatus::done, inputs_gone ? "as recorded; its inputs are no longer there"
                                        : "identity and hashes as recorded"};
}

/// Return the words for the files that a job waits for.
std::string words_of_coming(const Case& about) {
  for (const PortFile& input : about.inputs)
    if (about.coming.contains(input.path)) return words_of_port(input.port);
  return "inputs";
}

}  // namespace

std::optional<FileStamp> FileView::stamp(const std::string& path) {
  const auto known = stamps_.find(path);
  if (known != stamps_.end()) return known->second;
  return stamps_[path] = access_.stamp(path);
}

std::optional<FileHashes> FileView::hashes(const std::string& path) {
  std::optional<FileStamp> now = stamp(path);
  if (!now) return std::nullopt;
  const auto known = state_.files.find(path);
  if (known != state_.files.end() && same_stamp(known->second, *now))
    return hashes_of(known->second);
  FileHashes hashes = access_.hash(path);
  // A file that was only touched keeps the data hash that its maker reported.
  if (known != state_.files.end() && hashes.data_hash.empty() &&
      known->second.sha256 == hashes.sha256)
    hashes.data_hash = known->second.data_hash;
  now->path = path;
  now->sha256 = hashes.sha256;
  now->data_hash = hashes.data_hash;
  state_.files[path] = *now;
  rehashed_.push_back(*now);
  return hashes;
}

std::optional<FileHashes> FileView::hashes_of_part(const std::string& path,
                                                   const std::string& part) {
  std::optional<FileHashes> now = hashes(path);
  if (now && access_.part) now->data_hash = access_.part(path, part);
  return now;
}

const char* to_string(StepStatus status) {
  switch (status) {
    case StepStatus::done:
      return "done";
    case StepStatus::to_run:
      return "to run";
    case StepStatus::waiting:
      return "waiting";
    case StepStatus::queued:
      return "queued";
    case StepStatus::running:
      return "running";
    case StepStatus::blocked:
      return "blocked";
    case StepStatus::missing_input:
      return "missing input";
    case StepStatus::vetoed:
      return "vetoed";
    case StepStatus::failed:
      return "failed";
  }
  return "blocked";
}

bool counts_in_identity(const std::string& stage, const std::string& port) {
  for (const stage::PortDescription& known : stage::description(stage).inputs)
    if (known.name == port) return known.in_identity;
  return true;
}

std::optional<FileHashes> present_hashes(const JobFile& recorded, FileView& files) {
  return hashes_now(recorded.path, &recorded, files);
}

std::string name_of(const std::string& path) {
  return fs::path(path).filename().string();
}

std::string words_of_port(const std::string& port) {
  if (port == "dl1_subrun" || port == "dl1b_subrun") return "DL1";
  std::string words = port;
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

std::string unread_mark(const std::optional<FileStamp>& stamp) {
  if (!stamp) return "absent";
  return fmt::format("unread {} {} {}", stamp->size, stamp->mtime_ns, stamp->inode);
}

std::string part_mark(const FileStamp& stamp) {
  return fmt::format("part {} {} {}", stamp.size, stamp.mtime_ns, stamp.inode);
}

void note_unread_inputs(JobRecord& record, const std::vector<PortFile>& inputs) {
  for (const PortFile& input : inputs)
    if (find_input(record, input) == nullptr)
      record.inputs.push_back(
          {input.port, input.path, {unread_mark(stamp_of(input.path)), std::string()}});
}

int tries_in_a_row(const JobRecord* before, const JobRecord& now, const Decision* redo) {
  const bool goes_on =
      before != nullptr && before->status == JobStatus::failed &&
      before->stage_version == now.stage_version && before->configuration == now.configuration &&
      (redo == nullptr || before->ended_at > redo->at) && !met_other_inputs(*before, now);
  return goes_on ? before->attempts + 1 : 1;
}

Step judge(const Case& about, FileView& files) {
  Step step = compare(about, files);
  if (!about.lost.empty()) {
    const std::string words = words_of_port(about.lost_port);
    if (step.status == StepStatus::done)
      return {StepStatus::done, fmt::format("as recorded; its {} cannot be made again", words)};
    return {StepStatus::blocked, fmt::format("its {} is not there: {}", words, about.lost)};
  }
  if (step.status == StepStatus::done && !about.coming.empty())
    return {StepStatus::waiting,
            fmt::format("made again if the data of {} change", words_of_coming(about))};
  if (step.status != StepStatus::to_run) return step;
  if (!about.job.obstacle.empty())
    return {about.job.files_missing ? StepStatus::missing_input : StepStatus::blocked,
            about.job.obstacle};
  if (!about.job.too_early.empty()) return {StepStatus::waiting, about.job.too_early};
  for (const PortFile& input : about.inputs)
    if (!about.coming.contains(input.path) && !files.exists(input.path))
      return {StepStatus::missing_input,
              fmt::format("{} {} does not exist", input.port, input.path)};
  return step;
}

}  // namespace alisio::night
