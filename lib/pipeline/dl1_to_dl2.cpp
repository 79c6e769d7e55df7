#include "lib/pipeline/dl1_to_dl2.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/base/timings.hpp"
#include "lib/pipeline/cut.hpp"
#include "lib/pipeline/dl2_file.hpp"
#include "lib/pipeline/options.hpp"
#include "lib/pipeline/source_dependence.hpp"
#include "lib/stage/description.hpp"
#include "reco/forest/forest_file.hpp"

namespace alisio::pipeline {
namespace {

/// Models up to this size are checked against their own checksums by every job; larger ones would
/// cost a job seconds, and are hashed once a night.
constexpr std::uintmax_t verified_bytes = std::uintmax_t{200} << 20;

/// The first "dl1" of the name becomes "dl2", as LST's users know it.
std::string dl2_name(const std::filesystem::path& dl1) {
  std::string name = dl1.filename().string();
  const std::size_t at = name.find("dl1");
  if (at == std::string::npos) return "dl2_" + name;
  return name.replace(at, 3, "dl2");
}

/// The training production as the provenance recorder takes it: [{path, sha256, role}].
std::string training_json(const forest::ForestFile& models) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const forest::Reference& reference : models.training().references)
    out.push_back(
        {{"path", reference.path}, {"sha256", reference.sha256}, {"role", reference.role}});
  return out.dump();
}

/// Read the DL1 table of an observation. What tells of a simulation, /simulation and the true
/// energies and directions, has no place in the DL2 that is made of it.
/// @throws Error(bad_input) if the events are simulated.
dl2::Dl1Columns read_observation(const hdf5::File& dl1) {
  const auto refuse = [&] {
    throw Error(ErrorKind::bad_input,
                "holds simulated events, whose truth would be lost: DL2 is made of observations",
                dl1.path().string(), "make the DL2 of simulations with lstchain_dl1_to_dl2");
  };
  if (dl1.exists("/simulation/run_config")) refuse();
  dl2::Dl1Columns rows = read_dl1_columns(dl1);
  if (std::ranges::any_of(rows.mc_type, [](std::int64_t particle) { return particle >= 0; }))
    refuse();
  return rows;
}

/// Record the run catalogue. Its work is done: that it is gone by now spoils no product.
void use_run_catalogue(stage::StageRun& run, const std::filesystem::path& file) {
  if (file.empty()) return;
  std::error_code problem;
  if (std::filesystem::exists(file, problem))
    run.use("run_catalogue", file);
  else
    spdlog::warn("{} is not seen here, and not recorded", file.string());
}

}  // namespace

std::int64_t dl1_to_dl2(stage::StageRun& run, const Dl1ToDl2Request& request,
                        const config::Configuration& configuration,
                        const instrument::Telescope& telescope, const dl2::Dl1Columns* rows) {
  std::optional<TimedPart> timed;
  timed.emplace(&run.timings(), "open models");
  const forest::ForestFile models = forest::ForestFile::open(request.models);
  timed.reset();
  run.use("dl1_subrun", request.input);
  run.use("models", request.models, {{"training_production", training_json(models)}});
  if (!request.catalogue.empty()) run.use("source_catalogue", request.catalogue);
  use_run_catalogue(run, request.run_catalogue);
  const std::filesystem::path target = request.output_dir / dl2_name(request.input);
  if (run.activity().dry_run) {
    run.plan_product("dl2_subrun", target);
    return 0;
  }
  timed.emplace(&run.timings(), "verify models");
  if (std::filesystem::file_size(request.models) < verified_bytes) models.verify();
  timed.emplace(&run.timings(), "read DL1");
  const hdf5::File dl1 = hdf5::File::open(request.input);
  inherit_cut(run, dl1);
  dl2::Dl1Columns read;
  if (rows == nullptr) {
    read = read_observation(dl1);
    rows = &read;
  }
  timed.emplace(&run.timings(), "reconstruct");
  const dl2::Options options = dl2_options(
      configuration, effective_focal_length(dl1, telescope.optics.effective_focal_length));
  const auto dependence = source_dependence(configuration, request.catalogue);
  const dl2::ModelSet set =
      dl2::ModelSet::from(models, options.disp_method, dependence.has_value());
  const auto positions = dl2::assumed_positions(dependence ? dependence->n_off : 0);
  std::vector<dl2::Dl2Columns> results;
  if (dependence)
    results = reconstruct_for(positions, *dependence, *rows, set, options, telescope);
  else
    results.push_back(dl2::reconstruct(*rows, set, options));
  timed.emplace(&run.timings(), "write");
  const std::size_t n = results.front().size();
  if (n == 0)
    spdlog::warn("{}: no event passes the filters; the DL2 table is empty", request.input.string());
  PendingFile& product = run.create("dl2_subrun", target);
  const std::string& configured = run.activity().configuration_json;
  const ProductMetadata metadata = run.metadata("dl2_subrun");
  if (dependence)
    write_source_dependent_dl2_file(product.path(), dl1, positions, results, configured, metadata);
  else
    write_dl2_file(product.path(), dl1, results.front(), configured, metadata);
  timed.reset();
  run.publish("dl2_subrun");
  return std::int64_t(n);
}

}  // namespace alisio::pipeline
