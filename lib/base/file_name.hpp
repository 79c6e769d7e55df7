#pragma once
#include <string_view>

namespace alisio {

/// What the parts of file names that people choose are made of, in words.
inline constexpr std::string_view file_name_characters = "letters, digits, '.', '_', '-', '+'";

/// Tell whether a text can be a part of the name of a file or folder: of file_name_characters alone
/// ('+' stands in version tags, 0.10.7.dev65+g12ab), not empty, and without a dot at its start,
/// which would hide the file.
[[nodiscard]] bool is_file_name_part(std::string_view text);

}  // namespace alisio
