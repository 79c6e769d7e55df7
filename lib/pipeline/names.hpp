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

/// The same for a stage that works on a DL1 file, of a subrun or of a whole run.
[[nodiscard]] ActivityNote dl1_activity_note(const std::string& stage,
                                             const std::filesystem::path& dl1,
                                             const JobContext& context,
                                             const config::Configuration& configuration);

/// The subrun of a file that holds a whole run.
inline constexpr int all_subruns = -1;

/// Return the telescope, run and subrun that the name of a DL1 file tells; the subrun is
/// all_subruns for a merged file, dl1_LST-t.RunRRRRR.h5. @throws Error(bad_input) for other names.
[[nodiscard]] SubrunId subrun_or_run_of(const std::filesystem::path& dl1);

/// Return the telescope, run and subrun that the name of a DL2 file tells, whatever stands around
/// "LST-1.Run11220.0003"; the subrun is all_subruns for a merged file. @throws Error(bad_input) for
/// other names.
[[nodiscard]] SubrunId dl2_id_of(const std::filesystem::path& dl2);

/// Return the run number, padded, that the name of a constants file tells ("…Run11218.0000.h5",
/// "…Run2005.0000.fits"); empty if it tells none.
[[nodiscard]] std::string run_in_name(const std::filesystem::path& file);

}  // namespace alisio::pipeline
