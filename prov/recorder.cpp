#include "prov/recorder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <openssl/evp.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>

#include "lib/base/account.hpp"
#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"
#include "lib/base/json_text.hpp"
#include "lib/base/now.hpp"
#include "lib/base/path_below.hpp"
#include "lib/base/version.hpp"
#include "prov/append_line.hpp"
#include "prov/records.hpp"

namespace alisio::prov {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

/// Where one activity of this process stands.
struct ActivityState {
  double start_unix_utc_s = 0;
  std::map<std::string, int> used, generated;  ///< files by port
};

std::string processor_model() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) {
      const std::size_t at = line.find(": ");
      return at == std::string::npos ? std::string() : line.substr(at + 2);
    }
  return {};
}

/// What this machine is; asked once.
const ordered_json& platform() {
  static const ordered_json facts = [] {
    utsname name{};
    uname(&name);
    return ordered_json{{"architecture_bits", fmt::format("{}bit", 8 * sizeof(void*))},
                        {"machine", name.machine},
                        {"processor", processor_model()},
                        {"node", name.nodename},
                        {"version", name.version},
                        {"system", name.sysname},
                        {"release", name.release},
                        {"libcver", std::string("glibc ") + gnu_get_libc_version()},
                        {"num_cpus", std::thread::hardware_concurrency()}};
  }();
  return facts;
}

/// When this machine was started, ISO 8601 UTC; empty if it does not say.
std::string boot_time() {
  std::ifstream statistics("/proc/stat");
  for (std::string line; std::getline(statistics, line);)
    if (line.starts_with("btime ")) return iso_time(std::strtod(line.c_str() + 6, nullptr));
  return {};
}

ordered_json build() {
  const BuildInfo& info = build_info();
  return {{"version", info.version},
          {"commit", info.commit},
          {"dirty", info.dirty},
          {"compiler", info.compiler},
          {"build_type", info.build_type}};
}

std::string short_hash(const std::string& text) {
  return hash_text(text).substr(0, 32);
}

/// Path that names a file wherever the data tree stands.
std::string logical_path(const fs::path& path, const fs::path& root) {
  return root.empty() ? path.string() : path_below(path, root).value_or(path).string();
}

std::string entity_id(const FileNote& file, const fs::path& root) {
  return prov::entity_id(file.sha256, file.path, root);
}

std::string session_tag(const ActivityNote& activity) {
  return activity.stage + ':' + run_text(activity.run);
}

}  // namespace

std::string entity_id(const std::string& sha256, const fs::path& file, const fs::path& data_root) {
  return short_hash((sha256.empty() ? std::string("planned") : sha256) + '\n' +
                    logical_path(file, data_root));
}

struct Recorder::State {
  Definition definition;
  LoggerConfiguration logger;
  RecorderOptions options;
  std::string session_id = new_uuid7();
  double session_start_s = now_unix_utc_s();
  fs::path journal;
  int descriptor = -1;
  bool within_a_line = false;  ///< a part of a line stands at the end: it has to be ended first
  std::string config_file_hash;
  ordered_json environment;
  std::string environment_id;

  mutable std::mutex mutex;
  std::map<std::string, ActivityState> activities;
  std::set<std::string> known_tags;      ///< session tags whose session line is written
  std::set<std::string> known_entities;  ///< "tag entity" pairs whose line is written
  std::map<std::string, std::string> md5_of_sha256;

  ~State() {
    if (descriptor >= 0) ::close(descriptor);
  }

