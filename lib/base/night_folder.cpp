#include "lib/base/night_folder.hpp"

namespace alisio {
namespace fs = std::filesystem;

std::optional<NightDate> night_of_folder(const fs::path& file) {
  if (file.empty()) return std::nullopt;
  for (fs::path folder = fs::absolute(file).parent_path(); folder != folder.root_path();
       folder = folder.parent_path())
    if (const auto date = NightDate::try_parse(folder.filename().string())) return date;
  return std::nullopt;
}

}  // namespace alisio
