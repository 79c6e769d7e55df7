#pragma once
#include <string>
#include <string_view>

namespace alisio::web {

/// Return a text for use in HTML, between tags or within a quoted attribute.
[[nodiscard]] std::string escaped(std::string_view text);

/// Return a text as one part of a path, or as a value, of a URL.
[[nodiscard]] std::string url_escaped(std::string_view text);

/// Return `<a href="…">text</a>`; the path is escaped for HTML, not for URLs.
[[nodiscard]] std::string link(const std::string& path, std::string_view text);

/// Return a whole page: one style for all, readable on a phone and printed, no script.
/// @param body HTML below the heading.
[[nodiscard]] std::string page(const std::string& title, const std::string& body);

}  // namespace alisio::web
