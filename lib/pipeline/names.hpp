#pragma once
#include <filesystem>
#include <string>

#include "lib/base/ids.hpp"
#include "lib/base/observer.hpp"
#include "lib/config/configuration.hpp"
#include "lib/pipeline/r0_to_dl1.hpp"

namespace alisio::pipeline {

/// Return what the notes of all stages have in common; its parameters are the observation's run,
/// its subrun and the production.
[[nodiscard]] ActivityNote activity_note(const std::string& stage, const SubrunId& id,
                                         const JobContext& context,
                                         const config::Configuration& configuration);

/// Return the run number, padded, that the name of a constants file tells ("…Run11218.0000.h5",
/// "…Run2005.0000.fits"); empty if it tells none.
[[nodiscard]] std::string run_in_name(const std::filesystem::path& file);

}  // namespace alisio::pipeline
