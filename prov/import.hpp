#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "prov/definition.hpp"

namespace alisio::prov {

/// Whose records a file holds.
enum class ImportFormat {
  lstosa_log,       ///< LSTOSA's prov.log: lines with Python literals
  lstosa_document,  ///< LSTOSA's *_prov.json
  ctapipe_log       ///< ctapipe's *.provenance.log: JSON arrays, one after the other
};

[[nodiscard]] const char* to_string(ImportFormat format) noexcept;

/// What importing a file found and made.
struct ImportResult {
  ImportFormat format = ImportFormat::lstosa_log;
  std::filesystem::path journal;  ///< what was written; empty if there was nothing to write
  std::int64_t sessions = 0, activities = 0, entities = 0, used = 0, generated = 0;
  std::int64_t broken_lines = 0;   ///< records that could not be read
  std::int64_t other_lines = 0;    ///< lines that are no records
  std::vector<std::string> notes;  ///< what the user should know, one line each
};

/// Rewrite another program's records as a journal of ours, `imported_<first 8 digits of the file's
/// SHA-256>.log`. Each record carries `origin`; activity ids, which those programs draw from 24
/// bits, are made unique by the record's content; entities are known by their path only, for there
/// is no hash of their content; times without zone are taken as UTC. Equal input, equal journal.
/// @throws Error(missing_input) if the file cannot be read, Error(bad_input) if it holds no
///         record of a known kind, Error(resource) if the journal cannot be written.
ImportResult import_records(const std::filesystem::path& file,
                            const std::filesystem::path& output_folder,
                            const LoggerConfiguration& logger);

}  // namespace alisio::prov
