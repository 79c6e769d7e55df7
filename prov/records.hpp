#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "prov/definition.hpp"

namespace alisio::prov {

/// Return a UTC instant as `YYYY-MM-DDTHH:MM:SS.ffffffZ`.
[[nodiscard]] std::string iso_time(double unix_utc_s);

/// Return one line of a journal, ended by a line feed. The prefix cannot occur in the record's
/// text: its first character is escaped there.
[[nodiscard]] std::string format_line(const LoggerConfiguration& logger, const std::string& time,
                                      const nlohmann::ordered_json& record);

/// What a line of a journal holds between its two prefixes and behind them.
struct LineParts {
  std::string_view time, payload;
};
/// Return them; nothing if the line does not hold the prefix twice.
[[nodiscard]] std::optional<LineParts> split_line(std::string_view line, std::string_view prefix);

/// One record as a journal holds it.
struct Line {
  std::string_view text;  ///< the whole line without its line feed
  std::string_view time;
  nlohmann::json record;
};

/// Journals read into memory; the lines look into `texts`.
struct Journals {
  /// The files' texts, or nothing if a JournalReader keeps them.
  std::vector<std::shared_ptr<const std::string>> texts;
  std::vector<Line> lines;  ///< sorted by time and text, each different line once
  std::int64_t records = 0, broken_lines = 0, other_lines = 0;
};

/// Return the value that a Python literal writes (dict, list, tuple, str, int, float, True, False,
/// None). @throws std::invalid_argument if it is none.
[[nodiscard]] nlohmann::json parse_python_literal(std::string_view text);

/// Reads journals once, and of their lines only those that are asked for: most lines of a night say
/// nothing about one run.
class JournalReader {
 public:
  explicit JournalReader(const LoggerConfiguration& logger);
  ~JournalReader();
  JournalReader(JournalReader&&) noexcept;
  JournalReader& operator=(JournalReader&&) noexcept;

  /// Read files, or all files in folders that end in the journal name's extension; what was read
  /// already is passed over. @returns whether anything was new.
  /// @throws Error(missing_input) if a file cannot be read.
  bool add(const std::vector<std::filesystem::path>& sources);

  /// Give the records of the lines that hold any of these texts; of none, of all lines. Payloads
  /// may be JSON or Python literals; lines that cannot be read are counted. The views of the result
  /// look into the reader, which must live longer. What an earlier call gave need not be read
  /// again.
  [[nodiscard]] Journals records(const std::vector<std::string>& wanted, Journals earlier = {});

  /// Call `see` with the payload of each line, in no particular order.
  void each_payload(const std::function<void(std::string_view)>& see) const;

  /// The texts that the lines look into.
  [[nodiscard]] const std::vector<std::shared_ptr<const std::string>>& texts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Return the value of a text field of a payload that need not be read as a whole: JSON or a Python
/// literal, a value without escapes; empty if there is none.
[[nodiscard]] std::string_view text_field(std::string_view payload, std::string_view key);

/// Read journals: files, or folders in which all files ending in the journal name's extension are
/// taken. As JournalReader does.
[[nodiscard]] Journals read_journals(const std::vector<std::filesystem::path>& sources,
                                     const LoggerConfiguration& logger,
                                     const std::vector<std::string>& wanted = {});

}  // namespace alisio::prov
