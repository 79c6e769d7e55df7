#include "lib/base/plain_text.hpp"

namespace alisio {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD", ellipsis = "…";

bool is_continuation(unsigned char byte) {
  return (byte & 0xC0) == 0x80;
}

/// Return the length of the character that a text begins with, bytes; 0: it is none. Overlong
/// forms, surrogates and what is past U+10FFFF are none (Unicode, table 3-7).
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xC2 && first <= 0xDF   ? 2
                             : first >= 0xE0 && first <= 0xEF ? 3
                             : first >= 0xF0 && first <= 0xF4 ? 4
                                                              : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t at = 1; at < length; ++at)
    if (!is_continuation(byte(at))) return 0;
  const unsigned char second = byte(1);
  const bool wrong = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
                     (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
  return wrong ? 0 : length;
}

/// True for what moves the cursor or changes how a terminal behaves (C0, DEL, C1).
bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7F;
  return first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0;
}

/// Call `take` with each character; what is none is given as the replacement.
template <class Take>
void for_each_character(std::string_view text, const Take& take) {
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    take(length == 0 ? replacement : text.substr(0, length));
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool has_control_character(std::string_view text) {
  bool found = false;
  for_each_character(text, [&](std::string_view character) { found |= is_control(character); });
  return found;
}

std::string plain_lines(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for_each_character(text, [&](std::string_view character) {
    const bool kept = character == "\n" || character == "\t" || !is_control(character);
    plain += kept ? character : std::string_view(" ");
  });
  return plain;
}

std::string plain_line(std::string_view text, std::size_t most_characters) {
  std::string line;
  std::size_t count = 0;
  for_each_character(text, [&](std::string_view character) {
    const std::string_view shown = is_control(character) ? std::string_view(" ") : character;
    if (line.empty() && shown == " ") return;
    if (++count <= most_characters) line += shown;
  });
  line.erase(line.find_last_not_of(' ') + 1);
  if (count > most_characters) line += ellipsis;
  return line;
}

}  // namespace alisio
