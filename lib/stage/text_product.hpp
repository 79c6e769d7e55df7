#pragma once
#include <filesystem>
#include <string>

#include "lib/stage/runner.hpp"

namespace alisio::stage {

/// Create a product that is a text, ready to be published. @throws Error(resource).
void create_text(StageRun& run, const std::string& port, const std::filesystem::path& target,
                 const std::string& text);

}  // namespace alisio::stage
