#pragma once
#include <span>
#include <string>
#include <string_view>

namespace alisio {

/// Return the known word nearest to a mistyped one (edit distance), or "" if none is near.
[[nodiscard]] std::string nearest_word(std::string_view word, std::span<const std::string> known);

/// Return "did you mean 'x'?" or, if nothing is near, "known: a, b, c".
[[nodiscard]] std::string suggestion(std::string_view word, std::span<const std::string> known);

}  // namespace alisio
