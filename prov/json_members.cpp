#include "prov/json_members.hpp"

#include "lib/base/error.hpp"

namespace alisio::prov {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// Return the position behind the string that begins at `at`.
std::size_t behind_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at)
    if (text[at] == '\\') ++at;
  return at + 1;
}

/// Return the position behind the value that begins at `at`.
std::size_t behind_value(std::string_view text, std::size_t at) {
  int depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = behind_string(text, at);
      if (depth == 0) return at;
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') {
      if (depth == 0) return at;  // a number, or the like, before the end of what holds it
      if (--depth == 0) return at + 1;
    }
    if (c == ',' && depth == 0) return at;
    ++at;
  }
  return at;
}

}  // namespace

bool for_each_member(
    std::string_view text,
    const std::function<void(const std::string& key, std::string_view value)>& visit) {
  std::size_t at = 0;
  const auto skip = [&](auto wanted) {
    while (at < text.size() && wanted(text[at])) ++at;
  };
  skip(is_space);
  if (at >= text.size() || text[at] != '{') return false;
  ++at;
  while (true) {
    skip([](char c) { return is_space(c) || c == ','; });
    if (at >= text.size() || text[at] != '"') return true;
    const std::size_t key_end = behind_string(text, at);
    const std::string_view quoted = text.substr(at, key_end - at);
    const std::string key = quoted.find('\\') == std::string_view::npos
                                ? std::string(quoted.substr(1, quoted.size() - 2))
                                : nlohmann::json::parse(quoted).get<std::string>();
    at = key_end;
    skip([](char c) { return is_space(c) || c == ':'; });
    const std::size_t end = behind_value(text, at);
    visit(key, text.substr(at, end - at));
    at = end;
  }
}

nlohmann::ordered_json element_of(std::string_view text) {
  constexpr int kMost = 10000;
  int n = 0;
  for_each_member(text, [&](const std::string&, std::string_view) {
    if (++n > kMost)
      throw Error(ErrorKind::bad_input, "an element of the document has too many attributes");
  });
  return nlohmann::ordered_json::parse(text);
}

bool nested_too_deep(std::string_view text) {
  constexpr int most = 200;
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > most) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

}  // namespace alisio::prov
