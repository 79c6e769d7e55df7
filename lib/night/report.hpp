#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lib/night/state.hpp"

namespace alisio::night {

/// What a job says of itself at its end.
struct JobReport {
  std::vector<JobRecord> jobs;   ///< run and subrun left for the caller to fill
  std::vector<FileStamp> files;  ///< every file with its stamp at that moment
};

/// Read the report of a job: {"activities": [{stage, stage_version, activity_id, identity, status,
/// exit_code, message, inputs, outputs, events, wall_s, cpu_s, max_rss_bytes}], "journal": path}.
/// Nothing if there is none. @throws Error(bad_input) if it cannot be read.
[[nodiscard]] std::optional<JobReport> read_report(const std::filesystem::path& file);

/// Write the hashes of files that many jobs share, for --known-hashes.
void write_known_hashes(const std::filesystem::path& file, const std::vector<FileStamp>& files);

/// Return the last lines of a text file, at most `count` lines and 4 kB; "" if there is none.
[[nodiscard]] std::string last_lines(const std::filesystem::path& file, int count);

/// Return the last error that a program wrote to its log, without time and level, else its last
/// line; "" if there is none.
[[nodiscard]] std::string last_error(const std::filesystem::path& file);

}  // namespace alisio::night
