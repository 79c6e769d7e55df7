#include "lib/night/rebuild.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>
#include <utility>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"
#include "lib/night/decision_journal.hpp"
#include "lib/night/judge.hpp"
#include "lib/night/report.hpp"
#include "lib/night/seal.hpp"
#include "lib/stage/description.hpp"
#include "prov/invalidation.hpp"
#include "prov/records.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {

constexpr int log_tail_lines = 10;

/// A file as a journal names it.
struct Entity {
  std::string path, sha256, data_hash, recorded_at;
  std::uint64_t size = 0;
};

struct Activity {
  JobRecord job;
  NightKey night;
  std::string session, started_at, author, reason;
  bool ended = false, planned = false;
};

/// Activities that are no jobs of a night.
bool is_job(const std::string& stage) {
  static const std::set<std::string> others{"close_night", "reopen_night", "irf", "long_term"};
  return !others.contains(stage);
}

bool makes_constants(const std::string& stage) {
  return std::any_of(constants_kinds.begin(), constants_kinds.end(),
                     [&](ConstantsKind kind) { return facts_of(kind).stage == stage; });
}

int number_after_dash(const std::string& telescope) {
  const auto dash = telescope.find('-');
  return dash == std::string::npos ? 1 : std::atoi(telescope.c_str() + dash + 1);
}

