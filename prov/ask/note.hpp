#pragma once
#include <filesystem>
#include <string>

#include "prov/definition.hpp"
#include "prov/store/store.hpp"

namespace alisio::prov {

/// Return the journal line of a note: a record {"note_id", "note_about", "note", "author", "time"}.
/// @throws Error(usage) for a text that is empty, longer than 10 000 bytes or not UTF-8.
[[nodiscard]] std::string note_line(const LoggerConfiguration& logger, const Store::Note& note);

/// Append a note to a journal of notes, made if absent; synced to disk. @throws Error(resource).
void append_note(const std::filesystem::path& journal, const LoggerConfiguration& logger,
                 const Store::Note& note);

/// Let no note be appended to what is no journal: a file that is there must be empty, or begin with
/// a record. @throws Error(usage).
void require_journal(const std::filesystem::path& file, const LoggerConfiguration& logger);

}  // namespace alisio::prov
