// A program that behaves as the stage subcommands promise to `alisio night`, without any physics:
// products hold a line of data that depends on the inputs and a line that differs every time.
// The folder in FAKE_STAGE_CONTROL may hold one file per job, "<stage>_RRRRR.SSSS", with orders:
//   fail <code>       end with this code, with a report
//   fail-once <code>  the same, and remove the order
//   die               be killed in the middle of writing
//   mute              end with code 0 but no report
//   sleep <seconds>   take time before writing
// It appends one line "<stage> RRRRR.SSSS" per activity to the file "calls" there.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/observer.hpp"
#include "lib/config/configuration.hpp"
#include "lib/night/state.hpp"
#include "lib/stage/description.hpp"

namespace {

namespace fs = std::filesystem;
using alisio::Error;
using alisio::ErrorKind;
using nlohmann::json;

using Arguments = std::map<std::string, std::string>;

json file_note(const std::string& port, const fs::path& path, const std::string& data_hash = "") {
  const auto stamp = alisio::night::stamp_of(path);
  if (!stamp) throw Error(ErrorKind::missing_input, "does not exist", path.string());
  return {{"port", port},          {"path", path.string()},
          {"size", stamp->size},   {"mtime_ns", stamp->mtime_ns},
          {"inode", stamp->inode}, {"sha256", alisio::hash_file(path)},
          {"data_hash", data_hash}};
}

class Job {
 public:
  explicit Job(Arguments arguments)
      : arguments_(std::move(arguments)),
        configuration_(alisio::config::Configuration::load({arguments_.at("--config")})) {
    const fs::path control = std::getenv("FAKE_STAGE_CONTROL");
    control_ = control;
    known_ = json::parse(alisio::read_text_file(arguments_.at("--known-hashes")));
    fs::create_directories(arguments_.at("--journal-dir"));
  }

  int run(const std::string& command) {
    int code = 0;
    if (command == "r0-to-dl1") {
      id_ = fs::path(arguments_.at("--input")).filename().string().substr(11, 10);
      code = r0_to_dl1();
      if (code == 0 && arguments_.contains("--dl2"))
        code = dl1_to_dl2(arguments_.at("--dl2-output-dir"));
    } else {
      dl1_ = arguments_.at("--input");
      id_ = dl1_.filename().string().substr(13, 10);
      code = dl1_to_dl2(arguments_.at("--output-dir"));
    }
    if (mute_) return code;
    alisio::write_file_atomically(
        arguments_.at("--report"),
        json{{"activities", activities_},
             {"journal", fs::path(arguments_.at("--journal-dir")) / (id_ + ".log")}}
            .dump());
    return code;
  }

 private:
  /// Shared inputs must have been hashed for us.
  void add_shared(json& inputs, const std::string& port, const std::string& option) {
    if (!arguments_.contains(option)) return;
    json note = file_note(port, arguments_.at(option));
    bool known = false;
    for (const json& entry : known_)
      known = known ||
              (entry.at("path") == note.at("path") && entry.at("mtime_ns") == note.at("mtime_ns") &&
               entry.at("sha256") == note.at("sha256"));
    if (!known) throw Error(ErrorKind::bug, "is not among the known hashes", arguments_.at(option));
    inputs.push_back(note);
  }

  int r0_to_dl1() {
    json inputs = json::array();
    const fs::path first = arguments_.at("--input");
    std::string data;
    for (int stream = 1; stream <= 4; ++stream) {
      std::string name = first.filename().string();
      name[6] = static_cast<char>('0' + stream);
      if (!fs::exists(first.parent_path() / name)) continue;
      inputs.push_back(file_note("r0_subrun", first.parent_path() / name));
      data += alisio::read_text_file(first.parent_path() / name);
    }
    add_shared(inputs, "drs4_pedestal", "--drs4-pedestal");
    add_shared(inputs, "charge_calibration", "--calibration");
    add_shared(inputs, "time_calibration", "--time-calibration");
    add_shared(inputs, "pointing", "--drive-log");
    add_shared(inputs, "run_summary", "--run-summary");
    add_shared(inputs, "analysis_configuration", "--config");
    dl1_ = fs::path(arguments_.at("--output-dir")) / ("dl1_LST-1.Run" + id_ + ".h5");
    return activity("r0_to_dl1", inputs, "dl1_subrun", dl1_, alisio::hash_text(data));
  }

