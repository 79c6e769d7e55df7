#include "lib/stage/runner.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <optional>
#include <string_view>

#include "lib/base/error.hpp"
#include "lib/base/interruption.hpp"
#include "lib/base/json_text.hpp"
#include "lib/base/log.hpp"
#include "lib/stage/description.hpp"

namespace alisio::stage {
namespace fs = std::filesystem;
namespace {

// Below this a file is hashed at once: handing it to another thread would cost more.
constexpr std::uint64_t background_bytes = 1 << 20;

const PortDescription& find_port(const std::vector<PortDescription>& ports,
                                 const std::string& stage, const std::string& port) {
  for (const PortDescription& candidate : ports)
    if (candidate.name == port) return candidate;
  throw Error(ErrorKind::bug, "stage " + stage + " has no port '" + port + "'");
}

FileNote note_of(const std::string& port, const FileStamp& stamp) {
  FileNote note;
  note.port = port;
  note.path = stamp.path;
  note.size_bytes = stamp.size;
  note.sha256 = stamp.sha256;
  note.data_hash = stamp.data_hash;
  return note;
}

/// What a report begins with, behind its brace.
constexpr std::string_view report_key = "\"activities\"";

/// Parts of `--timings` that several functions here have a share in.
constexpr std::string_view recording = "record provenance", publishing = "sync and publish";

double cpu_seconds(const rusage& usage) {
  const auto seconds = [](const timeval& t) { return double(t.tv_sec) + 1e-6 * double(t.tv_usec); };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

rusage usage_now() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage;
}

/// The hash kind follows the file's name, which the temporary name hides.
FileStamp hash_pending(const PendingFile& file) {
  return hash_stamp_as(file.path(), file.target());
}

}  // namespace

StageRun::StageRun(ActivityNote activity, StageObserver& observer, const KnownHashes& known)
    : activity_(std::move(activity)),
      observer_(observer),
      known_(known),
      cut_to_(activity_.max_events) {
  activity_.stage_version = description(activity_.stage).version;
  if (activity_.activity_id.empty()) activity_.activity_id = new_uuid7();
  const TimedPart timed(&timings_, recording);
  observer_.started(activity_);
  hasher_ = std::jthread([this](const std::stop_token& stop) { hash_queued(stop); });
}

StageRun::~StageRun() = default;

void StageRun::hash_queued(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !to_hash_.empty(); })) {
    Input* input = to_hash_.front();
    to_hash_.pop_front();
    lock.unlock();
    try {
      const TimedPart timed(&timings_, "hash inputs");
      input->stamp = hash_stamp(input->stamp.path);
    } catch (...) {
      input->error = std::current_exception();
    }
    lock.lock();
    --hashing_;
    changed_.notify_all();
  }
}

void StageRun::annotate(const std::string& port, const std::string& attribute,
                        const std::string& value) {
  find_port(description(activity_.stage).inputs, activity_.stage, port);
  annotations_[port][attribute] = value;
}

void StageRun::use(const std::string& port, const fs::path& path,
                   std::map<std::string, std::string> attributes) {
  throw_if_interrupted();
  find_port(description(activity_.stage).inputs, activity_.stage, port);
  if (inputs_announced_)
    throw Error(ErrorKind::bug, "port '" + port + "' used after the inputs were announced");
  if (const auto note = annotations_.find(port); note != annotations_.end())
    attributes.insert(note->second.begin(), note->second.end());
  Input input{.port = port,
              .stamp = {},
              .planned = false,
              .attributes = std::move(attributes),
              .error = nullptr};
  std::error_code ignored;
  if (activity_.dry_run && !fs::exists(path, ignored)) {
    input.stamp.path = fs::absolute(path).lexically_normal().string();
    input.planned = true;
  } else if (auto known = known_.find(path)) {
    input.stamp = std::move(*known);
  } else {
    input.stamp = stat_stamp(path);
    const bool raw_data = port == "r0_subrun";
    if (!raw_data && input.stamp.size < background_bytes) {
      const TimedPart timed(&timings_, "hash inputs");
      input.stamp = hash_stamp(path);
    } else if (!(raw_data && activity_.dry_run)) {
      inputs_.push_back(std::move(input));
      const std::scoped_lock lock(mutex_);
      to_hash_.push_back(&inputs_.back());
      ++hashing_;
      changed_.notify_all();
      return;
    }
  }
  inputs_.push_back(std::move(input));
}

void StageRun::use_part(const std::string& port, const fs::path& path, std::string part_hash,
                        std::map<std::string, std::string> attributes) {
  find_port(description(activity_.stage).inputs, activity_.stage, port);
  if (inputs_announced_)
    throw Error(ErrorKind::bug, "port '" + port + "' used after the inputs were announced");
  if (const auto note = annotations_.find(port); note != annotations_.end())
    attributes.insert(note->second.begin(), note->second.end());
  Input input{.port = port,
              .stamp = stat_stamp(path),
              .planned = false,
              .attributes = std::move(attributes),
              .error = nullptr};
  input.stamp.data_hash = std::move(part_hash);
  inputs_.push_back(std::move(input));
}

