#include "apps/configuration_file.hpp"

namespace alisio::apps {

config::Configuration configuration_of(const std::filesystem::path& file) {
  if (file.empty()) return config::Configuration::load({});
  return config::Configuration::load({std::filesystem::weakly_canonical(file)});
}

}  // namespace alisio::apps
