#include "lib/night/state.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <ctime>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/json_text.hpp"
#include "lib/base/log.hpp"
#include "lib/night/newer_schema.hpp"
#include "lib/night/state_files.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

/// The schema, step by step: a database of version N has had the first N of them. Steps that were
/// released are never changed, only followed by others.
constexpr const char* schema_steps[] = {
    R"sql(
CREATE TABLE configuration (hash TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE file (path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
  inode INTEGER NOT NULL, sha256 TEXT NOT NULL, data_hash TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE job (id INTEGER PRIMARY KEY, telescope INTEGER NOT NULL, date TEXT NOT NULL,
  prod_id TEXT NOT NULL, stage TEXT NOT NULL, run INTEGER NOT NULL, subrun INTEGER NOT NULL,
  status TEXT NOT NULL, stage_version INTEGER NOT NULL DEFAULT 0,
  configuration TEXT NOT NULL DEFAULT '', identity TEXT NOT NULL DEFAULT '',
  activity_id TEXT NOT NULL DEFAULT '', journal TEXT NOT NULL DEFAULT '',
  exit_code INTEGER NOT NULL DEFAULT 0, message TEXT NOT NULL DEFAULT '',
  log_file TEXT NOT NULL DEFAULT '', log_tail TEXT NOT NULL DEFAULT '',
  events INTEGER NOT NULL DEFAULT 0, wall_s REAL NOT NULL DEFAULT 0, cpu_s REAL NOT NULL DEFAULT 0,
  max_rss_bytes INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
  ended_at TEXT NOT NULL DEFAULT '',
  UNIQUE (telescope, date, prod_id, stage, run, subrun));
CREATE TABLE job_file (job INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
  output INTEGER NOT NULL, port TEXT NOT NULL, path TEXT NOT NULL, sha256 TEXT NOT NULL,
  data_hash TEXT NOT NULL);
CREATE INDEX job_file_of ON job_file (job);
CREATE TABLE process (id INTEGER PRIMARY KEY, telescope INTEGER NOT NULL, date TEXT NOT NULL,
  prod_id TEXT NOT NULL, jobs TEXT NOT NULL, products TEXT NOT NULL, pid INTEGER NOT NULL DEFAULT 0,
  pid_start INTEGER NOT NULL DEFAULT 0, host TEXT NOT NULL, report_file TEXT NOT NULL,
  log_file TEXT NOT NULL, started_at TEXT NOT NULL, ended_at TEXT);
CREATE INDEX process_unfinished ON process (telescope, date, prod_id) WHERE ended_at IS NULL;
CREATE TABLE merge (telescope INTEGER NOT NULL, date TEXT NOT NULL, prod_id TEXT NOT NULL,
  stage TEXT NOT NULL, run INTEGER NOT NULL, signature TEXT NOT NULL,
  PRIMARY KEY (telescope, date, prod_id, stage, run)) WITHOUT ROWID;
)sql",
    "ALTER TABLE job_file ADD COLUMN quality TEXT NOT NULL DEFAULT ''",
    R"sql(
CREATE TABLE verdict (path TEXT PRIMARY KEY, gates TEXT NOT NULL, size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL, inode INTEGER NOT NULL, passed INTEGER NOT NULL, text TEXT NOT NULL,
  unmeasured TEXT NOT NULL) WITHOUT ROWID;
)sql",
    // What passes show to those who look on.
    R"sql(
CREATE TABLE night (telescope INTEGER NOT NULL, date TEXT NOT NULL, prod_id TEXT NOT NULL,
  summary TEXT NOT NULL, updated_at TEXT NOT NULL,
  PRIMARY KEY (telescope, date, prod_id)) WITHOUT ROWID;
CREATE TABLE step (telescope INTEGER NOT NULL, date TEXT NOT NULL, prod_id TEXT NOT NULL,
  stage TEXT NOT NULL, run INTEGER NOT NULL, subrun INTEGER NOT NULL, status TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (telescope, date, prod_id, run, subrun, stage)) WITHOUT ROWID;
)sql",
    // What operators decide (decision.hpp).
    R"sql(
