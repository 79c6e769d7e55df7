#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "prov/records.hpp"

/// What notes in journals tell of entities that stand no more for what they were.
namespace alisio::prov {

/// That an entity was invalidated, or that this was taken back.
struct Invalidation {
  std::string entity;    ///< id
  std::string action;    ///< which did it: "discard", "clean"
  std::string software;  ///< version of the program that did it, "v0.1.0"; may be empty
  std::string reason;
  std::string kept_as;  ///< where the content is now; empty: it was removed
  std::string author;
  std::string time;         ///< ISO 8601, UTC
  bool taken_back = false;  ///< the entity is valid again
  bool operator==(const Invalidation&) const = default;
};

/// Return the text of the note that records it.
[[nodiscard]] std::string note_text(const Invalidation& invalidation);

/// Return what a note tells of the validity of its entity; nothing if it is about something else.
[[nodiscard]] std::optional<Invalidation> parse_invalidation(const std::string& about,
                                                             const std::string& time,
                                                             const std::string& author,
                                                             const std::string& text);

/// Tell from the beginning of a note whether parse_invalidation() may take it.
[[nodiscard]] bool is_about_validity(std::string_view note);

/// Return the invalidations that journals of notes tell, in order of time.
[[nodiscard]] std::vector<Invalidation> told_in(const Journals& notes);

/// Name of a journal of notes.
inline constexpr const char* notes_journal_name = "notes_prov.log";

/// Return the journal of notes that belongs to a journal or to a folder of journals: in the folder
/// `journal` that holds it, else in the folder itself.
[[nodiscard]] std::filesystem::path notes_journal_of(const std::filesystem::path& journal);

/// Return, by entity, the last invalidation that was not taken back since.
[[nodiscard]] std::map<std::string, Invalidation> standing_invalidations(
    std::vector<Invalidation> told);

}  // namespace alisio::prov