  int dl1_to_dl2(const fs::path& folder) {
    json inputs = json::array();
    std::ifstream in(dl1_);
    std::string data;
    std::getline(in, data);
    inputs.push_back(file_note("dl1_subrun", dl1_, alisio::hash_text(data)));
    add_shared(inputs, "models", "--models");
    return activity("dl1_to_dl2", inputs, "dl2_subrun", folder / ("dl2_LST-1.Run" + id_ + ".h5"),
                    "dl2 of " + data);
  }

  int activity(const std::string& stage, const json& inputs, const std::string& port,
               const fs::path& product, const std::string& data) {
    std::ofstream(control_ / "calls", std::ios::app) << stage + ' ' + id_ + '\n' << std::flush;
    const alisio::stage::StageDescription& description = alisio::stage::description(stage);
    const std::string uuid = alisio::new_uuid7();
    std::ofstream(fs::path(arguments_.at("--journal-dir")) / (uuid + ".log")) << stage << '\n';
    std::vector<std::pair<std::string, std::string>> hashes;
    for (const json& input : inputs)
      if (input.at("port") != "analysis_configuration")
        hashes.emplace_back(input.at("port"), input.at("data_hash").get<std::string>().empty()
                                                  ? input.at("sha256")
                                                  : input.at("data_hash"));
    json record{
        {"stage", stage},
        {"stage_version", description.version},
        {"activity_id", uuid},
        {"identity", alisio::stage::job_identity(
                         stage, description.version,
                         configuration_.section_json(description.configuration_sections), hashes)},
        {"inputs", inputs},
        {"outputs", json::array()},
        {"events", 100},
        {"wall_s", 1.5},
        {"cpu_s", 1.0},
        {"max_rss_bytes", 1 << 20}};
    const int code = obey(stage, product);
    record["exit_code"] = code;
    record["status"] = code == 0 ? "done" : "failed";
    record["message"] = code == 0 ? "" : "told to fail";
    if (code == 0) {
      alisio::write_file_atomically(product, data + "\nmade by " + uuid + "\n");
      record["outputs"].push_back(file_note(port, product, alisio::hash_text(data)));
    } else {
      std::cerr << "told to fail with " << code << '\n';
    }
    activities_.push_back(record);
    return code;
  }

  int obey(const std::string& stage, const fs::path& product) {
    const fs::path order_file = control_ / (stage + '_' + id_);
    std::ifstream in(order_file);
    std::string order;
    double value = 0;
    if (!(in >> order)) return 0;
    in >> value;
    if (order == "fail-once") fs::remove(order_file);
    if (order == "fail" || order == "fail-once") return static_cast<int>(value);
    if (order == "mute") mute_ = true;
    if (order == "sleep") {
      alisio::PendingFile pending(product);
      std::ofstream(pending.path()) << "half";
      ::usleep(static_cast<useconds_t>(value * 1e6));
    }
    if (order == "die") {
      alisio::PendingFile pending(product);
      std::ofstream(pending.path()) << "half" << std::flush;
      ::raise(SIGKILL);
    }
    return 0;
  }

  Arguments arguments_;
  alisio::config::Configuration configuration_;
  fs::path control_;
  json known_, activities_ = json::array();
  std::string id_;
  fs::path dl1_;
  bool mute_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  for (int at = 2; at < argc; ++at)
    if (std::string(argv[at]) == "--dl2")
      arguments["--dl2"] = "";
    else if (at + 1 < argc) {
      if (!arguments.emplace(argv[at], argv[at + 1]).second) {
        std::cerr << argv[at] << " is said twice\n";
        return 2;
      }
      ++at;
    }
  try {
    return Job(std::move(arguments)).run(argv[1]);
  } catch (const Error& error) {
    std::cerr << error.what() << '\n';
    return alisio::exit_code(error.kind());
  }
}
