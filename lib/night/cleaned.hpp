#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "lib/night/closing_record.hpp"
#include "lib/night/state.hpp"

namespace alisio::night {

/// A file that `alisio clean` took away, as the state keeps it.
struct CleanedFile {
  std::string path;
  std::string kind;    ///< "product", "log", "set aside"
  std::string sha256;  ///< of a product or what was one; empty: a log
  std::uint64_t size_bytes = 0;
  std::string why;  ///< it could go; one line
  std::string author;
  std::string at;  ///< ISO, UTC
};

/// By path.
using CleanedFiles = std::unordered_map<std::string, CleanedFile>;

/// Return the files of a night that are recorded as cleaned, of all productions: what they share is
/// cleaned for all. A file that is there nevertheless was made again since, or its cleaning was
/// interrupted.
[[nodiscard]] CleanedFiles cleaned_files(State& state, const NightKey& night);

/// Return those of one production alone, by path.
[[nodiscard]] std::vector<CleanedFile> cleaned_files_of(State& state, const NightKey& night);

/// Return the jobs of a night of whose products some were cleaned since they made them, and who did
/// it last.
[[nodiscard]] std::map<JobKey, std::string> cleaned_jobs(State& state, const NightKey& night);

/// Record that files are about to be removed, in one transaction.
void record_cleaned(State& state, const NightKey& night, const std::vector<CleanedFile>& files);

/// Return the record that tells why a product is not there; nullptr: it was not cleaned.
/// @param made_at end of the job that made it, ISO, UTC: what was made later was not cleaned
[[nodiscard]] const CleanedFile* cleaned_product(const CleanedFiles& cleaned,
                                                 const JobFile& product,
                                                 const std::string& made_at);

}  // namespace alisio::night
