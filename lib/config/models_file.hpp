#pragma once
#include <filesystem>

namespace alisio::config {

/// Return the forest file that a path of models means: the file itself, or the only .forest file of
/// a folder. @throws Error(missing_input) naming what was looked for.
[[nodiscard]] std::filesystem::path models_file(const std::filesystem::path& models);

}  // namespace alisio::config