  void open() {
    std::error_code problem;
    fs::create_directories(journal.parent_path(), problem);
    if (problem)
      throw Error(ErrorKind::resource,
                  fmt::format("the folder of the provenance journal cannot be made ({})",
                              problem.message()),
                  journal.parent_path().string(),
                  "make it writable or choose another with --journal-dir");
    descriptor = ::open(journal.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC,
                        S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
    if (descriptor < 0) fail("cannot be opened");
    within_a_line = ends_within_a_line(descriptor);
  }

  void close() {
    sync();
    ::close(descriptor);
    descriptor = -1;
  }

  /// Put a full journal aside under the next free name.
  void rotate() {
    close();
    for (int n = 1;; ++n) {
      const fs::path aside = journal.parent_path() / fmt::format("{}.{}{}", journal.stem().string(),
                                                                 n, journal.extension().string());
      // A link, unlike a rename, does not replace what is there.
      if (::link(journal.c_str(), aside.c_str()) == 0) break;
      if (errno != EEXIST) fail("cannot be put aside");
    }
    if (::unlink(journal.c_str()) != 0) fail("cannot be put aside");
  }

  /// Do with the journal what the logger configuration says before a line is added.
  void handle(std::size_t line_bytes) {
    struct stat mine {
    }, there{};
    if (descriptor < 0 || logger.handling == JournalHandling::plain) return;
    if (::fstat(descriptor, &mine) != 0) fail("cannot be looked at");
    if (logger.handling == JournalHandling::rotated) {
      const auto bytes = static_cast<std::uint64_t>(mine.st_size);
      if (bytes > 0 && bytes + line_bytes > logger.maximum_bytes) rotate();
    } else if (::stat(journal.c_str(), &there) != 0 || there.st_ino != mine.st_ino ||
               there.st_dev != mine.st_dev) {
      close();
    }
  }

  void write(const ordered_json& record) {
    std::string line = format_line(logger, iso_time(now_unix_utc_s()), record);
    handle(line.size());
    if (descriptor < 0) open();
    if (within_a_line) line.insert(0, 1, '\n');
    ssize_t written = 0;
    do {
      written = ::write(descriptor, line.data(), line.size());
    } while (written < 0 && errno == EINTR);
    // A part of a line is not completed by a second call: others may append to the same file.
    if (written != static_cast<ssize_t>(line.size())) {
      within_a_line = within_a_line || written > 0;
      if (written >= 0) errno = ENOSPC;
      fail("cannot be written");
    }
    within_a_line = false;
  }

  void sync() const {
    if (descriptor >= 0 && ::fsync(descriptor) != 0 && errno != EINVAL) fail("cannot be synced");
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorKind::resource,
                fmt::format("the provenance journal {} ({})", what, std::strerror(errno)),
                journal.string(), "make room or choose another folder; no product is made without");
  }

  /// Write an entity's line, once for each session tag.
  void write_entity(const std::string& id, const std::string& tag, const ordered_json& record) {
    if (known_entities.insert(tag + ' ' + id).second) write(record);
  }

  void write_session(const ActivityNote& activity, const std::string& tag) {
    if (!known_tags.insert(tag).second) return;
    ordered_json record{{"session_id", session_id},
                        {"name", run_text(activity.run)},
                        {"startTime", iso_time(session_start_s)},
                        {"system",
                         {{"executable", options.script},
                          {"platform", platform()},
                          {"build", build()},
                          {"environment", environment.at("environment")},
                          {"arguments", options.arguments},
                          {"start_time_utc", iso_time(session_start_s)}}},
                        {"observation_date", activity.observation_date},
                        {"software_version", version_tag()}};
    // Of the session, not of the environment: that is to be the same after a restart.
    record["system"]["platform"]["boot_time"] = boot_time();
    if (const char* job = std::getenv("SLURM_JOB_ID")) record["system"]["batch_job"] = job;
    if (const char* task = std::getenv("SLURM_ARRAY_TASK_ID"))
      record["system"]["batch_task"] = task;
    if (!options.config_file.empty()) {
      record["config_file"] = options.config_file.string();
      record["config_file_hash"] = config_file_hash;
      record["config_file_hash_type"] = to_string(logger.hash_method);
    }
    record["observation_run"] = run_text(activity.run);
    record["session_tag"] = tag;
    record["telescope"] = telescope_text(activity.telescope);
    if (!options.site.empty()) record["site"] = options.site;
    record["definition"] = {{"version", definition.version()}, {"sha256", definition.hash()}};
    if (logger.hash_buffer == HashBuffer::path) record["hash_buffer"] = "path";
    write(record);
  }

  std::string content_md5(const FileNote& file) {
    if (const auto given = file.attributes.find("md5"); given != file.attributes.end())
      return given->second;
    const auto known = md5_of_sha256.find(file.sha256);
    if (known != md5_of_sha256.end()) return known->second;
    std::string md5 =
        hash_file(file.content_path.empty() ? file.path : file.content_path, HashMethod::md5);
    md5_of_sha256.emplace(file.sha256, md5);
    return md5;
  }

