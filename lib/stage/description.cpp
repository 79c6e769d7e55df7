#include "lib/stage/description.hpp"

#include <algorithm>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"

namespace alisio::stage {

std::span<const StageDescription> descriptions() {
  static const std::vector<StageDescription> all{
      {.name = "r0_to_dl1",
       .version = 1,
       .inputs = {{"r0_subrun", true, true},
                  {"drs4_pedestal"},
                  {"charge_calibration"},
                  {"time_calibration", false},
                  {"pointing", false},
                  {"pointing_correction", false},
                  {"pointing_target", false},
                  {"run_summary", false},
                  {"analysis_configuration", false, false, false}},
       .outputs = {{"dl1_subrun"}},
       .parameters = {"ObservationRun", "ObservationSubRun", "CalibrationRun", "PedestalRun",
                      "ProdID"},
       .configuration_sections = {"telescope", "source_config", "image_extractor",
                                  "LocalPeakWindowSum", "tailcut", "dynamic_cleaning",
                                  "LSTCalibrationCalculator"}},
      {.name = "dl1_to_dl2",
       .version = 1,
       .inputs = {{"dl1_subrun"}, {"models"}, {"analysis_configuration", false, false, false}},
       .outputs = {{"dl2_subrun"}},
       .parameters = {"ObservationRun", "ObservationSubRun", "ProdID", "ModelSet"},
       .configuration_sections = {"telescope", "disp_method", "random_forest_zd_interpolation",
                                  "events_filters"}},
  };
  return all;
}

const StageDescription& description(std::string_view stage) {
  for (const StageDescription& candidate : descriptions())
    if (candidate.name == stage) return candidate;
  throw Error(ErrorKind::bug, "no stage is called '" + std::string(stage) + "'");
}

std::string job_identity(const std::string& stage, int version,
                         const std::string& configuration_json,
                         std::vector<std::pair<std::string, std::string>> inputs) {
  std::sort(inputs.begin(), inputs.end());
  Hasher hasher;
  hasher.update(stage + '\n' + std::to_string(version) + '\n' + configuration_json + '\n');
  for (const auto& [port, hash] : inputs) hasher.update(port + ' ' + hash + '\n');
  return hasher.finish();
}

}  // namespace alisio::stage
