#include "lib/base/path_below.hpp"

namespace alisio {

std::optional<std::filesystem::path> path_below(const std::filesystem::path& path,
                                                const std::filesystem::path& folder) {
  std::filesystem::path way = path.lexically_relative(folder);
  if (way.empty() || *way.begin() == "..") return std::nullopt;
  return way;
}

}  // namespace alisio
