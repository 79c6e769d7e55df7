#include "lib/night/products.hpp"

namespace alisio::night {

std::vector<RecordedProduct> recorded_products(State& state, const NightKey& night,
                                               const std::string& stage) {
  sqlite::Statement query = state.database().prepare(
      "SELECT run, subrun, port, job_file.path, coalesce(file.size, 0) "
      "FROM job JOIN job_file ON job_file.job = job.id AND output = 1 "
      "LEFT JOIN file ON file.path = job_file.path "
      "WHERE telescope = ? AND date = ? AND prod_id = ? AND stage = ? "
      "AND status = 'done' ORDER BY run, subrun, job_file.path");
  query.bind(night.telescope, night.date.compact(), night.prod_id, stage);
  std::vector<RecordedProduct> products;
  while (query.step())
    products.push_back(
        {.made_by = {stage, static_cast<int>(query.integer(0)), static_cast<int>(query.integer(1))},
         .port = query.text(2),
         .path = query.text(3),
         .size_bytes = static_cast<std::uint64_t>(query.integer(4))});
  return products;
}

std::vector<StageBytes> recorded_bytes(State& state, const NightKey& night) {
  sqlite::Statement query = state.database().prepare(
      "SELECT stage, count(*), sum(coalesce(file.size, 0)) "
      "FROM job JOIN job_file ON job_file.job = job.id AND output = 1 "
      "LEFT JOIN file ON file.path = job_file.path "
      "WHERE telescope = ? AND date = ? AND prod_id = ? AND status = 'done' "
      "GROUP BY stage ORDER BY stage");
  query.bind(night.telescope, night.date.compact(), night.prod_id);
  std::vector<StageBytes> stages;
  while (query.step())
    stages.push_back(
        {query.text(0), query.integer(1), static_cast<std::uint64_t>(query.integer(2))});
  return stages;
}

}  // namespace alisio::night