void StageRun::inherit_cut(std::int64_t max_events) {
  cut_to_ = cut_to_ == 0 ? max_events : std::min(cut_to_, max_events);
}

void StageRun::depend_on(const std::string& what, const std::string& hash) {
  if (inputs_announced_)
    throw Error(ErrorKind::bug, "'" + what + "' added after the inputs were announced");
  further_identity_.emplace_back(what, hash);
}

const std::vector<FileNote>& StageRun::used() {
  if (inputs_announced_) return used_;
  {
    const TimedPart timed(&timings_, "wait for hashes");
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return hashing_ == 0; });
  }
  inputs_announced_ = true;
  const TimedPart timed(&timings_, recording);
  const StageDescription& stage = description(activity_.stage);
  std::vector<std::pair<std::string, std::string>> identity_inputs = further_identity_;
  std::exception_ptr first_error;
  for (const Input& input : inputs_) {
    if (input.error) {
      if (!first_error) first_error = input.error;
      continue;
    }
    FileNote note = note_of(input.port, input.stamp);
    note.planned = input.planned;
    note.attributes = input.attributes;
    observer_.used(activity_, note);
    used_.push_back(std::move(note));
    if (!find_port(stage.inputs, stage.name, input.port).in_identity) continue;
    const auto part = input.attributes.find("part");
    const std::string& whole =
        input.stamp.data_hash.empty() ? input.stamp.sha256 : input.stamp.data_hash;
    identity_inputs.emplace_back(input.port, part == input.attributes.end() ? whole : part->second);
  }
  if (first_error) std::rethrow_exception(first_error);
  activity_.identity = job_identity(stage.name, stage.version, activity_.configuration_json,
                                    std::move(identity_inputs));
  return used_;
}

StageRun::Product& StageRun::add_product(const std::string& port) {
  const PortDescription& description_of_port =
      find_port(description(activity_.stage).outputs, activity_.stage, port);
  const auto same_port = [&](const Product& product) { return product.port == port; };
  if (!description_of_port.many && std::any_of(products_.begin(), products_.end(), same_port))
    throw Error(ErrorKind::bug, "port '" + port + "' takes one product");
  products_.emplace_back().port = port;
  return products_.back();
}

PendingFile& StageRun::create(const std::string& port, const fs::path& target) {
  throw_if_interrupted();
  std::error_code unreadable;
  if (cut_to_ > 0 && !activity_.overwrite && fs::exists(target, unreadable))
    throw Error(
        ErrorKind::usage,
        fmt::format("is there already, and would be replaced by one of at most {} events", cut_to_),
        target.string(), "choose another --output-dir, or give --overwrite");
  if (may_replace_ && fs::exists(target, unreadable)) may_replace_(target);
  Product& product = add_product(port);
  product.file = std::make_unique<PendingFile>(fs::absolute(target).lexically_normal());
  return *product.file;
}

ProductMetadata StageRun::metadata(const std::string& port) {
  const std::vector<FileNote>& inputs = used();
  const TimedPart timed(&timings_, recording);
  ProductMetadata metadata = observer_.describe_product(activity_, port, inputs);
  if (cut_to_ > 0) metadata.attributes.emplace_back(max_events_attribute, std::to_string(cut_to_));
  return metadata;
}

StageRun::Product& StageRun::pending_product(const std::string& port, bool hashed_ahead) {
  const auto found = std::find_if(products_.begin(), products_.end(), [&](const Product& p) {
    return p.port == port && p.file != nullptr && p.stamp.path.empty() &&
           (hashed_ahead || !p.ahead.valid());
  });
  if (found == products_.end())
    throw Error(ErrorKind::bug, "port '" + port + "' has nothing to publish");
  return *found;
}

void StageRun::hash_ahead(const std::string& port) {
  Product& product = pending_product(port, false);
  product.ahead = std::async(std::launch::async, [file = product.file.get()] {
    auto syncing = std::async(std::launch::async, [file] { file->sync(); });
    FileStamp stamp = hash_pending(*file);
    syncing.get();
    return stamp;
  });
}

FileStamp StageRun::publish(const std::string& port,
                            std::map<std::string, std::string> attributes) {
  used();
  throw_if_interrupted();
  Product& product = pending_product(port, true);
  std::optional<TimedPart> timed;
  timed.emplace(&timings_, "hash products");
  FileStamp stamp = product.ahead.valid() ? product.ahead.get() : hash_pending(*product.file);
  timed.emplace(&timings_, publishing);
  product.file->sync();
  timed.emplace(&timings_, recording);
  FileNote note = note_of(port, stamp);
  note.path = product.file->target();
  note.content_path = product.file->path();
  if (const auto said = attributes.find("quality"); said != attributes.end())
    product.quality = said->second;
  note.attributes = std::move(attributes);
  observer_.generated(activity_, note);
  timed.emplace(&timings_, publishing);
  product.file->publish();
  stamp.path = product.file->target().string();
  product.stamp = stamp;
  return stamp;
}

