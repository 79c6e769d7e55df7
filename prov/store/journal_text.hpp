#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "prov/definition.hpp"

/// Journals read field by field, without a tree of values for each line: an index reads hundreds of
/// thousands of lines at once. The texts look into the journal, or into the lines' own memory.
namespace alisio::prov {

/// Orders the lines that tell the same thing: time in µs, then a few bits of the text.
using LineKey = std::int64_t;

struct StartLine {
  std::string_view id, name, session, tag, subrun, telescope, date, production, operator_name,
      version, commit, status, origin, command;
  std::int64_t start_us = 0;
  LineKey key = 0;
};
struct ParameterLine {
  std::string_view id, parameters;
  LineKey key = 0;
};
struct EndLine {
  std::string_view id, status, message;
  std::int64_t end_us = 0;
  int exit_code = 0;
  LineKey key = 0;
};
struct FlowLine {
  std::string_view activity, entity, role, port, remark;
  std::int64_t sign_us = 0;
  bool generated = false;
};
struct EntityLine {
  std::string_view id, name, type, path, logical_path, sha256, data_hash, value;
  std::int64_t size = 0;
  LineKey key = 0;
};
struct SessionLine {
  std::string_view id, host, environment;
  LineKey key = 0;
};
struct PairLine {
  std::string_view first, second;  ///< collection and member; entity and progenitor
};
struct NoteLine {
  std::string_view about, time, author, text;
};

/// The records of a journal, or of a part of it.
struct JournalLines {
  std::vector<StartLine> starts;
  std::vector<ParameterLine> parameters;
  std::vector<EndLine> ends;
  std::vector<FlowLine> flows;
  std::vector<EntityLine> entities;
  std::vector<SessionLine> sessions;
  std::vector<PairLine> members, derivations;
  std::vector<NoteLine> notes;
  std::int64_t broken = 0;
  std::size_t whole = 0;  ///< bytes up to the end of the last line that has ended
  /// Whether what follows the last line feed is no record: a line still being written, or cut off.
  bool cut = false;
  std::deque<std::string> owned;  ///< texts that had escapes
};

/// Read the lines of a text. Lines without the prefix are passed over; lines that are no record
/// are counted as broken.
[[nodiscard]] JournalLines read_journal_text(std::string_view text,
                                             const LoggerConfiguration& logger);

/// Return an ISO 8601 time as µs since 1970 UTC; without a zone it is taken as UTC. 0 if it is
/// none.
[[nodiscard]] std::int64_t microseconds_of(std::string_view iso) noexcept;

}  // namespace alisio::prov
