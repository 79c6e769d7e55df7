#include "lib/night/kept_configuration.hpp"

#include <fmt/format.h>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/plain_text.hpp"

namespace alisio::night {
namespace fs = std::filesystem;

fs::path keep_configuration(const config::Configuration& configuration, const fs::path& original,
                            const fs::path& folder) {
  if (original.empty()) return {};
  const std::string content = configuration.all().dump(2) + '\n';
  constexpr std::size_t characters = 12, most_path_characters = 4096;
  const fs::path file =
      folder / fmt::format("configuration_{}.yaml", hash_text(content).substr(0, characters));
  std::error_code absent;
  if (fs::exists(file, absent)) return file;
  make_folder(folder);
  write_file_atomically(file,
                        fmt::format("# all values in force, read from {}\n{}",
                                    plain_line(original.string(), most_path_characters), content));
  return file;
}

std::vector<Decision> retries_for_configuration(State& state, const NightKey& night,
                                                const fs::path& kept) {
  sqlite::Statement query = state.database().prepare(
      "SELECT stage, run, subrun FROM job WHERE telescope = ? AND date = ? AND prod_id = ? AND "
      "status = 'failed' AND exit_code = ? AND NOT EXISTS (SELECT 1 FROM job_file WHERE "
      "job_file.job = job.id AND output = 0 AND port = ? AND path = ?)");
  query.bind(night.telescope, night.date.compact(), night.prod_id,
             exit_code(ErrorKind::configuration), configuration_port, kept.string());
  std::vector<Decision> retries;
  while (query.step()) {
    Decision retry;
    retry.kind = DecisionKind::retry;
    retry.stage = query.text(0);
    retry.run = static_cast<int>(query.integer(1));
    retry.subrun = static_cast<int>(query.integer(2));
    retry.author = "alisio";
    retry.reason = "the configuration has changed";
    retry.at = utc_now_text();
    retries.push_back(std::move(retry));
  }
  return retries;
}

}  // namespace alisio::night
