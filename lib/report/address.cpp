#include "lib/report/address.hpp"

#include <fmt/format.h>

#include <string_view>

namespace alisio::report {
namespace fs = std::filesystem;
namespace {

std::string encoded(std::string_view path) {
  static constexpr std::string_view plain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
  std::string text;
  for (const char c : path) {
    if (plain.find(c) != std::string_view::npos)
      text += c;
    else
      text += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return text;
}

}  // namespace

std::string relative_address(const fs::path& path, const fs::path& folder) {
  std::error_code ignored;  // an absent file still has an address
  const fs::path from = fs::weakly_canonical(folder, ignored),
                 to = fs::weakly_canonical(path, ignored);
  return encoded(to.lexically_proximate(from).generic_string());
}

std::string file_address(const fs::path& path) {
  return "file://" + encoded(fs::absolute(path).generic_string());
}

}  // namespace alisio::report
