#include "lib/web/url.hpp"

#include <algorithm>

namespace alisio::web {
namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::string decoded(std::string_view text, bool plus_is_blank) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 &&
        digit(text[i + 2]) >= 0) {
      result += static_cast<char>(16 * digit(text[i + 1]) + digit(text[i + 2]));
      i += 2;
    } else {
      result += plus_is_blank && text[i] == '+' ? ' ' : text[i];
    }
  }
  return result;
}

}  // namespace

Request parsed_target(std::string_view target) {
  target = target.substr(0, target.find('#'));
  const std::size_t mark = target.find('?');
  Request request{.path = decoded(target.substr(0, mark), false), .query = {}, .if_none_match = {}};
  if (mark == std::string_view::npos) return request;
  target.remove_prefix(mark + 1);
  while (!target.empty()) {
    const std::string_view pair = target.substr(0, target.find('&'));
    const std::size_t equals = pair.find('=');
    if (!pair.empty())
      request.query.emplace_back(
          decoded(pair.substr(0, equals), true),
          equals == std::string_view::npos ? "" : decoded(pair.substr(equals + 1), true));
    target.remove_prefix(std::min(target.size(), pair.size() + 1));
  }
  return request;
}

}  // namespace alisio::web