CREATE TABLE decision (id INTEGER PRIMARY KEY, telescope INTEGER NOT NULL, date TEXT NOT NULL,
  prod_id TEXT NOT NULL, kind TEXT NOT NULL, run INTEGER NOT NULL, subrun INTEGER NOT NULL,
  stage TEXT NOT NULL, reason TEXT NOT NULL, author TEXT NOT NULL, at TEXT NOT NULL,
  ended_at TEXT, ended_by TEXT NOT NULL DEFAULT '', ended_why TEXT NOT NULL DEFAULT '');
CREATE INDEX decision_of_night ON decision (telescope, date, prod_id);
)sql",
    // Closings of nights.
    R"sql(
CREATE TABLE closing (id INTEGER PRIMARY KEY, telescope INTEGER NOT NULL, date TEXT NOT NULL,
  prod_id TEXT NOT NULL, author TEXT NOT NULL, reason TEXT NOT NULL, forced INTEGER NOT NULL,
  started_at TEXT NOT NULL, step TEXT NOT NULL DEFAULT '', closed_at TEXT NOT NULL DEFAULT '',
  seal_number INTEGER NOT NULL DEFAULT 0, seal TEXT NOT NULL DEFAULT '',
  seal_sha256 TEXT NOT NULL DEFAULT '', reopened_at TEXT NOT NULL DEFAULT '',
  reopened_by TEXT NOT NULL DEFAULT '', reopen_reason TEXT NOT NULL DEFAULT '');
CREATE UNIQUE INDEX closing_standing ON closing (telescope, date, prod_id) WHERE reopened_at = '';
)sql",
    // Where a scheduler runs processes, and what jobs need there.
    R"sql(
ALTER TABLE process ADD COLUMN submission TEXT NOT NULL DEFAULT '';
ALTER TABLE process ADD COLUMN task INTEGER NOT NULL DEFAULT 0;
ALTER TABLE process ADD COLUMN step INTEGER NOT NULL DEFAULT 0;
ALTER TABLE process ADD COLUMN scheduler_job TEXT NOT NULL DEFAULT '';
CREATE INDEX process_of_submission ON process (submission) WHERE submission != '';
CREATE TABLE need (telescope INTEGER NOT NULL, date TEXT NOT NULL, prod_id TEXT NOT NULL,
  stage TEXT NOT NULL, run INTEGER NOT NULL, subrun INTEGER NOT NULL,
  memory_bytes INTEGER NOT NULL, time_s REAL NOT NULL,
  PRIMARY KEY (telescope, date, prod_id, stage, run, subrun)) WITHOUT ROWID;
)sql",
    // What people have been told of (notify.hpp).
    R"sql(
CREATE TABLE notification (telescope INTEGER NOT NULL, date TEXT NOT NULL, prod_id TEXT NOT NULL,
  mark TEXT NOT NULL, at TEXT NOT NULL,
  PRIMARY KEY (telescope, date, prod_id, mark)) WITHOUT ROWID;
)sql",
    // What was cleaned away (cleaned.hpp).
    R"sql(
CREATE TABLE cleaned (path TEXT PRIMARY KEY, telescope INTEGER NOT NULL, date TEXT NOT NULL,
  prod_id TEXT NOT NULL, kind TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
  why TEXT NOT NULL, author TEXT NOT NULL, at TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX cleaned_of_night ON cleaned (telescope, date, prod_id);
)sql",
    // Processes of a night that have ended.
    R"sql(
CREATE INDEX process_of_night ON process (telescope, date);
)sql"};
constexpr int schema_version = static_cast<int>(std::size(schema_steps));
constexpr int oldest_readable_schema = 2, first_schema_with_verdicts = 3,
              first_schema_with_steps = 4;

JobStatus status_of(const std::string& text) {
  if (text == "done") return JobStatus::done;
  if (text == "interrupted") return JobStatus::interrupted;
  return JobStatus::failed;
}

std::string keys_text(const std::vector<JobKey>& keys) {
  nlohmann::json list = nlohmann::json::array();
  for (const JobKey& key : keys) list.push_back({key.stage, key.run, key.subrun});
  return list.dump();
}

std::vector<JobKey> keys_of(const std::string& text) {
  std::vector<JobKey> keys;
  for (const auto& item : nlohmann::json::parse(text))
    keys.push_back({item.at(0), item.at(1), item.at(2)});
  return keys;
}

