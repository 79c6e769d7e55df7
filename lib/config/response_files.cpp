#include "lib/config/response_files.hpp"

#include <algorithm>

namespace alisio::config {
namespace fs = std::filesystem;

std::vector<fs::path> response_files(const fs::path& responses) {
  if (!fs::is_directory(responses)) return {responses};
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(responses)) {
    const std::string name = entry.path().filename().string();
    if (name.find("irf") != std::string::npos && !name.starts_with('.') &&
        (name.ends_with(".fits") || name.ends_with(".fits.gz")))
      files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace alisio::config