  /// Write the entity of a file and return its id.
  std::string write_file(const FileNote& file, const FlowDefinition& flow, const std::string& tag) {
    const EntityDefinition* kind = definition.entity(flow.entity_name);
    const std::string id = entity_id(file, options.data_root);
    if (known_entities.contains(tag + ' ' + id)) return id;
    ordered_json record{
        {"entity_id", id}, {"name", flow.entity_name}, {"filepath", file.path.string()}};
    if (logger.hash_buffer == HashBuffer::path) {
      record["hash"] = hash_text(file.path.string(), logger.hash_method);
      record["hash_type"] = to_string(logger.hash_method);
      record["hash_buffer"] = "path";
    } else if (!file.sha256.empty()) {
      record["hash"] = logger.hash_method == HashMethod::sha256 ? file.sha256 : content_md5(file);
      record["hash_type"] = to_string(logger.hash_method);
    }
    record["type"] = kind->type;
    record["contentType"] = kind->content_type;
    record["session_tag"] = tag;
    if (!file.sha256.empty()) {
      record["sha256"] = file.sha256;
      record["size_bytes"] = file.size_bytes;
    }
    if (!file.data_hash.empty()) record["data_hash"] = file.data_hash;
    if (const std::string place = logical_path(file.path, options.data_root);
        place != file.path.string())
      record["logical_path"] = place;
    if (file.planned) record["status"] = "planned";
    write_entity(id, tag, record);
    if (const auto training = file.attributes.find("training_production");
        training != file.attributes.end())
      write_training(id, training->second, tag);
    return id;
  }

  /// Write what a model file was trained on, as it says itself: entities that are named, not read.
  void write_training(const std::string& model, const std::string& text, const std::string& tag) {
    const auto references = nlohmann::json::parse(text, nullptr, false);
    if (!references.is_array())
      throw Error(ErrorKind::bad_input, "the training production of a model file is no list",
                  text.substr(0, 80), "convert the models again");
    for (const auto& reference : references) {
      const std::string path = reference.value("path", ""), sha256 = reference.value("sha256", "");
      const std::string id = short_hash("reference\n" + sha256 + '\n' + path);
      ordered_json record{
          {"entity_id", id},    {"name", "TrainingProduction"},
          {"reference", path},  {"type", "Reference"},
          {"session_tag", tag}, {"role", reference.value("role", "Training production")}};
      if (!sha256.empty()) record["sha256"] = sha256;
      write_entity(id, tag, record);
      write({{"entity_id", model}, {"progenitor_id", id}, {"session_tag", tag}});
    }
  }

  ActivityState& state_of(const ActivityNote& activity) {
    const auto at = activities.find(activity.activity_id);
    if (at == activities.end())
      throw Error(ErrorKind::bug, "an activity was not started before it used or generated",
                  activity.stage + ' ' + activity.activity_id);
    return at->second;
  }
};

Recorder::Recorder(Definition definition, LoggerConfiguration logger, RecorderOptions options)
    : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.definition = std::move(definition);
  s.logger = std::move(logger);
  s.options = std::move(options);
  if (s.options.operator_name.empty()) s.options.operator_name = account_name();
  if (s.options.script.empty()) {
    std::error_code unreadable;
    s.options.script = fs::read_symlink("/proc/self/exe", unreadable).string();
  }
  const fs::path& name = s.logger.journal_name;
  s.journal = s.options.journal_folder / name.parent_path() /
              (name.stem().string() + '_' + s.session_id + name.extension().string());
  if (!s.options.config_file.empty())
    s.config_file_hash = s.logger.hash_buffer == HashBuffer::path
                             ? hash_text(s.options.config_file.string(), s.logger.hash_method)
                             : hash_file(s.options.config_file, s.logger.hash_method);
  ordered_json variables = ordered_json::object();
  for (const std::string& variable : s.options.environment_variables)
    if (const char* value = std::getenv(variable.c_str())) variables[variable] = value;
  s.environment = {{"platform", platform()}, {"build", build()}, {"environment", variables}};
  s.environment_id = short_hash("environment\n" + json_text(s.environment));
  if (!s.logger.capturing())
    spdlog::warn("provenance is switched off by {}: nothing is recorded, products are marked",
                 s.logger.file.empty() ? "the logger configuration" : s.logger.file.string());
}

Recorder::~Recorder() = default;

bool Recorder::capturing() const {
  return state_->logger.capturing();
}
const std::string& Recorder::session_id() const {
  return state_->session_id;
}
const fs::path& Recorder::journal() const {
  return state_->journal;
}