std::string text_of(const json& record, const char* key) {
  const auto found = record.find(key);
  return found != record.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// Return a number that is written as a text, 0 if there is none.
int number_of(const json& record, const char* key) {
  return std::atoi(text_of(record, key).c_str());
}

/// Return whether a file was not modified after an instant, and the file system's clock can be
/// trusted to say so.
bool older_than(const FileStamp& stamp, const std::string& instant) {
  const double modified_s = static_cast<double>(stamp.mtime_ns) * 1e-9;
  return prov::iso_time(modified_s) <= instant;
}

/// Reads the records of journals, in order of time.
class Reader {
 public:
  explicit Reader(const RebuildRequest& request) : request_(request) {}

  void read() {
    const prov::Journals journals = prov::read_journals(request_.journals, request_.logger);
    for (const prov::Line& line : journals.lines) take(line.record, std::string(line.time));
    invalidations_ = prov::standing_invalidations(prov::told_in(journals));
    find_files_of_sessions();
  }

  [[nodiscard]] std::vector<RebuiltNight> nights() {
    std::map<std::string, RebuiltNight> by_production;
    for (const std::string& id : order_) {
      const Activity& activity = activities_.at(id);
      if (activity.planned || !is_wanted(activity.night)) continue;
      RebuiltNight& night = by_production[activity.night.prod_id];
      night.key = activity.night;
      if (is_job(activity.job.key.stage)) add(activity, night);
      if (activity.job.key.stage == "reopen_night" && activity.ended)
        reopenings_[activity.night.prod_id].push_back(activity);
    }
    for (const auto& [key, decision] : decisions_) {
      if (!is_wanted(key)) continue;
      RebuiltNight& night = by_production[key.prod_id];
      night.key = key;
      add_decision(night.decisions, decision);
    }
    std::vector<RebuiltNight> nights;
    for (auto& [prod_id, night] : by_production) {
      for (JobRecord& job : night.jobs) complete(job);
      find_cleaned(night);
      check_files(night);
      read_closings(night);
      nights.push_back(std::move(night));
    }
    return nights;
  }

 private:
  [[nodiscard]] bool is_wanted(const NightKey& night) const {
    return night.telescope == request_.telescope && night.date == request_.date &&
           !night.prod_id.empty() &&
           (request_.prod_id.empty() || night.prod_id == request_.prod_id);
  }

  void take(const json& record, const std::string& time) {
    if (!record.is_object()) return;
    if (auto decided = parse_decision(record)) {
      decisions_.push_back(std::move(*decided));
      return;
    }
    if (const std::string entity = text_of(record, "entity_id"); !entity.empty()) {
      take_entity(entity, record, time);
      return;
    }
    const std::string id = text_of(record, "activity_id");
    if (id.empty()) return;
    if (record.contains("name")) {
      take_start(id, record);
    } else if (const auto known = activities_.find(id); known != activities_.end()) {
      if (record.contains("endTime")) take_end(known->second, record);
      if (record.contains("parameters")) take_parameters(known->second, record["parameters"]);
      if (record.contains("used_id")) take_flow(known->second, record, "used_id", false);
      if (record.contains("generated_id")) take_flow(known->second, record, "generated_id", true);
    }
  }

  void take_entity(const std::string& id, const json& record, const std::string& time) {
    if (text_of(record, "type") == "Configuration") {
      configurations_[id] = text_of(record, "value");
      return;
    }
    if (!record.contains("filepath")) return;
    ids_[{text_of(record, "filepath"), text_of(record, "sha256")}] = id;
    entities_[id] = {.path = text_of(record, "filepath"),
                     .sha256 = text_of(record, "sha256"),
                     .data_hash = text_of(record, "data_hash"),
                     .recorded_at = time,
                     .size = record.value("size_bytes", std::uint64_t{0})};
  }

  void take_start(const std::string& id, const json& record) {
    const auto date = NightDate::try_parse(text_of(record, "observation_date"));
    if (!date || activities_.contains(id)) return;
    Activity activity;
    activity.night = {number_after_dash(text_of(record, "telescope")), *date,
                      text_of(record, "prod_id")};
    activity.job.key = {text_of(record, "name"), number_of(record, "observation_run"), whole_run};
    // Constants name a subrun, but are made of the run.
    if (record.contains("observation_subrun") && !makes_constants(activity.job.key.stage))
      activity.job.key.subrun = number_of(record, "observation_subrun");
    activity.job.activity_id = id;
    activity.job.stage_version = record.value("stage_version", 0);
    activity.job.identity = text_of(record, "signature");
    activity.session = text_of(record, "in_session");
    activity.started_at = text_of(record, "startTime");
    activity.planned = text_of(record, "status") == "planned";
    activities_.emplace(id, std::move(activity));
    order_.push_back(id);
  }

  static void take_end(Activity& activity, const json& record) {
    JobRecord& job = activity.job;
    activity.ended = true;
    job.ended_at = text_of(record, "endTime");
    const std::string status = text_of(record, "status");
    job.exit_code = record.value("exit_code", 0);
    job.status = status == "completed" ? JobStatus::done : JobStatus::failed;
    // A job that was told to stop has not failed.
    if (job.exit_code == exit_code(ErrorKind::interrupted)) job.status = JobStatus::interrupted;
    job.message = text_of(record, "message");
    if (const std::string identity = text_of(record, "signature"); !identity.empty())
      job.identity = identity;
    job.events = record.value("events", std::int64_t{0});
    if (const auto used = record.find("resources"); used != record.end()) {
      job.wall_s = used->value("wall_s", 0.0);
      job.cpu_s = used->value("cpu_s", 0.0);
      job.max_rss_bytes = used->value("max_rss_bytes", std::uint64_t{0});
    }
  }

  static void take_parameters(Activity& activity, const json& parameters) {
    activity.author = text_of(parameters, "Author");
    activity.reason = text_of(parameters, "Reason");
  }

  void take_flow(Activity& activity, const json& record, const char* which, bool generated) {
    const std::string id = text_of(record, which);
    if (const auto found = configurations_.find(id); found != configurations_.end() && !generated)
      activity.job.configuration = found->second;
    const auto entity = entities_.find(id);
    if (entity == entities_.end()) return;
    const Entity& file = entity->second;
    latest_[file.path] = file;
    JobFile noted{text_of(record, "port"),
                  file.path,
                  {file.sha256, file.data_hash},
                  text_of(record, "quality")};
    if (file.sha256.empty()) noted.hashes.sha256 = mark_of_part(file);
    if (std::string part = text_of(record, "part"); !part.empty())
      noted.hashes.data_hash = std::move(part);
    (generated ? activity.job.outputs : activity.job.inputs).push_back(std::move(noted));
  }

  /// A file that was read in part is known by its stamp, which no journal holds: it is taken as it
  /// is if it was not modified since.
  static std::string mark_of_part(const Entity& file) {
    const std::optional<FileStamp> stamp = stamp_of(file.path);
    return stamp && older_than(*stamp, file.recorded_at) ? part_mark(*stamp) : "part unknown";
  }

  /// The journal of a session carries its id.
  void find_files_of_sessions() {
    const auto note = [&](const fs::path& file) {
      const std::string stem = file.stem().string();
      constexpr std::size_t uuid_length = 36;
      if (stem.size() > uuid_length)
        journals_[stem.substr(stem.size() - uuid_length)] = file.string();
    };
    for (const fs::path& source : request_.journals) {
      std::error_code absent;
      if (!fs::is_directory(source)) note(source);
      for (fs::recursive_directory_iterator at(source, absent);
           !absent && at != fs::recursive_directory_iterator(); at.increment(absent))
        if (at->is_regular_file()) note(at->path());
    }
  }

  /// Put what an activity came to in the place of what was known of its job.
  void add(const Activity& activity, RebuiltNight& night) {
    auto known = std::find_if(night.jobs.begin(), night.jobs.end(),
                              [&](const JobRecord& job) { return job.key == activity.job.key; });
    if (known == night.jobs.end()) {
      night.jobs.push_back({});
      known = night.jobs.end() - 1;
      known->key = activity.job.key;
    }
    if (activity.ended && activity.job.status != JobStatus::interrupted) {
      const JobRecord before = std::exchange(*known, activity.job);
      known->attempts = tries_in_a_row(&before, *known, nullptr);
      const auto journal = journals_.find(activity.session);
      if (journal != journals_.end()) known->journal = journal->second;
    } else if (known->status == JobStatus::interrupted) {
      ++known->attempts;
    }
  }

  void complete(JobRecord& job) const {
    if (job.identity.empty() && !job.configuration.empty()) job.identity = identity_of(job);
    if (const auto facts = request_.present.find(job.key.stage);
        facts != request_.present.end() && holds_more(facts->second.configuration, job))
      job.configuration = facts->second.configuration;
    if (!job.outputs.empty() || !job.journal.empty()) find_log(job);
  }

  /// Journals of earlier versions do not tell it.
  static std::string identity_of(const JobRecord& job) {
    std::vector<std::pair<std::string, std::string>> inputs;
    const stage::StageDescription& stage = stage::description(job.key.stage);
    for (const JobFile& input : job.inputs)
      for (const stage::PortDescription& port : stage.inputs)
        if (port.name == input.port && port.in_identity)
          inputs.emplace_back(input.port, input.hashes.deciding());
    return stage::job_identity(job.key.stage, job.stage_version, job.configuration,
                               std::move(inputs));
  }

  /// True if the present configuration is the recorded one and something besides, that planning
  /// adds: which instrument responses there are.
  static bool holds_more(const std::string& present, const JobRecord& job) {
    const json now = json::parse(present, nullptr, false);
    const json then = json::parse(job.configuration, nullptr, false);
    if (!now.is_object() || !then.is_object() || now.size() <= then.size()) return false;
    return std::all_of(then.items().begin(), then.items().end(), [&](const auto& item) {
      return now.contains(item.key()) && now[item.key()] == item.value();
    });
  }

  /// The log of a job stands in log/jobs of its level, beside or near the journals in log/journal.
  static void find_log(JobRecord& job) {
    fs::path folder = fs::path(job.journal).parent_path();
    while (folder.has_relative_path() && folder.filename() != "journal")
      folder = folder.parent_path();
    if (!folder.has_relative_path()) return;
    const fs::path production = folder.parent_path().parent_path();
    // DL2 that was made in one process with DL1 shares its log.
    for (const std::string& stage : {job.key.stage, std::string("r0_to_dl1")}) {
      const std::string name = fmt::format("{}_{}.log", stage, job_name(job.key));
      for (const fs::path& level :
           {production, level_beside(production, "DL2"), level_beside(production, "DL3")})
        if (const fs::path log = level / "log" / "jobs" / name;
            job.log_file.empty() && fs::exists(log))
          job.log_file = log.string();
    }
    if (job.status == JobStatus::failed) job.log_tail = last_lines(job.log_file, log_tail_lines);
  }

  /// Return <products>/<level>/<date>/<prod> of <products>/DL1/<date>/<prod>.
  static fs::path level_beside(const fs::path& production, const char* level) {
    const fs::path date = production.parent_path();
    return date.parent_path().parent_path() / level / date.filename() / production.filename();
  }

  [[nodiscard]] bool is_as_recorded(const Entity& file, FileStamp& stamp) const {
    if (stamp.size != file.size) return false;
    stamp.data_hash = file.data_hash;
    stamp.sha256 = file.sha256;
    if (!request_.verify_content && older_than(stamp, file.recorded_at)) return true;
    return hash_file(file.path) == file.sha256;
  }

  /// Return what was noted last of the validity of a product; nullptr: it stands.
  [[nodiscard]] const prov::Invalidation* invalidation_of(const JobFile& product) const {
    const auto id = ids_.find({product.path, product.hashes.sha256});
    if (id == ids_.end()) return nullptr;
    const auto found = invalidations_.find(id->second);
    return found == invalidations_.end() ? nullptr : &found->second;
  }

  /// Find the products that were removed on purpose since they were made.
  void find_cleaned(RebuiltNight& night) const {
    for (const JobRecord& job : night.jobs)
      for (const JobFile& product : job.outputs) {
        const prov::Invalidation* found = invalidation_of(product);
        if (found == nullptr || found->action != "clean" || found->time < job.ended_at) continue;
        night.cleaned.push_back({.path = product.path,
                                 .kind = "product",
                                 .sha256 = product.hashes.sha256,
                                 .size_bytes = entities_.at(found->entity).size,
                                 .why = found->reason,
                                 .author = found->author,
                                 .at = found->time});
      }
  }

  /// Remember the files that are as recorded; name the products that are not.
  void check_files(RebuiltNight& night) const {
    std::set<std::string> seen;
    for (const JobRecord& job : night.jobs)
      for (const bool output : {true, false})
        for (const JobFile& file : output ? job.outputs : job.inputs) {
          if (!seen.insert(file.path).second) continue;
          const Entity& entity = latest_.at(file.path);
          std::optional<FileStamp> stamp = stamp_of(file.path);
          if (!entity.sha256.empty() && stamp && is_as_recorded(entity, *stamp))
            night.files.push_back(*stamp);
          else if (output && job.status == JobStatus::done &&
                   (stamp || invalidation_of(file) == nullptr))
            night.gone.push_back(file.path);
        }
  }

  void read_closings(RebuiltNight& night) {
    const fs::path folder = seal_folder(request_.products, night.key.telescope, night.key.prod_id);
    for (const fs::path& file : list_seals(folder)) {
      if (file.filename() != seal_name(seal_number(file), night.key.date)) continue;
      const std::string text = read_text_file(file);
      const Seal seal = parse_seal(text, file);
      ClosingRecord closing;
      closing.key = night.key;
      closing.author = seal.author;
      closing.reason = seal.reason;
      closing.forced = seal.forced;
      closing.started_at = closing.closed_at = seal.closed_at;
      closing.step = "closed";
      closing.seal_number = seal.number;
      closing.seal = file.string();
      closing.seal_sha256 = hash_text(text);
      night.closings.push_back(std::move(closing));
    }
    reopen(night);
  }

  /// Each seal but the last was opened again, the last one if a journal says so.
  void reopen(RebuiltNight& night) {
    for (std::size_t i = 0; i < night.closings.size(); ++i) {
      ClosingRecord& closing = night.closings[i];
      const bool last = i + 1 == night.closings.size();
      for (const Activity& activity : reopenings_[night.key.prod_id])
        if (activity.job.ended_at > closing.closed_at &&
            (last || activity.job.ended_at < night.closings[i + 1].closed_at)) {
          closing.reopened_at = activity.job.ended_at;
          closing.reopened_by = activity.author;
          closing.reopen_reason = activity.reason;
        }
      if (!last && closing.reopened_at.empty()) {
        closing.reopened_at = night.closings[i + 1].closed_at;
        closing.reopen_reason = "sealed again";
      }
    }
  }

  const RebuildRequest& request_;
  std::map<std::string, Activity> activities_;
  std::vector<std::string> order_;                             ///< activity ids by their start
  std::unordered_map<std::string, Entity> entities_, latest_;  ///< by id; by path
  std::unordered_map<std::string, std::string> configurations_, journals_;
  std::map<std::pair<std::string, std::string>, std::string> ids_;  ///< by path and SHA-256
  std::map<std::string, std::vector<Activity>> reopenings_;         ///< by production
  std::map<std::string, prov::Invalidation> invalidations_;         ///< by entity
  std::vector<std::pair<NightKey, Decision>> decisions_;
};

}  // namespace

std::vector<RebuiltNight> read_nights_from_disk(const RebuildRequest& request) {
  Reader reader(request);
  reader.read();
  return reader.nights();
}

}  // namespace alisio::night
