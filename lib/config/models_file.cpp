#include "lib/config/models_file.hpp"

#include <vector>

#include "lib/base/error.hpp"

namespace alisio::config {
namespace fs = std::filesystem;

fs::path models_file(const fs::path& models) {
  if (!fs::exists(models))
    throw Error(ErrorKind::missing_input, "there are no models", models.string(),
                "make them with scripts/convert-models MODEL_DIR OUTPUT.forest");
  if (!fs::is_directory(models)) return models;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(models))
    if (entry.path().extension() == ".forest") found.push_back(entry.path());
  if (found.size() == 1) return found.front();
  throw Error(
      ErrorKind::missing_input,
      found.empty() ? "the folder holds no .forest file" : "the folder holds several .forest files",
      models.string(),
      found.empty() ? "make one with scripts/convert-models MODEL_DIR OUTPUT.forest"
                    : "name one of them");
}

}  // namespace alisio::config
