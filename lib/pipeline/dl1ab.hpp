#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>

#include "lib/pipeline/r0_to_dl1.hpp"

namespace alisio::pipeline {

/// What one dl1ab job is told.
struct Dl1abRequest {
  std::filesystem::path input;       ///< a DL1 file with images, ours or lstchain's
  std::filesystem::path output_dir;  ///< gets a file of the input's name
  std::filesystem::path tailcuts;    ///< cleaning of the run, JSON; empty: the configuration's
  std::filesystem::path cat_b;       ///< Cat-B calibration of the run; empty: charges stay
  int threads = 1;
  /// Called now and then with the number of events done and of all.
  std::function<void(std::int64_t, std::int64_t)> progress;
};

[[nodiscard]] ActivityNote dl1ab_activity(const Dl1abRequest& request, const JobContext& context,
                                          const config::Configuration& configuration);

/// Clean the images of a DL1 file again and compute their parameters anew: DL1a to DL1b.
///
/// Picture thresholds come from the file's pedestals (`dl1ab.pedestal_cleaning`): from its first
/// interleaved set, or from the calibration run if it holds none; with Cat-B from the interval in
/// force. The pedestal row is multiplied with the calibration row at its place, as the peer does,
/// if the two tables are equally long; if not (the peer then fails, or pairs the wrong rows), with
/// the calibration row that the pedestal row names. Simulations are cleaned with the `tailcut`
/// block.
///
/// Everything else in the file is copied: other datasets, columns not computed here, the types of
/// all columns. With Cat-B its three tables are added below /dl1/monitoring/telescope/catB, with
/// the rows' numbers and the column `gti`; charges and times in the image table are the corrected
/// ones, and calibration_id counts Cat-B intervals.
///
/// The data check of the new images is written in the same pass (`data_check.write`), but for
/// simulations.
///
/// @param configuration the cleaning keys in `request.tailcuts` count before it, key by key.
/// @return the number of events written.
/// @throws Error(missing_input, bad_input, configuration, resource): no images, no pedestals to
/// take thresholds from, Cat-B applied twice; Error(usage): a product that would replace its own
/// input, Cat-A given as Cat-B.
std::int64_t dl1ab(stage::StageRun& run, const Dl1abRequest& request,
                   const config::Configuration& configuration,
                   const instrument::Telescope& telescope);

}  // namespace alisio::pipeline