void Recorder::started(const ActivityNote& activity) {
  State& s = *state_;
  const std::lock_guard lock(s.mutex);
  ActivityState& begun = s.activities[activity.activity_id];
  begun.start_unix_utc_s = now_unix_utc_s();
  if (!capturing()) return;
  const ActivityDefinition* kind = s.definition.activity(activity.stage);
  if (kind == nullptr)
    throw Error(ErrorKind::configuration,
                fmt::format("the definition has no activity '{}'", activity.stage),
                s.definition.file().string(), "add it");
  const std::string tag = session_tag(activity);
  s.write_session(activity, tag);
  ordered_json record{{"activity_id", activity.activity_id},
                      {"name", activity.stage},
                      {"startTime", iso_time(begun.start_unix_utc_s)},
                      {"in_session", s.session_id},
                      {"agent_name", s.options.operator_name},
                      {"script", s.options.script},
                      {"session_tag", tag},
                      {"software_version", version_tag()},
                      {"software_commit", commit_tag()},
                      {"stage_version", activity.stage_version},
                      {"telescope", telescope_text(activity.telescope)},
                      {"observation_date", activity.observation_date},
                      {"observation_run", run_text(activity.run)}};
  if (activity.subrun >= 0) record["observation_subrun"] = subrun_text(activity.subrun);
  record["prod_id"] = activity.prod_id;
  record["command"] = activity.command;
  if (!activity.identity.empty()) record["signature"] = activity.identity;
  if (activity.dry_run) record["status"] = "planned";
  s.write(record);

  ordered_json parameters = ordered_json::object();
  for (const ParameterDefinition& parameter : kind->parameters)
    if (const auto at = activity.parameters.find(parameter.value); at != activity.parameters.end())
      parameters[parameter.name] = at->second;
  s.write(
      {{"activity_id", activity.activity_id}, {"parameters", parameters}, {"session_tag", tag}});

  const auto use = [&](const std::string& id, const std::string& role) {
    s.write({{"activity_id", activity.activity_id},
             {"used_id", id},
             {"used_role", role},
             {"session_tag", tag}});
  };
  s.write_entity(s.environment_id, tag,
                 {{"entity_id", s.environment_id},
                  {"name", "Environment"},
                  {"type", "Environment"},
                  {"value", s.environment},
                  {"session_tag", tag}});
  use(s.environment_id, "Environment");
  if (!activity.configuration_json.empty()) {
    const std::string id = short_hash("configuration\n" + activity.configuration_json);
    s.write_entity(id, tag,
                   {{"entity_id", id},
                    {"name", "EffectiveConfiguration"},
                    {"type", "Configuration"},
                    {"value", activity.configuration_json},
                    {"sha256", hash_text(activity.configuration_json)},
                    {"session_tag", tag}});
    use(id, "Effective configuration");
  }
}

void Recorder::used(const ActivityNote& activity, const FileNote& file) {
  State& s = *state_;
  const std::lock_guard lock(s.mutex);
  ActivityState& begun = s.state_of(activity);
  if (!capturing()) return;
  const FlowDefinition& flow = s.definition.usage(activity.stage, file.port);
  if (const int n = ++begun.used[file.port]; flow.maximum >= 0 && n > flow.maximum)
    throw Error(ErrorKind::configuration,
                fmt::format("{} used {} files through port '{}', {} at most are allowed",
                            activity.stage, n, file.port, flow.maximum),
                s.definition.file().string(), "change the port's multiplicity");
  const std::string tag = session_tag(activity);
  const std::string id = s.write_file(file, flow, tag);
  ordered_json record{{"activity_id", activity.activity_id},
                      {"used_id", id},
                      {"used_role", flow.role},
                      {"session_tag", tag},
                      {"port", file.port}};
  if (const auto choice = file.attributes.find("choice"); choice != file.attributes.end())
    record["choice"] = choice->second;
  if (const auto part = file.attributes.find("part"); part != file.attributes.end())
    record["part"] = part->second;
  s.write(record);
}