/// Say in plain words that a file is no database: SQLite itself would blame a statement.
void refuse_other_files(const fs::path& file) {
  constexpr std::string_view magic = "SQLite format 3";
  std::ifstream in(file, std::ios::binary);
  std::string start(magic.size(), '\0');
  in.read(start.data(), static_cast<std::streamsize>(start.size()));
  if (in.gcount() == 0) return;  // absent, or made but never written
  if (start != magic)
    throw Error(ErrorKind::bad_input, "the state database is damaged: this is no SQLite file",
                file.string(),
                "alisio state rebuild puts it aside and makes it anew from journals and files");
}

void write_file(sqlite::Statement& statement, const FileStamp& file) {
  statement.bind(file.path, file.size, file.mtime_ns, file.inode, file.sha256, file.data_hash);
  statement.run();
}

constexpr const char* insert_file =
    "INSERT OR REPLACE INTO file (path, size, mtime_ns, inode, sha256, data_hash) "
    "VALUES (?, ?, ?, ?, ?, ?)";

NewerSchema newer_schema(int found, const fs::path& file) {
  return NewerSchema(
      ErrorKind::resource,
      fmt::format("the state is of a newer program (schema {}, this one knows {}): upgrade alisio",
                  found, schema_version),
      file.string(), "use the program that wrote it or a newer one");
}

}  // namespace

std::string utc_text(std::int64_t unix_us) {
  constexpr std::int64_t second = 1'000'000;
  const std::time_t whole = unix_us / second;
  std::tm parts{};
  gmtime_r(&whole, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     unix_us % second);
}

std::string utc_now_text() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return utc_text(now.tv_sec * std::int64_t{1'000'000} + now.tv_nsec / 1000);
}

std::optional<FileStamp> stamp_of(const fs::path& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) return std::nullopt;
  FileStamp stamp;
  stamp.path = path.string();
  stamp.size = static_cast<std::uint64_t>(facts.st_size);
  stamp.mtime_ns = facts.st_mtim.tv_sec * 1'000'000'000LL + facts.st_mtim.tv_nsec;
  stamp.inode = static_cast<std::uint64_t>(facts.st_ino);
  return stamp;
}

bool same_stamp(const FileStamp& left, const FileStamp& right) {
  return left.size == right.size && left.mtime_ns == right.mtime_ns && left.inode == right.inode;
}

FileHashes hashes_of(const FileStamp& stamp) {
  return {stamp.sha256, stamp.data_hash};
}

const char* to_string(JobStatus status) {
  switch (status) {
    case JobStatus::interrupted:
      return "interrupted";
    case JobStatus::done:
      return "done";
    case JobStatus::failed:
      return "failed";
  }
  return "failed";
}

std::string job_name(const JobKey& key) {
  if (key.run == whole_night) return "night";
  if (key.subrun == whole_run) return run_text(key.run);
  return fmt::format("{}.{}", run_text(key.run), subrun_text(key.subrun));
}

void migrate_state(sqlite::Database& database) {
  sqlite::Transaction transaction(database);
  const int found = database.user_version();
  if (found > schema_version) throw newer_schema(found, database.file());
  for (int step = found; step < schema_version; ++step) database.run(schema_steps[step]);
  database.set_user_version(schema_version);
  transaction.commit();
}

State State::open(const fs::path& folder) {
  refuse_other_files(state_file(folder));
  sqlite::Database database(state_file(folder), sqlite::OpenMode::create);
  if (const int found = database.user_version(); found > 0 && found < schema_version)
    spdlog::info("the state gets schema {}; as it was it is kept in {}", schema_version,
                 back_up_state(folder).string());
  migrate_state(database);
  return State(std::move(database));
}

std::optional<State> State::open_read_only(const fs::path& folder) {
  if (!fs::exists(state_file(folder))) return std::nullopt;
  refuse_other_files(state_file(folder));
  sqlite::Database database(state_file(folder), sqlite::OpenMode::read_only);
  const int found = database.user_version();
  if (found > schema_version) throw newer_schema(found, database.file());
  if (found < oldest_readable_schema) return std::nullopt;
  return State(std::move(database));
}

