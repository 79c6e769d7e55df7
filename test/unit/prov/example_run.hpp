#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/ids.hpp"
#include "prov/merge.hpp"
#include "prov/recorder.hpp"

namespace alisio::prov {

namespace fs = std::filesystem;

/// A folder that is gone when the test is.
class ScratchFolder {
 public:
  ScratchFolder() : path_(fs::temp_directory_path() / ("alisio-prov-" + new_uuid7())) {
    fs::create_directories(path_);
  }
  ~ScratchFolder() { fs::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

inline fs::path cfg_folder() {
  return fs::path(ALISIO_SOURCE_DIR) / "cfg/provenance";
}
inline Definition shipped_definition() {
  return Definition::load(cfg_folder() / "definition.yaml");
}
inline LoggerConfiguration shipped_logger() {
  return LoggerConfiguration::load(cfg_folder() / "logger.yaml");
}

inline void write_text(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

/// A made-up run: small text files in a tree like the real one, recorded as real stages would.
struct ExampleRun {
  fs::path root;
  int run = 1807;
  std::string prod_id = "v0.1.0_v00";
  LoggerConfiguration logger = shipped_logger();
  bool dry_run = false;
  std::string salt = {};  ///< changes the content of what is produced

  [[nodiscard]] fs::path journals() const { return root / "journals"; }
  [[nodiscard]] fs::path log_folder(const std::string& level) const {
    fs::path folder = root / level / "20200117" / prod_id / "log";
    return dry_run ? folder / "dry_run" : folder;
  }

  [[nodiscard]] Recorder recorder() const { return recorder(journals()); }

  [[nodiscard]] Recorder recorder(const fs::path& journal_folder) const {
    write_text(root / "alisio.yaml", "tailcut: {picture_thresh: 8}\n");
    RecorderOptions options;
    options.journal_folder = journal_folder;
    options.config_file = root / "alisio.yaml";
    options.data_root = root;
    options.script = "alisio";
    options.arguments = {"alisio", "r0-to-dl1"};
    options.operator_name = "observer";
    return Recorder(shipped_definition(), logger, options);
  }

  [[nodiscard]] FileNote existing(const std::string& port, const fs::path& path,
                                  const std::string& content) const {
    if (!fs::exists(path)) write_text(path, content);
    return {.port = port,
            .path = path,
            .size_bytes = fs::file_size(path),
            .sha256 = hash_file(path),
            .data_hash = "",
            .planned = false,
            .attributes = {},
            .content_path = {}};
  }

  [[nodiscard]] ActivityNote activity(const std::string& stage, int subrun) const {
    return {.stage = stage,
            .stage_version = 1,
            .activity_id = new_uuid7(),
            .telescope = 1,
            .run = run,
            .subrun = subrun,
            .observation_date = "20200117",
            .prod_id = prod_id,
            .parameters = {{"ObservationRun", run_text(run)},
                           {"ObservationSubRun", subrun_text(subrun)},
                           {"CalibrationRun", "01809"},
                           {"PedestalRun", "01804"},
                           {"ProdID", prod_id},
                           {"ModelSet", "standard"}},
            .configuration_json = "{\"tailcut\":{\"picture_thresh\":8}}",
            .identity = hash_text(stage + std::to_string(subrun) + salt),
            .command = {"alisio", stage, "--run", std::to_string(run), "--subrun",
                        std::to_string(subrun)},
            .dry_run = dry_run};
  }

  [[nodiscard]] fs::path product(const std::string& level, int subrun) const {
    std::string name = level;
    for (char& c : name) c = static_cast<char>(std::tolower(c));
    return root / level / "20200117" / prod_id /
           fmt::format("{}_LST-1.Run{:05d}.{:04d}.h5", name, run, subrun);
  }

  [[nodiscard]] std::vector<FileNote> inputs_of_dl1(int subrun) const {
    std::vector<FileNote> inputs;
    for (int stream = 1; stream <= 4; ++stream)
      inputs.push_back(existing(
          "r0_subrun",
          root / fmt::format("R0/20200117/LST-1.{}.Run{:05d}.{:04d}.fits.fz", stream, run, subrun),
          fmt::format("raw {} {}", stream, subrun)));
    const fs::path calib = root / "calib";
    inputs.push_back(existing("drs4_pedestal", calib / "drs4_pedestal.Run01804.0000.h5", "ped"));
    inputs.push_back(existing("charge_calibration", calib / "calibration.Run01809.0000.h5", "cal"));
    inputs.back().attributes["choice"] = "nearest earlier";
    inputs.push_back(existing("time_calibration", calib / "time_calibration.Run01809.h5", "time"));
    inputs.push_back(existing("pointing", root / "DrivePosition_log_20200117.txt", "drive"));
    inputs.push_back(existing("run_summary", root / "RunSummary_20200117.ecsv", "summary"));
    inputs.push_back(existing("analysis_configuration", root / "alisio.yaml", ""));
    return inputs;
  }

  [[nodiscard]] FileNote made(const std::string& port, const fs::path& path) const {
    if (dry_run)
      return {.port = port,
              .path = path,
              .size_bytes = 0,
              .sha256 = "",
              .data_hash = "",
              .planned = true,
              .attributes = {},
              .content_path = {}};
    write_text(path, path.filename().string() + salt);
    FileNote note = existing(port, path, "");
    note.data_hash = hash_text(path.filename().string());
    return note;
  }

  [[nodiscard]] FileNote models() const {
    FileNote note = existing("models", root / "models/standard.forest", "trees");
    note.attributes["training_production"] =
        R"([{"path":"/sims/train/reg_energy.sav","sha256":")" + hash_text("sav") +
        R"(","role":"Energy model"},{"path":"/sims/train","sha256":"","role":"Training data"}])";
    return note;
  }

