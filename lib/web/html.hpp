#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace alisio::web {

/// Return a text as one part of a path, or as a value, of a URL.
[[nodiscard]] std::string url_escaped(std::string_view text);

/// Return `<a href="…">text</a>`; the path is escaped for HTML, not for URLs.
[[nodiscard]] std::string link(const std::string& path, std::string_view text);

/// Return `<div class="scroll"><table>…`: a table with its heads above rows that are HTML already.
[[nodiscard]] std::string table(const std::vector<std::string>& heads, const std::string& rows);

/// Return a whole page: one style for all, readable on a phone and printed, dark or light.
/// @param body HTML below the heading.
/// @param script what `<script>` holds; empty: there is none.
[[nodiscard]] std::string page(const std::string& title, const std::string& body,
                               std::string_view script = {});

/// Return the policy of a page with a script of its own: that script, and connections to where the
/// page came from, are all that a browser may run and open.
[[nodiscard]] std::string script_policy(std::string_view script);

}  // namespace alisio::web
