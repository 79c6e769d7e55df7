#pragma once
#include <string>

namespace alisio {

/// Return a JSON document as text. Bytes that are no UTF-8 (of a path, of a log) become U+FFFD: the
/// library's own default is to throw, and one such byte must not stop what is being told.
/// @tparam Json nlohmann::json or nlohmann::ordered_json
/// @param indent blanks a level; negative: all in one line
template <class Json>
[[nodiscard]] std::string json_text(const Json& document, int indent = -1) {
  return document.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace alisio
