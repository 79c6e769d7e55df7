#pragma once
#include "lib/config/configuration.hpp"
#include "reco/clean/cleaning.hpp"
#include "reco/dl2/dl2.hpp"

namespace alisio::pipeline {

/// Translate the configuration into what calib and reco take. @throws Error(configuration) for
/// values that are well formed but not implemented.
[[nodiscard]] clean::CleaningOptions cleaning_options(const config::Configuration& configuration);
/// @param effective_focal_length of the telescope, m.
[[nodiscard]] dl2::Options dl2_options(const config::Configuration& configuration,
                                       double effective_focal_length);

/// Return the configuration as the JSON text that DL1 and DL2 tables carry in their `config`
/// attribute: the keys and nesting that readers of cta-lstchain files know.
[[nodiscard]] std::string config_attribute(const config::Configuration& configuration,
                                           const std::vector<std::string>& sections);

}  // namespace alisio::pipeline
