#include "apps/night_services.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

#include "apps/invalidation.hpp"
#include "apps/job.hpp"
#include "apps/provenance_setup.hpp"
#include "apps/stage_commands.hpp"
#include "calib/r0/input_state.hpp"
#include "calib/r0/r0_source.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/night/decision_journal.hpp"
#include "lib/pipeline/constants_quality.hpp"
#include "lib/pipeline/data_quality.hpp"
#include "lib/stage/file_stamp.hpp"
#include "prov/definition.hpp"
#include "prov/export/prov_n.hpp"
#include "prov/merge.hpp"

namespace alisio::apps {
namespace fs = std::filesystem;
namespace {

/// Guess the type of a run from its first events, as the observatory's run summary does, but from
/// fractions of the events that are there, so that short runs get a type too.
night::FileKind probe_raw_file(const fs::path& file) {
  constexpr std::size_t looked_at = 500;
  calib::R0Options options;
  options.max_events = looked_at;
  calib::R0Source source(file, options);
  flow::ThreadPool pool(1);
  calib::RawBlock block;
  double physics = 0, pedestals = 0, all = 0;
  while (source.next_block(block, pool))
    for (const calib::RawEvent& event : block.events) {
      ++all;
      physics += event.type == EventType::subarray;
      pedestals += event.type == EventType::sky_pedestal;
    }
  night::FileKind kind;
  kind.format = source.camera().r1v1 ? "R1v1.Event" : "ProtoR1.CameraEvent";
  if (all == 0)
    kind.type = "ERROR";
  else if (physics / all > 0.999)
    kind.type = "DRS4";
  else
    kind.type = pedestals / all > 0.1 ? "PEDCALIB" : "DATA";
  return kind;
}

std::string option_value(const std::vector<std::string>& arguments, const std::string& name) {
  const auto at = std::find(arguments.begin(), arguments.end(), name);
  return at == arguments.end() || at + 1 == arguments.end() ? "" : *(at + 1);
}

/// The definition and logger configuration, read once.
struct ProvenanceSetup {
  prov::Definition definition;
  prov::LoggerConfiguration logger;
};

}  // namespace

night::NightServices night_services(const Program& program) {
  night::NightServices services;
  services.executable = program.executable;
  services.default_models = program.cfg_folder / "models";
  services.default_sources = program.cfg_folder / "sources.ecsv";
  services.probe = probe_raw_file;
  services.hash = [](const fs::path& file) {
    const stage::FileStamp stamp = stage::hash_stamp(file);
    return night::FileHashes{stamp.sha256, stamp.data_hash};
  };
  services.describe_input = [](const fs::path& file) {
    return calib::to_string(calib::read_input_state(file));
  };
  services.check_constants = [](const std::string& kind, const fs::path& file,
                                const config::Configuration& configuration,
                                const ExpectedSubruns& expected) {
    const std::vector<Gate> gates =
        kind.starts_with("dl1_datacheck")
            ? pipeline::check_data_file(kind, file, configuration, expected)
            : pipeline::check_constants_file(kind, file, configuration);
    return night::Verdict{all_passed(gates), failed_gates(gates), unmeasured_gates(gates)};
  };
  services.record_invalidation = [program](const night::Invalidation& invalidation) {
    record_invalidation(invalidation, program);
  };
  services.record_decision = [program](const fs::path& products, const night::NightKey& key,
                                       const night::Decision& decision) {
    night::append_decision(products, key, decision, load_logger(program.cfg_folder));
  };
  // One recorder for all pretended jobs of a journal folder: a recorder a job would mean a file a
  // job.
  auto recorders = std::make_shared<std::map<std::string, std::unique_ptr<StageObserver>>>();
  services.dry_run_stage = [program, recorders](const night::JobRequest& job) {
    const std::string folder = option_value(job.arguments, "--journal-dir");
    std::unique_ptr<StageObserver>& recorder = (*recorders)[folder];
    if (!recorder) {
      const fs::path config_file = option_value(job.arguments, "--config");
      const auto configuration = config::Configuration::load(
          config_file.empty() ? std::vector<fs::path>{} : std::vector<fs::path>{config_file});
      recorder = make_recorder(program, folder, config_file, configuration.path("paths.products"));
    }
    run_stage_command(job.arguments, program, *recorder);
  };
  services.recorder = [program](const fs::path& journals, const fs::path& config_file,
                                const fs::path& data_root) {
    return make_recorder(program, journals, config_file, data_root);
  };
  auto setup = std::make_shared<std::unique_ptr<ProvenanceSetup>>();
  services.merge = [program, setup](const night::MergeJob& job) {
    if (!*setup)
      *setup = std::make_unique<ProvenanceSetup>(
          ProvenanceSetup{load_definition(program.cfg_folder), load_logger(program.cfg_folder)});
    prov::MergeRequest request;
    const bool of_run = job.run != night::whole_night;
    if (of_run) {
      request.journals = {job.journal_folders.front()};
      request.lineage_journals = {job.journal_folders.begin() + 1, job.journal_folders.end()};
    } else {
      request.journals = job.journal_folders;
      request.scope = request.grain =
          job.runs.empty() ? prov::Grain::night : prov::Grain::observation;
      request.runs = job.runs;
      request.source = job.source;
      request.finer_folders = job.document_folders;
    }
    request.stage = job.stage;
    request.telescope = job.telescope;
    request.run = job.run;
    request.observation_date = job.date.compact();
    request.prod_id = job.prod_id;
    request.output_folder = job.output_folder;
    if (!job.link_folder.empty()) request.link_folders = {job.link_folder};
    request.dry_run = job.dry_run;
    request.writers = {{".provn", prov::to_prov_n}};
    const prov::MergeResult result = prov::merge(request, (*setup)->definition, (*setup)->logger);
    for (const std::string& note : result.notes)
      spdlog::warn("provenance of {}: {}",
                   of_run ? fmt::format("run {}", job.run) : prov::document_stem(request), note);
  };
  return services;
}

}  // namespace alisio::apps