  /// Record how the constants of the run were made, in journals beside them.
  void process_constants() const {
    Recorder recorder = this->recorder(root / "calib/log");
    const auto make = [&](const std::string& stage, int of_run, std::vector<FileNote> inputs,
                          FileNote output, const std::string& quality) {
      ExampleRun calibration = *this;
      calibration.run = of_run;
      ActivityNote activity = calibration.activity(stage, -1);
      activity.configuration_json = "{\"" + stage + "\":1}";
      recorder.started(activity);
      if (of_run > 0)
        for (int stream = 1; stream <= 4; ++stream)
          inputs.push_back(existing(
              "r0_subrun",
              root / fmt::format("R0/20200117/LST-1.{}.Run{:05d}.0000.fits.fz", stream, of_run),
              fmt::format("raw {} of {}", stream, of_run)));
      for (const FileNote& input : inputs) recorder.used(activity, input);
      if (!quality.empty()) output.attributes["quality"] = quality;
      recorder.generated(activity, output);
      recorder.finished(activity, outcome(true));
    };
    const fs::path calib = root / "calib";
    const FileNote pedestal =
        existing("drs4_pedestal", calib / "drs4_pedestal.Run01804.0000.h5", "ped");
    const FileNote time =
        existing("time_calibration", calib / "time_calibration.Run01809.h5", "time");
    FileNote summary = existing("run_summary", root / "RunSummary_20200117.ecsv", "summary");
    FileNote raw =
        existing("r0_subrun", root / "R0/20200117/LST-1.1.Run01804.0000.fits.fz", "raw 1 of 1804");
    // Its first events are all that a run summary reads.
    raw.sha256.clear();
    make("run_summary", 0, {raw}, summary, "");
    make("drs4_pedestal", 1804, {}, pedestal, "passed");
    make("time_calibration", 1809, {pedestal}, time, "passed");
    make("camera_calibration", 1809, {pedestal, time, summary},
         existing("charge_calibration", calib / "calibration.Run01809.0000.h5", "cal"),
         "failed: unusable_pixels 0.43 (at most 0.1)");
  }

  static OutcomeNote outcome(bool ok, int exit_code = 0, const std::string& message = {}) {
    OutcomeNote note;
    note.ok = ok, note.exit_code = exit_code, note.message = message;
    note.wall_s = 2.5, note.cpu_s = 2, note.max_rss_bytes = 1U << 28, note.events = 100;
    return note;
  }

  enum class Fate { done, failed, killed };

  /// Record both stages of a subrun, the first with the given fate.
  void process(Recorder& recorder, int subrun, Fate fate = Fate::done, bool dl2 = true) const {
    const ActivityNote dl1 = activity("r0_to_dl1", subrun);
    recorder.started(dl1);
    for (const FileNote& input : inputs_of_dl1(subrun)) recorder.used(dl1, input);
    if (fate == Fate::killed) return;
    if (fate == Fate::failed) {
      recorder.finished(dl1, outcome(false, 5, "the tile is cut short"));
      return;
    }
    FileNote output = made("dl1_subrun", product("DL1", subrun));
    recorder.generated(dl1, output);
    recorder.finished(dl1, outcome(true));
    if (dl2) process_dl2(recorder, subrun, output);
  }

  void process_dl2(Recorder& recorder, int subrun, FileNote input) const {
    const ActivityNote dl2 = activity("dl1_to_dl2", subrun);
    recorder.started(dl2);
    input.port = "dl1_subrun";
    recorder.used(dl2, input);
    recorder.used(dl2, models());
    recorder.used(dl2, existing("analysis_configuration", root / "alisio.yaml", ""));
    recorder.generated(dl2, made("dl2_subrun", product("DL2", subrun)));
    recorder.finished(dl2, outcome(true));
  }

  [[nodiscard]] MergeRequest request(const std::string& stage) const {
    MergeRequest result;
    result.journals = {journals()};
    result.stage = stage;
    result.run = run;
    result.observation_date = "20200117";
    result.prod_id = prod_id;
    result.output_folder = log_folder(stage == "r0_to_dl1" ? "DL1" : "DL2");
    result.dry_run = dry_run;
    result.graphs = false;
    return result;
  }

  MergeResult merge(const std::string& stage) const {
    return prov::merge(request(stage), shipped_definition(), logger);
  }
};

/// A run with everything that happens to one: failures, retries, a killed job, a remade subrun.
inline void process_eventful_run(const ExampleRun& example, int subruns) {
  {
    Recorder killed = example.recorder();
    example.process(killed, 2, ExampleRun::Fate::killed);
  }
  {
    Recorder failed = example.recorder();
    example.process(failed, 1, ExampleRun::Fate::failed);
    example.process(failed, subruns, ExampleRun::Fate::failed);
  }
  ExampleRun earlier = example;
  earlier.salt = "first version";
  {
    Recorder old = earlier.recorder();
    earlier.process(old, 0);
  }
  for (int first = 0; first < subruns; first += 3) {
    Recorder recorder = example.recorder();
    for (int subrun = first; subrun < std::min(first + 3, subruns); ++subrun)
      example.process(recorder, subrun);
  }
}

}  // namespace alisio::prov
