#pragma once
#include <string>
#include <string_view>

namespace alisio::prov {

/// Return the width of a text (UTF-8) set in Helvetica (Adobe font metrics), in units of `size`.
[[nodiscard]] double text_width(std::string_view text, double size);

/// Return a text cut in the middle so that it is at most so wide.
[[nodiscard]] std::string text_within(std::string_view text, double size, double width);

}  // namespace alisio::prov
