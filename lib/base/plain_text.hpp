#pragma once
#include <cstddef>
#include <string>
#include <string_view>

/// Text that came from elsewhere (operators, logs, other programs), made fit for files, terminals
/// and pages.
namespace alisio {

/// Tell whether a text is UTF-8.
[[nodiscard]] bool is_utf8(std::string_view text);

/// Tell whether a text has characters that move a cursor or change how a terminal behaves.
[[nodiscard]] bool has_control_character(std::string_view text);

/// Return lines that a terminal may be given: UTF-8, in which a byte that is part of no character
/// becomes U+FFFD and every control character but line breaks and tabs a blank.
[[nodiscard]] std::string plain_lines(std::string_view text);

/// Return a text as one line: as plain_lines(), line breaks and tabs are blanks too, none at its
/// ends.
/// @param most_characters what is longer is cut, and says so by "…"
[[nodiscard]] std::string plain_line(std::string_view text, std::size_t most_characters);

}  // namespace alisio
