#pragma once
#include <string>
#include <string_view>

namespace alisio {

/// Return a text for use in HTML or SVG, between tags or within a quoted attribute: characters that
/// mean something there are replaced, control characters, which are not allowed, become spaces.
[[nodiscard]] std::string markup_escaped(std::string_view text);

}  // namespace alisio
