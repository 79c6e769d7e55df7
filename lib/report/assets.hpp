#pragma once
#include <string_view>

namespace alisio::report {

/// The style sheet and the script of every page: the files in assets/.
[[nodiscard]] std::string_view page_style();
[[nodiscard]] std::string_view page_script();

}  // namespace alisio::report