StateSnapshot State::snapshot(const NightKey& night) {
  StateSnapshot snapshot;
  const sqlite::ReadTransaction one_instant(database_);
  std::unordered_map<std::int64_t, JobRecord*> by_id;
  sqlite::Statement jobs = database_.prepare(
      "SELECT job.id, stage, run, subrun, status, stage_version, "
      "coalesce(configuration.content, ''), identity, activity_id, journal, exit_code, message, "
      "log_file, log_tail, events, wall_s, cpu_s, max_rss_bytes, attempts, ended_at "
      "FROM job LEFT JOIN configuration ON configuration.hash = job.configuration "
      "WHERE telescope = ? AND date = ? AND prod_id = ?");
  jobs.bind(night.telescope, night.date.compact(), night.prod_id);
  while (jobs.step()) {
    JobRecord job;
    job.key = {jobs.text(1), static_cast<int>(jobs.integer(2)), static_cast<int>(jobs.integer(3))};
    job.status = status_of(jobs.text(4));
    job.stage_version = static_cast<int>(jobs.integer(5));
    job.configuration = jobs.text(6);
    job.identity = jobs.text(7);
    job.activity_id = jobs.text(8);
    job.journal = jobs.text(9);
    job.exit_code = static_cast<int>(jobs.integer(10));
    job.message = jobs.text(11);
    job.log_file = jobs.text(12);
    job.log_tail = jobs.text(13);
    job.events = jobs.integer(14);
    job.wall_s = jobs.number(15);
    job.cpu_s = jobs.number(16);
    job.max_rss_bytes = static_cast<std::uint64_t>(jobs.integer(17));
    job.attempts = static_cast<int>(jobs.integer(18));
    job.ended_at = jobs.text(19);
    const auto placed = snapshot.jobs.emplace(job.key, std::move(job)).first;
    by_id[jobs.integer(0)] = &placed->second;
  }
  sqlite::Statement files = database_.prepare(
      "SELECT job_file.job, output, port, job_file.path, job_file.sha256, job_file.data_hash, "
      "file.size, file.mtime_ns, file.inode, file.sha256, file.data_hash, quality "
      "FROM job JOIN job_file ON job_file.job = job.id LEFT JOIN file ON file.path = job_file.path "
      "WHERE telescope = ? AND date = ? AND prod_id = ?");
  files.bind(night.telescope, night.date.compact(), night.prod_id);
  while (files.step()) {
    JobFile file{files.text(2), files.text(3), {files.text(4), files.text(5)}, files.text(11)};
    if (!files.is_null(6) && !snapshot.files.contains(file.path))
      snapshot.files[file.path] = {.path = file.path,
                                   .size = static_cast<std::uint64_t>(files.integer(6)),
                                   .mtime_ns = files.integer(7),
                                   .inode = static_cast<std::uint64_t>(files.integer(8)),
                                   .sha256 = files.text(9),
                                   .data_hash = files.text(10)};
    JobRecord& job = *by_id.at(files.integer(0));
    (files.integer(1) != 0 ? job.outputs : job.inputs).push_back(std::move(file));
  }
  return snapshot;
}

std::optional<FileStamp> State::known_file(const std::string& path) {
  sqlite::Statement query =
      database_.prepare("SELECT size, mtime_ns, inode, sha256, data_hash FROM file WHERE path = ?");
  query.bind(path);
  if (!query.step()) return std::nullopt;
  return FileStamp{.path = path,
                   .size = static_cast<std::uint64_t>(query.integer(0)),
                   .mtime_ns = query.integer(1),
                   .inode = static_cast<std::uint64_t>(query.integer(2)),
                   .sha256 = query.text(3),
                   .data_hash = query.text(4)};
}

std::vector<ProcessRecord> State::unfinished_processes(const NightKey& night) {
  std::vector<ProcessRecord> processes;
  sqlite::Statement query = database_.prepare(
      "SELECT id, jobs, products, pid, pid_start, host, report_file, log_file, started_at, "
      "submission, task, step, scheduler_job "
      "FROM process WHERE telescope = ? AND date = ? AND prod_id = ? AND ended_at IS NULL");
  query.bind(night.telescope, night.date.compact(), night.prod_id);
  while (query.step()) {
    ProcessRecord process;
    process.id = query.integer(0);
    process.jobs = keys_of(query.text(1));
    process.products = nlohmann::json::parse(query.text(2)).get<std::vector<std::string>>();
    process.pid = query.integer(3);
    process.pid_start = query.integer(4);
    process.host = query.text(5);
    process.report_file = query.text(6);
    process.log_file = query.text(7);
    process.started_at = query.text(8);
    process.submission = query.text(9);
    process.task = static_cast<int>(query.integer(10));
    process.step = static_cast<int>(query.integer(11));
    process.scheduler_job = query.text(12);
    processes.push_back(std::move(process));
  }
  return processes;
}