void StageRun::plan_product(const std::string& port, const fs::path& target) {
  used();
  Product& product = add_product(port);
  product.stamp.path = fs::absolute(target).lexically_normal().string();
  FileNote note = note_of(port, product.stamp);
  note.planned = true;
  const TimedPart timed(&timings_, recording);
  observer_.generated(activity_, note);
}

void StageRun::finish(OutcomeNote outcome) {
  const TimedPart timed(&timings_, recording);
  observer_.finished(activity_, outcome);
}

nlohmann::ordered_json StageRun::report(const OutcomeNote& outcome) const {
  nlohmann::ordered_json inputs = nlohmann::ordered_json::array();
  for (const Input& input : inputs_) {
    nlohmann::ordered_json item{{"port", input.port}};
    item.update(to_json(input.stamp));
    if (const auto part = input.attributes.find("part"); part != input.attributes.end())
      item["part"] = part->second;
    inputs.push_back(std::move(item));
  }
  nlohmann::ordered_json outputs = nlohmann::ordered_json::array();
  for (const Product& product : products_) {
    if (product.stamp.path.empty()) continue;
    nlohmann::ordered_json item{{"port", product.port}};
    item.update(to_json(product.stamp));
    if (!product.quality.empty()) item["quality"] = product.quality;
    outputs.push_back(std::move(item));
  }
  nlohmann::ordered_json timings = nlohmann::ordered_json::array();
  for (const Timings::Part& part : timings_.parts())
    timings.push_back({{"part", part.name}, {"calls", part.calls}, {"seconds", part.seconds}});
  return {{"stage", activity_.stage},
          {"stage_version", activity_.stage_version},
          {"activity_id", activity_.activity_id},
          {"identity", activity_.identity},
          {"status", outcome.ok ? "done" : "failed"},
          {"exit_code", outcome.exit_code},
          {"message", outcome.message},
          {"inputs", std::move(inputs)},
          {"outputs", std::move(outputs)},
          {"events", outcome.events},
          {"wall_s", outcome.wall_s},
          {"cpu_s", outcome.cpu_s},
          {"max_rss_bytes", outcome.max_rss_bytes},
          {"timings", std::move(timings)}};
}

StageResult run_stage(ActivityNote activity, StageObserver& observer, const KnownHashes& known,
                      const std::function<std::int64_t(StageRun&)>& body) {
  const auto start = std::chrono::steady_clock::now();
  const double cpu_start = cpu_seconds(usage_now());
  StageRun run(std::move(activity), observer, known);
  OutcomeNote outcome;
  StageResult result;
  const auto note_failure = [&] {
    const Error error = current_error();
    result.error = std::make_exception_ptr(error);
    outcome.ok = false;
    outcome.exit_code = exit_code(error.kind());
    outcome.message = error.what();
  };
  try {
    outcome.events = body(run);
    run.used();
    outcome.ok = true;
  } catch (...) {
    note_failure();
    try {
      run.used();  // which inputs a failed activity had is part of its record
    } catch (const std::exception& further) {
      // An input that cannot be hashed is the failure itself or its consequence.
      spdlog::debug("{}: {}", run.activity().stage, further.what());
    }
  }
  const rusage usage = usage_now();
  outcome.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  outcome.cpu_s = cpu_seconds(usage) - cpu_start;
  outcome.max_rss_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  for (const StageRun::Input& input : run.inputs_) outcome.read_bytes += input.stamp.size;
  for (const StageRun::Product& product : run.products_)
    outcome.written_bytes += product.stamp.size;
  try {
    run.finish(outcome);
  } catch (...) {
    // The first failure counts.
    if (outcome.ok)
      note_failure();
    else
      spdlog::warn("the end of {} is not recorded: {}", run.activity().stage,
                   current_error().what());
  }
  result.report = run.report(outcome);
  result.timings = run.timings_.parts();
  return result;
}

void refuse_no_report(const fs::path& file) {
  std::error_code absent;
  if (!fs::is_regular_file(file, absent) || fs::file_size(file, absent) == 0) return;
  std::ifstream in(file, std::ios::binary);
  char brace = 0;
  std::string key(report_key.size(), ' ');
  in >> brace >> std::ws;
  in.read(key.data(), static_cast<std::streamsize>(key.size()));
  if (in && brace == '{' && key == report_key) return;
  throw Error(ErrorKind::usage, "is no report of a job, and would be replaced by one",
              file.string(), "name another file with --report, or move this one away");
}

void write_report(const fs::path& file, const std::vector<nlohmann::ordered_json>& activities) {
  for (const nlohmann::ordered_json& activity : activities)
    for (const char* side : {"inputs", "outputs"})
      for (const nlohmann::ordered_json& one : activity.at(side)) {
        std::error_code absent;
        const fs::path named = one.at("path").get<std::string>();
        if (fs::equivalent(named, file, absent))
          throw Error(ErrorKind::usage,
                      fmt::format("is one of the job's {}: its report is not written", side),
                      file.string(), "name another file with --report");
      }
  nlohmann::ordered_json report{{"activities", activities}};
  write_file_atomically(file, json_text(report, 1) + '\n');
}

}  // namespace alisio::stage
