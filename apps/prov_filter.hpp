#pragma once
#include "apps/command_line.hpp"
#include "prov/filter.hpp"

namespace alisio::apps {

/// Return the options that tell what a document leaves out: --activity, --entity, --role,
/// --pipeline-stage, --status, --after, --before, --subruns, --depth, --no-environment,
/// --no-parameters, --no-descriptions, --no-copied-paths, --short.
[[nodiscard]] boost::program_options::options_description filter_options();

/// Return the filter that those options ask for. @throws Error(usage).
[[nodiscard]] prov::Filter filter_of(const boost::program_options::variables_map& values,
                                     const std::string& command);

}  // namespace alisio::apps
