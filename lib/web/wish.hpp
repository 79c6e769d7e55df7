#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace alisio::web {

/// What somebody wants done with a night, as it came.
struct Wish {
  std::string what;   ///< "retry", "veto", "close"
  std::string job;    ///< "RUN", "RUN.SUBRUN"; "night" or empty: the night
  std::string stage;  ///< empty: all
  std::string reason, author;
};

/// Read a JSON object with members of these names, all of them texts.
/// @throws Error(usage), one line, for what is no such object or has other members.
[[nodiscard]] Wish wish_of_json(std::string_view body);

/// The fields of a form that was sent in.
struct WishForm {
  Wish wish;
  std::string form, token;  ///< its seal, and what allows to act
};
/// Read "what=veto&job=11220&…". @throws Error(usage) for other fields, and for one that is there
/// twice.
[[nodiscard]] WishForm wish_of_form(const std::string& body);

/// Refuse what is no action, or about no job. @throws Error(usage).
void check_subject(const Wish& wish, const std::vector<std::string>& known_actions);

/// Greatest length of an author or a reason, characters.
inline constexpr std::size_t longest_wish_text = 500;

/// Refuse what lacks an author, or a reason where one is needed, or is no line of text.
/// @throws Error(usage).
void check_words(const Wish& wish);

}  // namespace alisio::web
