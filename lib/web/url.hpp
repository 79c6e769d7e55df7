#pragma once
#include <string_view>

#include "lib/web/http.hpp"

namespace alisio::web {

/// Take the target of a request ("/find?q=a%20b") apart: path and query, decoded. What is no
/// percent-encoding stays as it is.
[[nodiscard]] Request parsed_target(std::string_view target);

}  // namespace alisio::web
