#include "prov/invalidation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "prov/record_fields.hpp"

namespace alisio::prov {
namespace {

constexpr std::string_view invalidated = "invalidated", by = " by ", valid_again = "valid again: ";
constexpr std::string_view program = " (alisio ";
constexpr std::string_view removed = "; removed", kept = "; kept as ";
/// Notes that name no action are of a time when only discarded files were noted.
constexpr const char* first_action = "discard";

}  // namespace

std::string note_text(const Invalidation& invalidation) {
  if (invalidation.taken_back) return fmt::format("{}{}", valid_again, invalidation.reason);
  const std::string where = invalidation.kept_as.empty()
                                ? std::string(removed)
                                : fmt::format("{}{}", kept, invalidation.kept_as);
  const std::string who = invalidation.software.empty()
                              ? std::string()
                              : fmt::format("{}{})", program, invalidation.software);
  return fmt::format("{}{}{}{}: {}{}", invalidated, by, invalidation.action, who,
                     invalidation.reason, where);
}

std::optional<Invalidation> parse_invalidation(const std::string& about, const std::string& time,
                                               const std::string& author, const std::string& text) {
  Invalidation told;
  told.entity = about;
  told.time = time;
  told.author = author;
  if (text.starts_with(valid_again)) {
    told.taken_back = true;
    told.reason = text.substr(valid_again.size());
    return told;
  }
  if (!text.starts_with(invalidated)) return std::nullopt;
  const std::size_t colon = text.find(": ");
  if (colon == std::string::npos) return std::nullopt;
  const std::string who = text.substr(invalidated.size(), colon - invalidated.size());
  if (!who.empty() && !who.starts_with(by)) return std::nullopt;
  told.action = who.empty() ? first_action : who.substr(by.size());
  if (const auto at = told.action.find(program);
      at != std::string::npos && told.action.ends_with(')')) {
    told.software = told.action.substr(at + program.size());
    told.software.pop_back();
    told.action.resize(at);
  }
  told.reason = text.substr(colon + 2);
  if (told.reason.ends_with(removed)) {
    told.reason.resize(told.reason.size() - removed.size());
  } else if (const auto at = told.reason.rfind(kept); at != std::string::npos) {
    told.kept_as = told.reason.substr(at + kept.size());
    told.reason.resize(at);
  } else {
    return std::nullopt;
  }
  return told;
}

bool is_about_validity(std::string_view note) {
  return note.starts_with(invalidated) || note.starts_with(valid_again);
}

std::vector<Invalidation> told_in(const Journals& notes) {
  std::vector<Invalidation> told;
  for (const Line& line : notes.lines)
    if (auto one =
            parse_invalidation(text_at(line.record, "note_about"), text_at(line.record, "time"),
                               text_at(line.record, "author"), text_at(line.record, "note")))
      told.push_back(std::move(*one));
  return told;
}

std::filesystem::path notes_journal_of(const std::filesystem::path& journal) {
  for (std::filesystem::path above = journal; above.has_relative_path();
       above = above.parent_path())
    if (above.filename() == "journal") return above / notes_journal_name;
  std::error_code problem;
  return (std::filesystem::is_directory(journal, problem) ? journal : journal.parent_path()) /
         notes_journal_name;
}

std::map<std::string, Invalidation> standing_invalidations(std::vector<Invalidation> told) {
  std::stable_sort(told.begin(), told.end(),
                   [](const auto& left, const auto& right) { return left.time < right.time; });
  std::map<std::string, Invalidation> standing;
  for (Invalidation& one : told) {
    if (one.taken_back)
      standing.erase(one.entity);
    else
      standing.insert_or_assign(one.entity, std::move(one));
  }
  return standing;
}

}  // namespace alisio::prov