void State::together(const std::function<void()>& work) {
  sqlite::Transaction transaction(database_);
  work();
  transaction.commit();
}

std::int64_t State::process_starts(const NightKey& night, const ProcessRecord& process) {
  sqlite::Transaction transaction(database_);
  sqlite::Statement insert = database_.prepare(
      "INSERT INTO process (telescope, date, prod_id, jobs, products, pid, pid_start, host, "
      "report_file, log_file, started_at, submission, task, step, scheduler_job) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  insert.bind(night.telescope, night.date.compact(), night.prod_id, keys_text(process.jobs),
              json_text(nlohmann::json(process.products)), process.pid, process.pid_start,
              process.host, process.report_file, process.log_file, process.started_at,
              process.submission, process.task, process.step, process.scheduler_job);
  insert.run();
  const std::int64_t id = database_.last_row_id();
  transaction.commit();
  return id;
}

void State::process_ended(const NightKey& night, std::int64_t id,
                          const std::vector<JobRecord>& jobs, const std::vector<FileStamp>& files) {
  sqlite::Transaction transaction(database_);
  sqlite::Statement end = database_.prepare("UPDATE process SET ended_at = ? WHERE id = ?");
  end.bind(utc_now_text(), id).run();
  sqlite::Statement text =
      database_.prepare("INSERT OR IGNORE INTO configuration (hash, content) VALUES (?, ?)");
  sqlite::Statement write = database_.prepare(
      "INSERT INTO job (telescope, date, prod_id, stage, run, subrun, status, stage_version, "
      "configuration, identity, activity_id, journal, exit_code, message, log_file, log_tail, "
      "events, wall_s, cpu_s, max_rss_bytes, ended_at, attempts) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
      "ON CONFLICT (telescope, date, prod_id, stage, run, subrun) DO UPDATE SET "
      "status = excluded.status, stage_version = excluded.stage_version, "
      "configuration = excluded.configuration, identity = excluded.identity, "
      "activity_id = excluded.activity_id, journal = excluded.journal, "
      "exit_code = excluded.exit_code, message = excluded.message, log_file = excluded.log_file, "
      "log_tail = excluded.log_tail, events = excluded.events, wall_s = excluded.wall_s, "
      "cpu_s = excluded.cpu_s, max_rss_bytes = excluded.max_rss_bytes, "
      "ended_at = excluded.ended_at, attempts = excluded.attempts RETURNING id");
  sqlite::Statement forget = database_.prepare("DELETE FROM job_file WHERE job = ?");
  sqlite::Statement add = database_.prepare(
      "INSERT INTO job_file (job, output, port, path, sha256, data_hash, quality) "
      "VALUES (?, ?, ?, ?, ?, ?, ?)");
  for (const JobRecord& job : jobs) {
    const std::string configuration =
        job.configuration.empty() ? std::string() : hash_text(job.configuration);
    if (!configuration.empty()) text.bind(configuration, job.configuration).run();
    write.bind(night.telescope, night.date.compact(), night.prod_id, job.key.stage, job.key.run,
               job.key.subrun, to_string(job.status), job.stage_version, configuration,
               job.identity, job.activity_id, job.journal, job.exit_code, job.message, job.log_file,
               job.log_tail, job.events, job.wall_s, job.cpu_s, job.max_rss_bytes, job.ended_at,
               job.attempts);
    write.step();
    const std::int64_t row = write.integer(0);
    write.reset();
    forget.bind(row).run();
    for (const bool output : {false, true})
      for (const JobFile& file : output ? job.outputs : job.inputs)
        add.bind(row, output, file.port, file.path, file.hashes.sha256, file.hashes.data_hash,
                 file.quality)
            .run();
  }
  sqlite::Statement note = database_.prepare(insert_file);
  for (const FileStamp& file : files) write_file(note, file);
  transaction.commit();
}