void Recorder::generated(const ActivityNote& activity, const FileNote& file) {
  State& s = *state_;
  const std::lock_guard lock(s.mutex);
  ActivityState& begun = s.state_of(activity);
  if (!capturing()) return;
  const FlowDefinition& flow = s.definition.generation(activity.stage, file.port);
  for (const FlowDefinition& input : s.definition.activity(activity.stage)->usage)
    if (begun.used[input.value] < input.minimum)
      throw Error(ErrorKind::configuration,
                  fmt::format("{} generated a product but used {} files through port '{}', {} at "
                              "least are declared",
                              activity.stage, begun.used[input.value], input.value, input.minimum),
                  s.definition.file().string(), "change the port's multiplicity");
  ++begun.generated[file.port];
  const std::string tag = session_tag(activity);
  const std::string id = s.write_file(file, flow, tag);
  ordered_json record{{"activity_id", activity.activity_id},
                      {"generated_id", id},
                      {"generated_role", flow.role},
                      {"session_tag", tag},
                      {"port", file.port}};
  if (const auto quality = file.attributes.find("quality"); quality != file.attributes.end())
    record["quality"] = quality->second;
  s.write(record);
  if (!activity.dry_run) s.sync();
}

void Recorder::finished(const ActivityNote& activity, const OutcomeNote& outcome) {
  State& s = *state_;
  const std::lock_guard lock(s.mutex);
  s.activities.erase(activity.activity_id);
  if (!capturing()) return;
  ordered_json record{{"activity_id", activity.activity_id},
                      {"endTime", iso_time(now_unix_utc_s())},
                      {"session_tag", session_tag(activity)},
                      {"status", !outcome.ok        ? "failed"
                                 : activity.dry_run ? "planned"
                                                    : "completed"},
                      {"exit_code", outcome.exit_code}};
  // Known only when the inputs are: with it, what is done can be told from the journals alone.
  if (!activity.identity.empty()) record["signature"] = activity.identity;
  if (!outcome.message.empty()) record["message"] = outcome.message;
  if (!activity.dry_run) {
    record["resources"] = {{"wall_s", outcome.wall_s},
                           {"cpu_s", outcome.cpu_s},
                           {"max_rss_bytes", outcome.max_rss_bytes},
                           {"read_bytes", outcome.read_bytes},
                           {"written_bytes", outcome.written_bytes}};
    record["events"] = outcome.events;
  }
  s.write(record);
  if (!activity.dry_run) s.sync();
}

ProductMetadata Recorder::describe_product(const ActivityNote& activity, const std::string& port,
                                           const std::vector<FileNote>& used) const {
  const State& s = *state_;
  const double now = now_unix_utc_s();
  double start = now;
  {
    const std::lock_guard lock(s.mutex);
    if (const auto at = s.activities.find(activity.activity_id); at != s.activities.end())
      start = at->second.start_unix_utc_s;
  }
  return embedded_attributes(s.definition, activity, port, used, s.options.data_root, start, now,
                             capturing());
}

namespace {

/// Return the UUIDv5 (RFC 9562) of a URL.
std::string uuid5(const std::string& url) {
  // The namespace of URLs, 6ba7b811-9dad-11d1-80b4-00c04fd430c8.
  static const std::array<unsigned char, 16> kUrls{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1,
                                                   0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
  std::string text(kUrls.begin(), kUrls.end());
  text += url;
  std::array<unsigned char, EVP_MAX_MD_SIZE> d{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), d.data(), &size, EVP_sha1(), nullptr) != 1)
    throw Error(ErrorKind::bug, "SHA-1 is not available", "OpenSSL");
  d[6] = static_cast<unsigned char>((d[6] & 0x0f) | 0x50);
  d[8] = static_cast<unsigned char>((d[8] & 0x3f) | 0x80);
  std::string uuid;
  for (std::size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) uuid += '-';
    uuid += fmt::format("{:02x}", d[i]);
  }
  return uuid;
}

/// Return what ctapipe's `DataLevel` has for a product; it knows no level of calibration.
std::string data_levels(const EntityDefinition& kind) {
  if (kind.level == "Calibration") return {};
  if (kind.level != "DL1") return kind.level;
  if (kind.name.starts_with("Muons")) return "DL1_MUON";
  return kind.name.starts_with("DL1Check") || kind.name.starts_with("Report")
             ? "DL1"
             : "DL1_IMAGES,DL1_PARAMETERS";
}

/// Return a UTC time as ctapipe's reference metadata writes it.
std::string reference_time(double unix_utc_s) {
  std::string text = iso_time(unix_utc_s).substr(0, 23);
  text[10] = ' ';
  return text;
}

}  // namespace

