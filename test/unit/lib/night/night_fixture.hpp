#pragma once
// A night of two data runs of two subruns in a folder of its own, its jobs done by a stand-in
// program (fake_stage.cpp).
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/error.hpp"
#include "lib/config/configuration.hpp"
#include "lib/night/night.hpp"

namespace alisio::night {

namespace fs = std::filesystem;

inline void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << text;
}

inline bool wait_for(const std::function<bool()>& condition) {
  for (int i = 0; i < 500; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

class NightTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              fmt::format("alisio_night_{}_{}", ::getpid(),
                          testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    control_ = folder_ / "control";
    fs::create_directories(control_);
    ::setenv("FAKE_STAGE_CONTROL", control_.c_str(), 1);
    // Two data runs of two subruns; calibration runs without files.
    for (const int run : {101, 102})
      for (const int subrun : {0, 1})
        for (int stream = 1; stream <= 4; ++stream)
          write(raw(run, subrun, stream), fmt::format("raw {} {} {}", run, subrun, stream));
    write(folder_ / "summary/RunSummary_20221215.ecsv",
          "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: run_id, datatype: int64}\n"
          "# - {name: n_subruns, datatype: int64}\n# - {name: run_type, datatype: string}\n"
          "# - {name: data_format, datatype: string}\n# - {name: run_start, datatype: int64}\n"
          "# delimiter: ','\n"
          "run_id,n_subruns,run_type,data_format,run_start\n"
          "90,1,DRS4,ProtoR1.CameraEvent,1671136237000000000\n"
          "91,1,PEDCALIB,ProtoR1.CameraEvent,1671136537000000000\n"
          "101,2,DATA,ProtoR1.CameraEvent,1671141637000000000\n"
          "102,2,DATA,ProtoR1.CameraEvent,1671142637000000000\n");
    write(folder_ / "drive/DrivePosition_log_20221215.txt", "drive");
    write(folder_ / "calibration/drs4_pedestal.Run00090.0000.h5", "drs4");
    write(folder_ / "calibration/calibration_filters_52.Run00091.0000.h5", "charge");
    write(folder_ / "calibration/time_calibration.Run00091.0000.h5", "time");
    write(folder_ / "models.forest", "forest");
    configure("");
    options_.date = {2022, 12, 15};
    options_.config_file = folder_ / "alisio.yaml";
    options_.prod_id = "test_v00";
    options_.jobs = 3;
    services_.executable = FAKE_STAGE;
    services_.merge = [this](const MergeJob& job) {
      merges_.push_back(job);
      const bool of_night = job.run == whole_night && job.runs.empty();
      write(job.output_folder / (of_night ? "night_" + job.date.compact() + "_prov.json"
                                          : fmt::format("{}_{:05}_prov.json", job.stage, job.run)),
            "{}");
    };
  }

  void TearDown() override {
    if (!HasFailure()) fs::remove_all(folder_);
  }

  /// Write the configuration. Muons, checks, merges, the report and closing are off unless `more`
  /// says otherwise.
  void configure(std::string more) {
    if (more.find("closing:") == std::string::npos) more += "closing:\n  auto: false\n";
    const std::string off =
        "  muons: false\n  data_check: false\n  merge: false\n  report: false\n";
    const std::string steps = "steps:\n";
    if (const auto at = more.find(steps); at == std::string::npos)
      more += steps + off;
    else if (more.find("data_check") == std::string::npos)
      more.insert(at + steps.size(), off);
    write(folder_ / "alisio.yaml",
          "paths:\n  r0: R0\n  run_summary: summary\n  drive: drive\n  calibration: calibration\n"
          "  products: .\n  state: state\ndl2:\n  models: models.forest\n" +
              more);
  }

  /// Let the run summary expect a data run of five subruns, 103, that has no files.
  void expect_absent_run() const {
    std::ofstream(folder_ / "summary/RunSummary_20221215.ecsv", std::ios::app)
        << "103,5,DATA,ProtoR1.CameraEvent,1671143637000000000\n";
  }

  NightKey key() const { return {1, options_.date, "test_v00"}; }
  fs::path raw(int run, int subrun, int stream) const {
    return folder_ /
           fmt::format("R0/20221215/LST-1.{}.Run{:05}.{:04}.fits.fz", stream, run, subrun);
  }
  fs::path product(const std::string& level, int run, int subrun,
                   const std::string& prod = "test_v00") const {
    std::string upper = level;
    upper[0] = 'D';
    upper[1] = 'L';
    return folder_ / upper / "20221215" / prod /
           fmt::format("{}_LST-1.Run{:05}.{:04}.h5", level, run, subrun);
  }
  void order(const std::string& job, const std::string& text) {
    write(control_ / job, text + "\n");
  }

  int run() {
    out_.str("");
    return run_night(options_, config::Configuration::load({options_.config_file}), services_,
                     out_);
  }
  int close(CloseRequest request = {}) {
    NightOptions closing = options_;
    closing.close = std::move(request);
    out_.str("");
    return run_night(closing, config::Configuration::load({options_.config_file}), services_, out_);
  }
  std::string plan() {
    NightOptions planning = options_;
    planning.plan = true;
    std::ostringstream text;
    EXPECT_EQ(
        run_night(planning, config::Configuration::load({options_.config_file}), services_, text),
        0);
    return text.str();
  }
  /// Return what the jobs did since the last call, sorted, "; " between.
  std::string calls() {
    std::ifstream in(control_ / "calls");
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    fs::remove(control_ / "calls");
    std::sort(lines.begin(), lines.end());
    std::string text;
    for (const std::string& line : lines) text += (text.empty() ? "" : "; ") + line;
    return text;
  }
  /// Run the night in a process of its own.
  pid_t run_apart() {
    const pid_t child = ::fork();
    if (child == 0) {
      int code = 1;
      try {
        code = run();
      } catch (const Error& error) {
        code = exit_code(error.kind());
      }
      ::_exit(code);
    }
    return child;
  }
  static int wait_exit(pid_t pid) {
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  /// Count the unfinished products.
  int part_files() const {
    int count = 0;
    for (const char* level : {"DL1", "DL2"}) {
      if (!fs::exists(folder_ / level)) continue;
      for (const auto& entry : fs::recursive_directory_iterator(folder_ / level))
        count += entry.path().filename().string().find(".h5.part-") != std::string::npos ? 1 : 0;
    }
    return count;
  }

  fs::path folder_, control_;
  NightOptions options_;
  NightServices services_;
  std::vector<MergeJob> merges_;
  std::ostringstream out_;
};

}  // namespace alisio::night
