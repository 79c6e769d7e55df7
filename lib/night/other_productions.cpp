#include "lib/night/other_productions.hpp"

namespace alisio::night {
namespace {

constexpr const char* select_files =
    "SELECT DISTINCT job_file.path, job.prod_id FROM job JOIN job_file ON job_file.job = job.id "
    "WHERE job.telescope = ? AND job.date = ? AND job.prod_id <> ?";

FilesOfOthers read_files(State& state, const NightKey& night, const std::string& sql) {
  sqlite::Statement query = state.database().prepare(sql);
  query.bind(night.telescope, night.date.compact(), night.prod_id);
  FilesOfOthers files;
  while (query.step()) files.emplace(query.text(0), query.text(1));
  return files;
}

}  // namespace

FilesOfOthers files_of_other_productions(State& state, const NightKey& night) {
  return read_files(state, night, select_files);
}

FilesOfOthers files_of_other_open_productions(State& state, const NightKey& night) {
  return read_files(state, night,
                    std::string(select_files) +
                        " AND NOT EXISTS (SELECT 1 FROM closing WHERE closing.telescope = "
                        "job.telescope AND closing.date = job.date AND closing.prod_id = "
                        "job.prod_id AND closed_at <> '' AND reopened_at = '')");
}

}  // namespace alisio::night