ProductMetadata embedded_attributes(const Definition& definition, const ActivityNote& activity,
                                    const std::string& port, const std::vector<FileNote>& used,
                                    const fs::path& data_root, double start_unix_utc_s,
                                    double stop_unix_utc_s, bool captured) {
  const FlowDefinition& flow = definition.generation(activity.stage, port);
  const EntityDefinition* kind = definition.entity(flow.entity_name);
  const auto& contact = definition.contact();
  const std::string& work = activity.identity.empty() ? activity.activity_id : activity.identity;
  ProductMetadata result;
  auto& a = result.attributes;
  a = {{"CTA REFERENCE VERSION", "1"},
       {"CTA CONTACT EMAIL", contact.at("email")},
       {"CTA CONTACT NAME", contact.at("name")},
       {"CTA CONTACT ORGANIZATION", contact.at("organization")},
       {"CTA PRODUCT CREATION TIME", reference_time(stop_unix_utc_s)},
       {"CTA PRODUCT DATA ASSOCIATION", "Telescope"},
       {"CTA PRODUCT DATA CATEGORY", "B"},
       {"CTA PRODUCT DATA LEVELS", data_levels(*kind)},
       {"CTA PRODUCT DATA MODEL NAME", "LST " + kind->level},
       {"CTA PRODUCT DATA MODEL URL", ""},
       {"CTA PRODUCT DATA MODEL VERSION", std::to_string(activity.stage_version)},
       {"CTA PRODUCT DESCRIPTION", flow.description},
       {"CTA PRODUCT FORMAT", kind->content_type == "application/x-hdf" ? "hdf5" : "other"},
       {"CTA PRODUCT ID", uuid5("urn:alisio:product:" + work + ':' + flow.role)},
       {"CTA PROCESS ID", std::to_string(activity.run)},
       {"CTA PROCESS SUBTYPE", ""},
       {"CTA PROCESS TYPE", "Observation"},
       {"CTA ACTIVITY ID", activity.activity_id},
       {"CTA ACTIVITY NAME", activity.stage},
       {"CTA ACTIVITY SOFTWARE NAME", "alisio"},
       {"CTA ACTIVITY SOFTWARE VERSION", build_info().version + '+' + build_info().commit},
       {"CTA ACTIVITY START TIME", reference_time(start_unix_utc_s)},
       {"CTA ACTIVITY STOP TIME", reference_time(stop_unix_utc_s)},
       {"CTA ACTIVITY TYPE", "software"},
       {"CTA INSTRUMENT CLASS", "Telescope"},
       {"CTA INSTRUMENT ID", std::to_string(activity.telescope)},
       {"CTA INSTRUMENT SITE", contact.at("site")},
       {"CTA INSTRUMENT SUBTYPE", ""},
       {"CTA INSTRUMENT TYPE", "LST"},
       {"CTA INSTRUMENT VERSION", ""}};
  a.emplace_back("PROV CAPTURE", captured ? "on" : "off");
  a.emplace_back("PROV SIGNATURE", activity.identity);
  a.emplace_back("PROV DEFINITION SHA256", definition.hash());
  a.emplace_back("PROV N_INPUTS", std::to_string(used.size()));
  ordered_json inputs = ordered_json::array();
  for (std::size_t i = 0; i < used.size(); ++i) {
    const FileNote& file = used[i];
    const FlowDefinition& source = definition.usage(activity.stage, file.port);
    const std::string head = fmt::format("PROV INPUT {} ", i);
    a.emplace_back(head + "ID", entity_id(file, data_root));
    a.emplace_back(head + "ROLE", source.role);
    a.emplace_back(head + "FILE", file.path.filename().string());
    a.emplace_back(head + "SHA256", file.sha256);
    inputs.push_back({{"url", file.path.string()},
                      {"role", source.role},
                      {"entity", source.entity_name},
                      {"sha256", file.sha256},
                      {"reference_meta", nullptr}});
  }
  result.record_json = ordered_json{
      {"activity_name", activity.stage},
      {"activity_uuid", activity.activity_id},
      {"status", "completed"},
      {"start", {{"time_utc", iso_time(start_unix_utc_s)}}},
      {"stop", {{"time_utc", iso_time(stop_unix_utc_s)}}},
      {"system", {{"platform", platform()}, {"build", build()}}},
      {"input", inputs},
      {"output",
       ordered_json::array({ordered_json{{"role", flow.role}, {"entity", flow.entity_name}}})},
      {"exit_code", 0},
      {"config", {{"sha256", hash_text(activity.configuration_json)}}},
      {"parameters", activity.parameters},
      {"duration_min",
       (stop_unix_utc_s - start_unix_utc_s) /
           60}}.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  return result;
}

}  // namespace alisio::prov
