#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "prov/store/connection.hpp"
#include "prov/store/journal_text.hpp"

namespace alisio::prov {

/// Make tables, indexes and views in an empty database; nothing if they are there.
void make_schema(Store::Connection& connection);

/// A journal to read, or to pass over.
struct JournalFile {
  std::filesystem::path path;
  std::int64_t size = 0, mtime_ns = 0;
  // What the index knows of it; row 0: nothing.
  Row row = 0;
  std::int64_t known_size = 0, read_to = 0, head_size = 0, known_mtime_ns = 0, broken = 0;
  std::string head_hash;

  std::string text;  ///< from `begin` on
  std::int64_t begin = 0;
  bool changed = false;  ///< it is no continuation of what was read
  JournalLines lines;
};

/// Look for journals in files and folders, each once, in the order of their paths.
/// @throws Error(missing_input) if a file cannot be read.
[[nodiscard]] std::vector<JournalFile> find_journals(
    const std::vector<std::filesystem::path>& sources, const std::string& extension);
/// Look up what the index knows of journals.
void recall(Store::Connection& connection, std::vector<JournalFile>& journals);
[[nodiscard]] bool is_unchanged(const JournalFile& journal);

/// Read what is new in journals into the tables, within the transaction that is open. What the
/// index holds afterwards depends on the lines only, not on their order or on how many calls
/// brought them.
/// @param fresh the tables are empty and have no indexes yet: these are made at the end.
IndexReport index_journals(Store::Connection& connection, bool fresh,
                           std::vector<JournalFile>& journals, const Definition& definition,
                           const LoggerConfiguration& logger);

}  // namespace alisio::prov