void State::process_vanished(const NightKey& night, const ProcessRecord& process, bool counts) {
  sqlite::Transaction transaction(database_);
  sqlite::Statement end = database_.prepare("UPDATE process SET ended_at = ? WHERE id = ?");
  end.bind(utc_now_text(), process.id).run();
  sqlite::Statement mark = database_.prepare(
      "INSERT INTO job (telescope, date, prod_id, stage, run, subrun, status, attempts) "
      "VALUES (?, ?, ?, ?, ?, ?, 'interrupted', ?) "
      "ON CONFLICT (telescope, date, prod_id, stage, run, subrun) "
      "DO UPDATE SET attempts = attempts + excluded.attempts WHERE status = 'interrupted'");
  for (const JobKey& key : process.jobs)
    mark.bind(night.telescope, night.date.compact(), night.prod_id, key.stage, key.run, key.subrun,
              counts)
        .run();
  transaction.commit();
}

std::map<std::string, std::uint64_t> State::memory_of_stages(const NightKey& night) {
  std::map<std::string, std::uint64_t> most;
  sqlite::Statement query = database_.prepare(
      // The nights are found one by one, by the index: DISTINCT would read all jobs.
      "WITH RECURSIVE night(date) AS ("
      "SELECT max(date) FROM job WHERE telescope = ?1 AND date <= ?2 UNION ALL "
      "SELECT (SELECT max(date) FROM job WHERE telescope = ?1 AND date < night.date) "
      "FROM night WHERE date IS NOT NULL LIMIT ?3), "
      "done AS (SELECT stage, job.date AS date, max(max_rss_bytes) AS bytes FROM job JOIN night "
      "ON job.date = night.date WHERE telescope = ?1 AND status = 'done' GROUP BY stage, job.date) "
      "SELECT stage, bytes FROM done AS latest WHERE date = "
      "(SELECT max(date) FROM done WHERE done.stage = latest.stage)");
  query.bind(night.telescope, night.date.compact(), nights_of_memory);
  while (query.step())
    if (const std::int64_t bytes = query.integer(1); bytes > 0)
      most[query.text(0)] = static_cast<std::uint64_t>(bytes);
  return most;
}

void State::submission_accepted(const std::string& submission, const std::string& scheduler_job) {
  database_
      .prepare("UPDATE process SET scheduler_job = ? WHERE submission = ? AND submission != ''")
      .bind(scheduler_job, submission)
      .run();
}

std::map<JobKey, JobNeed> State::needs(const NightKey& night) {
  std::map<JobKey, JobNeed> needs;
  sqlite::Statement query = database_.prepare(
      "SELECT stage, run, subrun, memory_bytes, time_s FROM need "
      "WHERE telescope = ? AND date = ? AND prod_id = ?");
  query.bind(night.telescope, night.date.compact(), night.prod_id);
  while (query.step())
    needs[{query.text(0), static_cast<int>(query.integer(1)), static_cast<int>(query.integer(2))}] =
        {.memory_bytes = static_cast<std::uint64_t>(query.integer(3)), .time_s = query.number(4)};
  return needs;
}

