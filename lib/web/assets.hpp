#pragma once
#include <string_view>

namespace alisio::web {

/// The style sheet of every page and the script of the pages that update themselves: the files in
/// assets/, embedded when the program is built.
[[nodiscard]] std::string_view page_style();
[[nodiscard]] std::string_view page_script();

}  // namespace alisio::web
