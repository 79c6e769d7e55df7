#include "apps/provenance_setup.hpp"

namespace alisio::apps {

prov::Definition load_definition(const std::filesystem::path& cfg_folder) {
  return prov::Definition::load(cfg_folder / "provenance" / "definition.yaml");
}

prov::LoggerConfiguration load_logger(const std::filesystem::path& cfg_folder) {
  return prov::LoggerConfiguration::load(cfg_folder / "provenance" / "logger.yaml");
}

}  // namespace alisio::apps
