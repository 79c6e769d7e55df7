#include "lib/night/cleaned.hpp"

namespace alisio::night {
namespace {

CleanedFile read_row(const sqlite::Statement& row) {
  return {.path = row.text(0),
          .kind = row.text(1),
          .sha256 = row.text(2),
          .size_bytes = static_cast<std::uint64_t>(row.integer(3)),
          .why = row.text(4),
          .author = row.text(5),
          .at = row.text(6)};
}

constexpr const char* select_cleaned =
    "SELECT path, kind, sha256, size, why, author, at FROM cleaned WHERE telescope = ? AND date = "
    "?";

}  // namespace

CleanedFiles cleaned_files(State& state, const NightKey& night) {
  CleanedFiles files;
  if (!state.database().has_table("cleaned")) return files;
  sqlite::Statement query = state.database().prepare(select_cleaned);
  query.bind(night.telescope, night.date.compact());
  while (query.step()) {
    CleanedFile file = read_row(query);
    std::string path = file.path;
    files.emplace(std::move(path), std::move(file));
  }
  return files;
}

std::vector<CleanedFile> cleaned_files_of(State& state, const NightKey& night) {
  std::vector<CleanedFile> files;
  if (!state.database().has_table("cleaned")) return files;
  sqlite::Statement query =
      state.database().prepare(std::string(select_cleaned) + " AND prod_id = ? ORDER BY path");
  query.bind(night.telescope, night.date.compact(), night.prod_id);
  while (query.step()) files.push_back(read_row(query));
  return files;
}

std::map<JobKey, std::string> cleaned_jobs(State& state, const NightKey& night) {
  std::map<JobKey, std::string> jobs;
  if (!state.database().has_table("cleaned")) return jobs;
  sqlite::Statement query = state.database().prepare(
      "SELECT stage, run, subrun, max(cleaned.at), cleaned.author FROM cleaned "
      "JOIN job_file ON job_file.path = cleaned.path AND job_file.sha256 = cleaned.sha256 "
      "AND output = 1 JOIN job ON job.id = job_file.job AND job.ended_at <= cleaned.at "
      "WHERE job.telescope = ? AND job.date = ? AND job.prod_id = ? GROUP BY stage, run, subrun");
  query.bind(night.telescope, night.date.compact(), night.prod_id);
  while (query.step())
    jobs[{query.text(0), static_cast<int>(query.integer(1)), static_cast<int>(query.integer(2))}] =
        query.text(4);
  return jobs;
}

void record_cleaned(State& state, const NightKey& night, const std::vector<CleanedFile>& files) {
  if (files.empty()) return;
  sqlite::Transaction transaction(state.database());
  sqlite::Statement write = state.database().prepare(
      "INSERT OR REPLACE INTO cleaned (path, telescope, date, prod_id, kind, sha256, size, why, "
      "author, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  for (const CleanedFile& file : files)
    write
        .bind(file.path, night.telescope, night.date.compact(), night.prod_id, file.kind,
              file.sha256, file.size_bytes, file.why, file.author, file.at)
        .run();
  transaction.commit();
}

const CleanedFile* cleaned_product(const CleanedFiles& cleaned, const JobFile& product,
                                   const std::string& made_at) {
  const auto found = cleaned.find(product.path);
  if (found == cleaned.end() || found->second.sha256 != product.hashes.sha256 ||
      found->second.at < made_at)
    return nullptr;
  return &found->second;
}

}  // namespace alisio::night
