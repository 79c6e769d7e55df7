#include "lib/pipeline/names.hpp"

#include <fmt/format.h>

#include <optional>

#include "lib/base/error.hpp"
#include "lib/base/run_file_name.hpp"
#include "lib/pipeline/dl1_to_dl2.hpp"
#include "lib/pipeline/r0_to_dl1.hpp"
#include "lib/stage/description.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;

std::string run_in_name(const fs::path& file) {
  const std::optional<RunFileName> name = parse_run_file_name(file);
  return name ? run_text(name->run) : "";
}

ActivityNote activity_note(const std::string& stage, const SubrunId& id, const JobContext& context,
                           const config::Configuration& configuration) {
  configuration.require_followed(stage);
  ActivityNote note;
  note.stage = stage;
  note.telescope = id.telescope;
  note.run = id.run;
  note.subrun = id.subrun;
  note.observation_date = context.date;
  note.prod_id = context.prod_id;
  note.parameters = {{"ObservationRun", run_text(id.run)},
                     {"ObservationSubRun", subrun_text(id.subrun)},
                     {"ProdID", context.prod_id}};
  nlohmann::json effective =
      configuration.section(stage::description(stage).configuration_sections);
  if (context.max_events > 0) effective["max_events"] = context.max_events;
  note.configuration_json = effective.dump();
  note.max_events = context.max_events;
  note.overwrite = context.overwrite;
  note.command = context.command;
  note.dry_run = context.dry_run;
  return note;
}

SubrunId subrun_of(const fs::path& file) {
  const std::optional<RunFileName> name = parse_run_file_name(file);
  if (!name || !name->telescope || !name->subrun || !name->has_usual_digits)
    throw Error(ErrorKind::bad_input, "the name tells no run and subrun", file.string(),
                "expected LST-1.1.RunRRRRR.SSSS.fits.fz or dl1_LST-1.RunRRRRR.SSSS.h5");
  return {*name->telescope, name->run, *name->subrun};
}

ActivityNote r0_to_dl1_activity(const R0ToDl1Request& request, const JobContext& context,
                                const config::Configuration& configuration) {
  ActivityNote note = activity_note("r0_to_dl1", subrun_of(request.input), context, configuration);
  note.parameters["CalibrationRun"] = run_in_name(request.charge_calibration);
  note.parameters["PedestalRun"] = run_in_name(request.drs4_pedestal);
  return note;
}

SubrunId subrun_or_run_of(const fs::path& dl1) {
  const std::optional<RunFileName> name = parse_run_file_name(dl1);
  if (name && name->kind == "dl1" && name->is_product() && !name->subrun &&
      name->has_usual_digits && name->ending == ".h5")
    return {*name->telescope, name->run, all_subruns};
  return subrun_of(dl1);
}

SubrunId dl2_id_of(const fs::path& dl2) {
  const std::optional<RunFileName> name = parse_run_file_name(dl2);
  if (!name || !name->is_product())
    throw Error(ErrorKind::bad_input, "the name tells no telescope and run", dl2.string(),
                "expected dl2_LST-1.RunRRRRR.h5 or dl2_LST-1.RunRRRRR.SSSS.h5");
  return {*name->telescope, name->run, name->subrun.value_or(all_subruns)};
}

ActivityNote dl1_activity_note(const std::string& stage, const fs::path& dl1,
                               const JobContext& context,
                               const config::Configuration& configuration) {
  SubrunId id = subrun_or_run_of(dl1);
  const bool whole_run = id.subrun == all_subruns;
  if (whole_run) id.subrun = 0;
  ActivityNote note = activity_note(stage, id, context, configuration);
  if (whole_run) note.parameters.erase("ObservationSubRun");
  return note;
}

ActivityNote dl1_to_dl2_activity(const Dl1ToDl2Request& request, const JobContext& context,
                                 const config::Configuration& configuration) {
  ActivityNote note = dl1_activity_note("dl1_to_dl2", request.input, context, configuration);
  note.parameters["ModelSet"] = request.models.stem().string();
  return note;
}

}  // namespace alisio::pipeline
