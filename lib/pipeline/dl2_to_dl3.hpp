#pragma once
#include <optional>
#include <string>

#include "lib/io/fits/table_writer.hpp"
#include "lib/pipeline/r0_to_dl1.hpp"
#include "lib/sky/icrs.hpp"
#include "reco/dl3/response_grid.hpp"

namespace alisio::pipeline {

/// What one dl2_to_dl3 job is told.
struct Dl2ToDl3Request {
  std::vector<std::filesystem::path> inputs;     ///< DL2 files of one run: of it, or of its subruns
  std::vector<std::filesystem::path> responses;  ///< files, or folders of them
  std::filesystem::path earth_orientation;       ///< table of the IERS; empty: the program's own
  std::filesystem::path source_catalogue;        ///< empty: none
  /// Empty: the source of the catalogue nearest to the pointing, within
  /// significance.max_separation; none there: 'unknown', at the pointing, so that a survey gets its
  /// DL3 too.
  std::string source_name;
  std::optional<sky::Equatorial> source_position;  ///< none: that of the catalogue
  std::filesystem::path output_dir;                ///< gets dl3_LST-1.RunRRRRR.fits
  dl3::GridUse grid_use = dl3::GridUse::interpolate;
  fits::Packing packing = fits::Packing::none;
  /// Source-dependent DL2: an event that passes the cuts for several assumed positions is written
  /// for each; otherwise only for that with the greatest gammaness.
  bool keep_duplicated_events = false;
};

/// Return telescope and run of the DL2 files. @throws Error(usage) if they are of several runs, or
/// a file is given twice.
[[nodiscard]] SubrunId run_of(const Dl2ToDl3Request& request);

[[nodiscard]] ActivityNote dl2_to_dl3_activity(const Dl2ToDl3Request& request,
                                               const JobContext& context,
                                               const config::Configuration& configuration);

/// Select the events of a run, find their places in the sky, and write them with the instrument's
/// response: DL2 to DL3. A run in which no event passes is written too: its time without events
/// counts. Events of source-dependent DL2 are cut in alpha too, and written at the position that
/// was assumed for them.
/// @return the number of events written. @throws Error(missing_input, bad_input, resource);
/// Error(usage) if a subrun of the product that is there would be lost without `overwrite`.
std::int64_t dl2_to_dl3(stage::StageRun& run, const Dl2ToDl3Request& request,
                        const config::Configuration& configuration,
                        const instrument::Telescope& telescope);

}  // namespace alisio::pipeline
