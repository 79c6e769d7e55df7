#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "prov/definition.hpp"

namespace alisio::prov {

/// Return a UTC instant as `YYYY-MM-DDTHH:MM:SS.ffffffZ`.
[[nodiscard]] std::string iso_time(double unix_utc_s);
/// Return now, s since 1970 UTC.
[[nodiscard]] double now_unix_utc_s();

/// Return one line of a journal, ended by a line feed. The prefix cannot occur in the record's
/// text: its first character is escaped there.
[[nodiscard]] std::string format_line(const LoggerConfiguration& logger, const std::string& time,
                                      const nlohmann::ordered_json& record);

/// One record as a journal holds it.
struct Line {
  std::string_view text;  ///< the whole line without its line feed
  std::string_view time;
  nlohmann::json record;
};

/// Journals read into memory; the lines look into `texts`.
struct Journals {
  std::vector<std::string> texts;
  std::vector<Line> lines;  ///< sorted by time and text, each different line once
  std::int64_t records = 0, broken_lines = 0, other_lines = 0;
};

/// Return the value that a Python literal writes (dict, list, tuple, str, int, float, True, False,
/// None). @throws std::invalid_argument if it is none.
[[nodiscard]] nlohmann::json parse_python_literal(std::string_view text);

/// Read journals: files, or folders in which all files ending in the journal name's extension are
/// taken. Payloads may be JSON or Python literals. Lines that cannot be read are counted.
/// @param wanted if not empty, lines without any of these texts are counted but not read.
/// @throws Error(missing_input) if a file cannot be read.
[[nodiscard]] Journals read_journals(const std::vector<std::filesystem::path>& sources,
                                     const LoggerConfiguration& logger,
                                     const std::vector<std::string>& wanted = {});

}  // namespace alisio::prov
