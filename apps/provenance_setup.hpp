#pragma once
#include <filesystem>

#include "prov/definition.hpp"

namespace alisio::apps {

/// Return what provenance this program's stages record. @param cfg_folder Program::cfg_folder.
[[nodiscard]] prov::Definition load_definition(const std::filesystem::path& cfg_folder);

/// Return how this program's journals are written. @param cfg_folder Program::cfg_folder.
[[nodiscard]] prov::LoggerConfiguration load_logger(const std::filesystem::path& cfg_folder);

}  // namespace alisio::apps
