#include "lib/base/file_name.hpp"

#include <algorithm>
#include <cctype>

namespace alisio {

bool is_file_name_part(std::string_view text) {
  return !text.empty() && text.front() != '.' &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-' || c == '+';
         });
}

}  // namespace alisio
