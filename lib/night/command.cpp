#include "lib/night/command.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "lib/stage/description.hpp"

namespace alisio::night {
namespace {

/// The option that takes the file of a port. The stage finds the files of other ports by itself.
const std::map<std::string, std::string>& option_of_port() {
  static const std::map<std::string, std::string> options{
      {"r0_subrun", "--input"},
      {"dl1_subrun", "--input"},
      {"dl2_subrun", "--input"},
      {"dl2_run", "--input"},
      {"source_catalogue", "--source-catalogue"},
      {"dl3_run", "--input"},
      {"significance", "--significance"},
      {"muons", "--input"},
      {"dl1_datacheck", "--input"},
      {"dl1_datacheck_run", "--input"},
      {"muons_run", "--muons"},
      {"interleaved", "--input"},
      {"drs4_pedestal", "--drs4-pedestal"},
      {"charge_calibration", "--calibration"},
      {"time_calibration", "--time-calibration"},
      {"ffactor_systematics", "--ffactor-systematics"},
      {"pointing", "--drive-log"},
      {"run_summary", "--run-summary"},
      {"pedestal_ids", "--pedestal-ids"},
      {"catb_calibration", "--cat-b"},
      {"tailcuts", "--tailcuts"},
      {"run_catalogue", "--run-catalogue"},
      {"models", "--models"}};
  return options;
}

/// Stages that share their work among threads.
bool takes_threads(const std::string& stage) {
  static const std::set<std::string> stages{"gain_select",      "drs4_pedestal",
                                            "time_calibration", "camera_calibration",
                                            "r0_to_dl1",        "dl1ab"};
  return stages.contains(stage);
}

std::string command_of(const std::string& stage) {
  if (stage.starts_with("merge_")) return "merge";
  if (stage == "night_report") return "report";
  if (stage == "dl3") return "dl2-to-dl3";
  std::string command = stage;
  std::replace(command.begin(), command.end(), '_', '-');
  return command;
}

/// Say the inputs of a job. Of the streams of a subrun the first stands for all; other files of one
/// port follow each other.
void add_inputs(const std::vector<PortFile>& inputs, const std::set<std::string>& left_out,
                std::vector<std::string>& words) {
  std::string last;
  for (const PortFile& input : inputs) {
    const auto option = option_of_port().find(input.port);
    if (option == option_of_port().end() || left_out.contains(input.port)) continue;
    if (input.port != last)
      words.push_back(option->second);
    else if (input.port == "r0_subrun")
      continue;
    words.push_back(input.path);
    last = input.port;
  }
}

/// Say why files were chosen.
void add_notes(const std::vector<PortNote>& notes, std::vector<std::string>& words) {
  for (const PortNote& note : notes)
    words.insert(words.end(), {"--note", note.port + "=" + note.text});
}

}  // namespace

JobRequest CommandWriter::write(const PlannedJob& planned, const PlannedJob* with_dl2) const {
  const Job& job = planned.job;
  const std::string& stage = job.key.stage;
  JobRequest request;
  const std::string name = fmt::format("{}_{}", stage, job_name(job.key));
  request.report_file = scratch / (name + ".json");
  request.log_file = setup.folders.log(stage, dry_run) / "jobs" / (name + ".log");
  request.jobs.push_back(job.key);
  for (const PortFile& product : job.products) request.products.push_back(product.path);

  std::vector<std::string>& words = request.arguments;
  words = {command_of(stage)};
  // The run summary is told the night and looks for its files.
  if (stage != "run_summary") add_inputs(planned.inputs, {}, words);
  // Which of the responses serve a run, the stage finds by its pointing.
  if (stage == "dl3") {
    words.push_back("--irf");
    for (const std::filesystem::path& response : setup.responses) words.push_back(response);
  }
  words.insert(words.end(), {"--output-dir", job.output_folder});
  const auto makes = [&](const char* port) {
    return std::any_of(job.products.begin(), job.products.end(),
                       [&](const PortFile& product) { return product.port == port; });
  };
  if (makes("charge_calibration") || makes("time_calibration")) words.push_back("--all-subruns");
  if (makes("interleaved")) words.push_back("--interleaved");
  if (stage == "r0_to_dl1" && !makes("muons")) words.push_back("--no-muons");
  if ((stage == "r0_to_dl1" || stage == "dl1ab") && !makes("dl1_datacheck"))
    words.push_back("--no-data-check");
  const auto& [expected, left_out] = job.expected_subruns;
  if (expected > 0) words.insert(words.end(), {"--expected-subruns", std::to_string(expected)});
  if (!left_out.empty())
    words.insert(words.end(), {"--left-out-subruns", fmt::format("{}", fmt::join(left_out, ","))});
  if (job.may_shrink) words.push_back("--overwrite");
  if (makes("muons_night") || makes("dl1_datacheck_night"))
    words.insert(words.end(), {"--night", setup.key.date.compact()});
  add_notes(job.notes, words);
  if (planned.redo != nullptr && planned.step.reason == planned.redo->text() &&
      !planned.inputs.empty())
    words.insert(words.end(), {"--note", fmt::format("{}={}", planned.inputs.front().port,
                                                     planned.step.reason)});
  if (with_dl2 != nullptr) {
    request.jobs.push_back(with_dl2->job.key);
    request.products.push_back(with_dl2->job.products.front().path);
    words.insert(words.end(), {"--dl2", "--dl2-output-dir", with_dl2->job.output_folder});
    add_inputs(with_dl2->inputs, {"dl1_subrun"}, words);
    add_notes(with_dl2->job.notes, words);
  }
  if (!config_file.empty()) words.insert(words.end(), {"--config", config_file.string()});
  words.insert(words.end(), {"--prod-id", setup.key.prod_id, "--date", setup.key.date.compact(),
                             "--report", request.report_file.string(), "--journal-dir",
                             setup.folders.journal(job.key, dry_run).string(), "--known-hashes",
                             known_hashes_file().string()});
  if (takes_threads(stage)) words.insert(words.end(), {"--threads", std::to_string(threads)});
  if (dry_run) words.push_back("--dry-run");
  return request;
}

}  // namespace alisio::night