void State::set_need(const NightKey& night, const JobKey& job, const JobNeed& need) {
  database_
      .prepare(
          "INSERT OR REPLACE INTO need (telescope, date, prod_id, stage, run, subrun, "
          "memory_bytes, time_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
      .bind(night.telescope, night.date.compact(), night.prod_id, job.stage, job.run, job.subrun,
            need.memory_bytes, need.time_s)
      .run();
}

void State::remember_files(const std::vector<FileStamp>& files) {
  if (files.empty()) return;
  sqlite::Transaction transaction(database_);
  sqlite::Statement note = database_.prepare(insert_file);
  for (const FileStamp& file : files) write_file(note, file);
  transaction.commit();
}

std::optional<Verdict> State::known_verdict(const std::string& gates, const FileStamp& file) {
  if (!find_verdict_) {
    if (database_.user_version() < first_schema_with_verdicts) return std::nullopt;
    find_verdict_ = database_.prepare(
        "SELECT passed, text, unmeasured FROM verdict WHERE path = ? AND gates = ? AND size = ? "
        "AND mtime_ns = ? AND inode = ?");
  }
  find_verdict_->bind(file.path, gates, file.size, file.mtime_ns, file.inode);
  if (!find_verdict_->step()) return std::nullopt;
  Verdict verdict{find_verdict_->integer(0) != 0, find_verdict_->text(1), find_verdict_->text(2)};
  find_verdict_->reset();
  return verdict;
}

void State::remember_verdicts(const std::vector<JudgedFile>& judged) {
  if (judged.empty()) return;
  sqlite::Transaction transaction(database_);
  sqlite::Statement write = database_.prepare(
      "INSERT OR REPLACE INTO verdict (path, gates, size, mtime_ns, inode, passed, text, "
      "unmeasured) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  for (const auto& [file, gates, verdict] : judged)
    write
        .bind(file.path, gates, file.size, file.mtime_ns, file.inode, verdict.passed, verdict.text,
              verdict.unmeasured)
        .run();
  transaction.commit();
}

std::string State::merged_signature(const NightKey& night, const std::string& stage, int run) {
  sqlite::Statement query = database_.prepare(
      "SELECT signature FROM merge WHERE telescope = ? AND date = ? AND prod_id = ? AND stage = ? "
      "AND run = ?");
  query.bind(night.telescope, night.date.compact(), night.prod_id, stage, run);
  return query.step() ? query.text(0) : std::string();
}

void State::set_merged(const NightKey& night, const std::string& stage, int run,
                       const std::string& signature) {
  sqlite::Statement write = database_.prepare(
      "INSERT OR REPLACE INTO merge (telescope, date, prod_id, stage, run, signature) "
      "VALUES (?, ?, ?, ?, ?, ?)");
  write.bind(night.telescope, night.date.compact(), night.prod_id, stage, run, signature);
  write.run();
}

void State::show(const NightKey& night, const std::string& summary,
                 const std::vector<StepRecord>& changed, const std::vector<JobKey>& gone) {
  sqlite::Transaction transaction(database_);
  database_
      .prepare(
          "INSERT OR REPLACE INTO night (telescope, date, prod_id, summary, updated_at) "
          "VALUES (?, ?, ?, ?, ?)")
      .bind(night.telescope, night.date.compact(), night.prod_id, summary, utc_now_text())
      .run();
  sqlite::Statement write = database_.prepare(
      "INSERT OR REPLACE INTO step (telescope, date, prod_id, stage, run, subrun, status, reason) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  for (const auto& [key, status, reason] : changed)
    write
        .bind(night.telescope, night.date.compact(), night.prod_id, key.stage, key.run, key.subrun,
              status, reason)
        .run();
  sqlite::Statement forget = database_.prepare(
      "DELETE FROM step WHERE telescope = ? AND date = ? AND prod_id = ? AND stage = ? AND run = ? "
      "AND subrun = ?");
  for (const JobKey& key : gone)
    forget
        .bind(night.telescope, night.date.compact(), night.prod_id, key.stage, key.run, key.subrun)
        .run();
  transaction.commit();
}

std::vector<StepRecord> State::steps(const NightKey& night) {
  std::vector<StepRecord> steps;
  if (database_.user_version() < first_schema_with_steps) return steps;
  sqlite::Statement query = database_.prepare(
      "SELECT stage, run, subrun, status, reason FROM step "
      "WHERE telescope = ? AND date = ? AND prod_id = ? ORDER BY run, subrun, stage");
  query.bind(night.telescope, night.date.compact(), night.prod_id);
  while (query.step())
    steps.push_back({.key = {query.text(0), static_cast<int>(query.integer(1)),
                             static_cast<int>(query.integer(2))},
                     .status = query.text(3),
                     .reason = query.text(4)});
  return steps;
}

std::int64_t State::data_version() {
  sqlite::Statement query = database_.prepare("PRAGMA data_version");
  query.step();
  return query.integer(0);
}

std::vector<ShownNight> State::nights() {
  std::vector<ShownNight> nights;
  if (database_.user_version() < first_schema_with_steps) return nights;
  sqlite::Statement query = database_.prepare(
      "SELECT telescope, date, prod_id, updated_at FROM night "
      "ORDER BY date DESC, telescope, prod_id");
  while (query.step())
    nights.push_back({.key = {static_cast<int>(query.integer(0)), NightDate::parse(query.text(1)),
                              query.text(2)},
                      .updated_at = query.text(3)});
  return nights;
}

std::optional<NightRecord> State::night(const NightKey& night) {
  if (database_.user_version() < first_schema_with_steps) return std::nullopt;
  sqlite::Statement query = database_.prepare(
      "SELECT summary, updated_at FROM night WHERE telescope = ? AND date = ? AND prod_id = ?");
  query.bind(night.telescope, night.date.compact(), night.prod_id);
  if (!query.step()) return std::nullopt;
  return NightRecord{.key = night, .summary = query.text(0), .updated_at = query.text(1)};
}

}  // namespace alisio::night
