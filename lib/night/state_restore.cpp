// Filling the state from what the files on disk tell.
#include "lib/base/hash.hpp"
#include "lib/night/state.hpp"

namespace alisio::night {
namespace {

std::int64_t write_job(sqlite::Database& database, const NightKey& night, const JobRecord& job) {
  const std::string configuration =
      job.configuration.empty() ? std::string() : hash_text(job.configuration);
  if (!configuration.empty())
    database.prepare("INSERT OR IGNORE INTO configuration (hash, content) VALUES (?, ?)")
        .bind(configuration, job.configuration)
        .run();
  database
      .prepare(
          "INSERT INTO job (telescope, date, prod_id, stage, run, subrun, status, stage_version, "
          "configuration, identity, activity_id, journal, exit_code, message, log_file, log_tail, "
          "events, wall_s, cpu_s, max_rss_bytes, ended_at, attempts) "
          "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .bind(night.telescope, night.date.compact(), night.prod_id, job.key.stage, job.key.run,
            job.key.subrun, to_string(job.status), job.stage_version, configuration, job.identity,
            job.activity_id, job.journal, job.exit_code, job.message, job.log_file, job.log_tail,
            job.events, job.wall_s, job.cpu_s, job.max_rss_bytes, job.ended_at, job.attempts)
      .run();
  return database.last_row_id();
}

void write_files_of(sqlite::Database& database, std::int64_t row, const JobRecord& job) {
  sqlite::Statement add = database.prepare(
      "INSERT INTO job_file (job, output, port, path, sha256, data_hash, quality) "
      "VALUES (?, ?, ?, ?, ?, ?, ?)");
  for (const bool output : {false, true})
    for (const JobFile& file : output ? job.outputs : job.inputs)
      add.bind(row, output, file.port, file.path, file.hashes.sha256, file.hashes.data_hash,
               file.quality)
          .run();
}

void write_closing(sqlite::Database& database, const ClosingRecord& closing) {
  database
      .prepare(
          "INSERT INTO closing (telescope, date, prod_id, author, reason, forced, started_at, "
          "step, "
          "closed_at, seal_number, seal, seal_sha256, reopened_at, reopened_by, reopen_reason) "
          "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .bind(closing.key.telescope, closing.key.date.compact(), closing.key.prod_id, closing.author,
            closing.reason, closing.forced, closing.started_at, closing.step, closing.closed_at,
            closing.seal_number, closing.seal, closing.seal_sha256, closing.reopened_at,
            closing.reopened_by, closing.reopen_reason)
      .run();
}

}  // namespace

void State::restore_night(const NightKey& night, const std::vector<JobRecord>& jobs,
                          const std::vector<ClosingRecord>& closings,
                          const std::vector<FileStamp>& files) {
  sqlite::Transaction transaction(database_);
  for (const char* table : {"job", "merge", "step", "closing"})
    database_
        .prepare(std::string("DELETE FROM ") + table +
                 " WHERE telescope = ? AND date = ? AND prod_id = ?")
        .bind(night.telescope, night.date.compact(), night.prod_id)
        .run();
  for (const JobRecord& job : jobs)
    write_files_of(database_, write_job(database_, night, job), job);
  for (const ClosingRecord& closing : closings) write_closing(database_, closing);
  for (const FileStamp& file : files)
    database_
        .prepare(
            "INSERT OR REPLACE INTO file (path, size, mtime_ns, inode, sha256, data_hash) "
            "VALUES (?, ?, ?, ?, ?, ?)")
        .bind(file.path, file.size, file.mtime_ns, file.inode, file.sha256, file.data_hash)
        .run();
  transaction.commit();
}

}  // namespace alisio::night
