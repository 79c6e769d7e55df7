#pragma once
#include <filesystem>

#include "lib/config/configuration.hpp"

namespace alisio::apps {

/// Return the configuration that a file holds, its paths told from where the file really is; the
/// defaults for an empty name. @throws Error as config::Configuration::load.
[[nodiscard]] config::Configuration configuration_of(const std::filesystem::path& file);

}  // namespace alisio::apps
