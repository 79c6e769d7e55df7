#include "lib/stage/description.hpp"

#include <algorithm>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"

namespace alisio::stage {

std::span<const StageDescription> descriptions() {
  static const std::vector<StageDescription> all{
      {.name = "run_summary",
       .version = 1,
       .inputs = {{"r0_subrun", true, true},
                  {"run_summary_override", false},
                  {"analysis_configuration", false, false, false}},
       .outputs = {{"run_summary"}},
       .parameters = {"ObservationDate"},
       .configuration_sections = {"telescope"}},
      {.name = "gain_select",
       .version = 1,
       .inputs = {{"r0_subrun", true, true},
                  {"run_summary", false},
                  {"analysis_configuration", false, false, false}},
       .outputs = {{"r0g_subrun", true, true}},
       .parameters = {"ObservationRun", "ObservationSubRun", "ProdID"},
       .configuration_sections = {"telescope", "source_config", "gain_select"}},
      {.name = "drs4_pedestal",
       .version = 1,
       .inputs = {{"r0_subrun", true, true}, {"analysis_configuration", false, false, false}},
       .outputs = {{"drs4_pedestal"}},
       .parameters = {"PedestalRun", "ProdID"},
       .configuration_sections = {"telescope", "DRS4PedestalAndSpikeHeight"}},
      {.name = "time_calibration",
       .version = 1,
       .inputs = {{"r0_subrun", true, true},
                  {"drs4_pedestal"},
                  {"run_summary", false},
                  {"analysis_configuration", false, false, false}},
       .outputs = {{"time_calibration"}},
       .parameters = {"CalibrationRun", "PedestalRun", "ProdID"},
       .configuration_sections = {"telescope", "TimeCorrectionCalculate",
                                  "camera_calibration.LocalPeakWindowSum"}},
      {.name = "camera_calibration",
       .version = 1,
       .inputs = {{"r0_subrun", true, true},
                  {"drs4_pedestal"},
                  {"time_calibration", false},
                  {"run_summary", false},
                  {"ffactor_systematics", false},
                  {"analysis_configuration", false, false, false}},
       .outputs = {{"charge_calibration"}},
       .parameters = {"CalibrationRun", "PedestalRun", "Filters", "ProdID"},
       .configuration_sections = {"telescope", "camera_calibration"}},
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
                  {"pedestal_ids", false},
                  {"analysis_configuration", false, false, false}},
       .outputs = {{"dl1_subrun"}, {"interleaved", false}},
       .parameters = {"ObservationRun", "ObservationSubRun", "CalibrationRun", "PedestalRun",
                      "ProdID"},
       .configuration_sections = {"telescope", "source_config", "image_extractor",
                                  "LocalPeakWindowSum", "tailcut", "dynamic_cleaning",
                                  "LSTCalibrationCalculator"}},
      {.name = "find_pedestals",
       .version = 1,
       .inputs = {{"dl1_subrun"}, {"analysis_configuration", false, false, false}},
       .outputs = {{"pedestal_ids"}},
       .parameters = {"ObservationRun", "ObservationSubRun", "ProdID"},
       .configuration_sections = {"telescope", "find_pedestals"}},
      {.name = "cat_b",
       .version = 1,
       .inputs = {{"interleaved", true, true},
                  {"charge_calibration"},
                  {"ffactor_systematics", false},
                  {"analysis_configuration", false, false, false}},
       .outputs = {{"catb_calibration"}},
       .parameters = {"ObservationRun", "CalibrationRun", "Filters", "ProdID"},
       .configuration_sections = {"telescope", "cat_b"}},
      {.name = "find_tailcuts",
       .version = 1,
       .inputs = {{"dl1_subrun", true, true}, {"analysis_configuration", false, false, false}},
       .outputs = {{"tailcuts"}},
       .parameters = {"ObservationRun", "ProdID"},
       .configuration_sections = {"telescope", "find_tailcuts", "dynamic_cleaning",
                                  "tailcuts_clean_with_pedestal_threshold"}},
      {.name = "dl1ab",
       .version = 1,
       .inputs = {{"dl1_subrun"},
                  {"tailcuts", false},
                  {"catb_calibration", false},
                  {"analysis_configuration", false, false, false}},
       .outputs = {{"dl1b_subrun"}},
       .parameters = {"ObservationRun", "ObservationSubRun", "ProdID"},
       .configuration_sections = {"telescope", "dl1ab", "tailcut", "dynamic_cleaning",
                                  "tailcuts_clean_with_pedestal_threshold", "LocalPeakWindowSum"}},
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
