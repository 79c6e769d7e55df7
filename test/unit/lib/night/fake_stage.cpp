// A program that behaves as the stage subcommands promise to `alisio night`, without any physics:
// products hold a line of data that depends on the inputs and a line that differs every time.
// The folder in FAKE_STAGE_CONTROL may hold one file per job, "<stage>_RRRRR.SSSS" (or _RRRRR, or
// _night), with orders:
//   fail <code>       end with this code, with a report
//   fail-once <code>  the same, and remove the order
//   die               be killed in the middle of writing
//   garble <code>   end with this code and no report, having written what is no text
//   mute              end with code 0 but no report
//   sleep <seconds>   take time before writing
//   heed <seconds>    the same, but end with a report when told to stop
// It appends one line "<stage> RRRRR.SSSS" per activity to the file "calls" there, and what it is
// told with --note to "notes". What run_summary and find_tailcuts write is in "<stage>.content".
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
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

using Arguments = std::map<std::string, std::vector<std::string>>;

json file_note(const std::string& port, const fs::path& path, const std::string& data_hash = "") {
  const auto stamp = alisio::night::stamp_of(path);
  if (!stamp) throw Error(ErrorKind::missing_input, "does not exist", path.string());
  return {{"port", port},          {"path", path.string()},
          {"size", stamp->size},   {"mtime_ns", stamp->mtime_ns},
          {"inode", stamp->inode}, {"sha256", alisio::hash_file(path)},
          {"data_hash", data_hash}};
}

/// The data of a product that another job made: its first line.
std::string data_of(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

struct Product {
  std::string port, name;
};

/// What a stage makes of a run or subrun; the first is its main product.
std::vector<Product> products_of(const std::string& stage, const std::string& id) {
  if (stage == "run_summary") return {{"run_summary", "RunSummary_20221215.ecsv"}};
  if (stage == "drs4_pedestal") return {{stage, "drs4_pedestal.Run" + id + ".0000.h5"}};
  if (stage == "time_calibration") return {{stage, "time_calibration.Run" + id + ".0000.h5"}};
  if (stage == "camera_calibration")
    return {{"charge_calibration", "calibration_filters_52.Run" + id + ".0000.h5"}};
  if (stage == "cat_b")
    return {{"catb_calibration", "cat_B_calibration_filters_52.Run" + id + ".h5"}};
  if (stage == "find_tailcuts") return {{"tailcuts", "dl1ab_Run" + id + ".json"}};
  if (stage == "dl1ab")
    return {{"dl1b_subrun", "dl1_LST-1.Run" + id + ".h5"},
            {"dl1_datacheck", "datacheck_dl1_LST-1.Run" + id + ".h5"}};
  if (stage == "merge_dl1") return {{"dl1_run", "dl1_LST-1.Run" + id + ".h5"}};
  if (stage == "merge_dl2") return {{"dl2_run", "dl2_LST-1.Run" + id + ".h5"}};
  if (stage == "merge_muons" && id == "night")
    return {{"muons_night", "muons_LST-1.20221215.fits"}};
  if (stage == "merge_muons") return {{"muons_run", "muons_LST-1.Run" + id + ".fits"}};
  if (stage == "merge_datacheck" && id == "night")
    return {{"dl1_datacheck_night", "datacheck_dl1_LST-1.20221215.h5"}};
  if (stage == "merge_datacheck")
    return {{"dl1_datacheck_run", "datacheck_dl1_LST-1.Run" + id + ".h5"}};
  if (stage == "night_report") return {{"night_report", "report_20221215.html"}};
  if (stage == "dl3") return {{"dl3_run", "dl3_LST-1.Run" + id + ".fits"}};
  if (stage == "dl3_index")
    return {{"hdu_index", "hdu-index.fits.gz"}, {"obs_index", "obs-index.fits.gz"}};
  if (stage == "significance") return {{"significance", "significance_20221215.json"}};
  if (stage == "dl1_to_dl2") return {{"dl2_subrun", "dl2_LST-1.Run" + id + ".h5"}};
  return {{"dl1_subrun", "dl1_LST-1.Run" + id + ".h5"},
          {"interleaved", "interleaved/interleaved_LST-1.Run" + id + ".h5"},
          {"muons", "muons_LST-1.Run" + id + ".fits"},
          {"dl1_datacheck", "datacheck_dl1_LST-1.Run" + id + ".h5"}};
}

/// The port that `--input` fills.
std::string port_of_input(const std::string& stage) {
  if (stage == "cat_b") return "interleaved";
  if (stage == "merge_dl1") return "dl1_subrun";
  if (stage == "merge_dl2") return "dl2_subrun";
  if (stage == "merge_muons") return "muons";
  if (stage == "merge_datacheck") return "dl1_datacheck";
  if (stage == "night_report") return "dl1_datacheck_run";
  if (stage == "dl3_index") return "dl3_run";
  if (stage == "dl3" || stage == "significance") return "dl2_run";
  if (stage == "find_tailcuts" || stage == "dl1ab" || stage == "dl1_to_dl2") return "dl1_subrun";
  return "r0_subrun";
}

volatile sig_atomic_t told_to_stop = 0;

class Job {
 public:
  explicit Job(Arguments arguments)
      : arguments_(std::move(arguments)),
        configuration_(alisio::config::Configuration::load({one("--config")})) {
    const fs::path control = std::getenv("FAKE_STAGE_CONTROL");
    control_ = control;
    known_ = json::parse(alisio::read_text_file(one("--known-hashes")));
    fs::create_directories(one("--journal-dir"));
  }

  int run(std::string stage) {
    std::replace(stage.begin(), stage.end(), '-', '_');
    if (stage == "merge") stage = merging_stage();
    if (stage == "report") stage = "night_report";
    if (stage == "dl2_to_dl3") stage = "dl3";
    name_job(stage);
    int code = activity(stage, one("--output-dir"), inputs_of(stage));
    if (code == 0 && arguments_.contains("--dl2")) {
      arguments_["--input"] = {product_.string()};
      code = activity("dl1_to_dl2", one("--dl2-output-dir"), inputs_of("dl1_to_dl2"));
    }
    if (mute_) return code;
    alisio::write_file_atomically(one("--report"),
                                  json{{"activities", activities_},
                                       {"journal", fs::path(one("--journal-dir")) / (id_ + ".log")}}
                                      .dump());
    return code;
  }

 private:
  std::string one(const std::string& option) const { return arguments_.at(option).front(); }

  /// The kind of the first file tells what is merged.
  std::string merging_stage() const {
    const std::string name = fs::path(one("--input")).filename().string();
    return name.starts_with("datacheck") ? "merge_datacheck"
                                         : "merge_" + name.substr(0, name.find('_'));
  }

  void name_job(const std::string& stage) {
    if (stage == "run_summary" || stage == "night_report" || stage == "dl3_index" ||
        stage == "significance" || arguments_.contains("--night")) {
      id_ = "night";
      return;
    }
    const std::string name = fs::path(one("--input")).filename().string();
    const bool whole_run = stage == "drs4_pedestal" || stage == "time_calibration" ||
                           stage == "camera_calibration" || stage == "cat_b" ||
                           stage == "find_tailcuts" || stage == "dl3" ||
                           stage.starts_with("merge_");
    id_ = name.substr(name.find("Run") + 3, whole_run ? 5 : 10);
  }

  /// Shared inputs must have been hashed for us.
  void add_shared(json& inputs, const std::string& port, const std::string& option) {
    if (!arguments_.contains(option)) return;
    json note = file_note(port, one(option));
    bool known = false;
    for (const json& entry : known_)
      known = known ||
              (entry.at("path") == note.at("path") && entry.at("mtime_ns") == note.at("mtime_ns") &&
               entry.at("sha256") == note.at("sha256"));
    if (!known) throw Error(ErrorKind::bug, "is not among the known hashes", one(option));
    for (const json& entry : known_)
      if (entry.at("path") == note.at("path")) note["data_hash"] = entry.at("data_hash");
    inputs.push_back(note);
  }

  /// Read the inputs of a stage and put together what its product depends on.
  json inputs_of(const std::string& stage) {
    json inputs = json::array();
    data_ = stage == "dl1_to_dl2" ? "dl2 of " : stage == "r0_to_dl1" ? "" : stage + " of ";
    const std::string port = port_of_input(stage);
    if (stage == "run_summary") {
      for (const auto& entry : fs::recursive_directory_iterator(configuration_.path("paths.r0")))
        if (entry.path().string().find(".0000.") != std::string::npos) {
          // It reads the heads of the files only, and depends on which files there are.
          inputs.push_back(file_note(port, entry.path(), "head"));
          inputs.back()["sha256"] = "";
        }
    } else if (port == "r0_subrun") {
      const fs::path first = one("--input");
      for (int stream = 1; stream <= 4; ++stream) {
        std::string name = first.filename().string();
        name[6] = static_cast<char>('0' + stream);
        if (!fs::exists(first.parent_path() / name)) continue;
        inputs.push_back(file_note(port, first.parent_path() / name));
        data_ += alisio::read_text_file(first.parent_path() / name);
      }
    } else {
      for (const std::string& file : arguments_.at("--input")) {
        inputs.push_back(file_note(port, file, alisio::hash_text(data_of(file))));
        data_ += data_of(file);
      }
    }
    if (stage == "night_report" && arguments_.contains("--muons"))
      for (const std::string& file : arguments_.at("--muons"))
        inputs.push_back(file_note("muons_run", file, alisio::hash_text(data_of(file))));
    if (stage == "dl1_to_dl2") {
      add_shared(inputs, "models", "--models");
      add_shared(inputs, "run_catalogue", "--run-catalogue");
      return inputs;
    }
    add_shared(inputs, "drs4_pedestal", "--drs4-pedestal");
    add_shared(inputs, "charge_calibration", "--calibration");
    add_shared(inputs, "time_calibration", "--time-calibration");
    add_shared(inputs, "pointing", "--drive-log");
    add_shared(inputs, "run_summary", "--run-summary");
    add_shared(inputs, "tailcuts", "--tailcuts");
    add_shared(inputs, "catb_calibration", "--cat-b");
    add_shared(inputs, "source_catalogue", "--source-catalogue");
    if (stage == "night_report") add_shared(inputs, "significance", "--significance");
    add_shared(inputs, "analysis_configuration", "--config");
    return inputs;
  }

  int activity(const std::string& stage, const fs::path& folder, const json& inputs) {
    std::ofstream(control_ / "calls", std::ios::app) << stage + ' ' + id_ + '\n' << std::flush;
    if (arguments_.contains("--note"))
      for (const std::string& note : arguments_.at("--note"))
        std::ofstream(control_ / "notes", std::ios::app) << stage + ' ' + id_ + ' ' + note + '\n';
    const alisio::stage::StageDescription& description = alisio::stage::description(stage);
    const std::string uuid = alisio::new_uuid7();
    std::ofstream(fs::path(one("--journal-dir")) / (uuid + ".log")) << stage << '\n';
    std::vector<std::pair<std::string, std::string>> hashes;
    for (const json& input : inputs)
      if (input.at("port") != "analysis_configuration" && input.at("port") != "run_catalogue")
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
    std::vector<Product> products = products_of(stage, id_);
    std::erase_if(products, [&](const Product& product) {
      return (product.port == "interleaved" && !arguments_.contains("--interleaved")) ||
             (product.port == "muons" && arguments_.contains("--no-muons")) ||
             (product.port == "dl1_datacheck" && arguments_.contains("--no-data-check"));
    });
    product_ = folder / products.front().name;
    const int code = obey(stage, product_);
    record["exit_code"] = code;
    record["status"] = code == 0 ? "done" : "failed";
    record["message"] = code == 0 ? "" : "told to fail";
    if (code != 0 && !mute_) std::cerr << "told to fail with " << code << '\n';
    for (const Product& product : products) {
      if (code != 0) break;
      const fs::path target = folder / product.name;
      std::string content = data_ + "\nmade by " + uuid + "\n";
      if (stage == "find_tailcuts" || stage == "run_summary")
        content = alisio::read_text_file(control_ / (stage + ".content"));
      alisio::write_file_atomically(target, content);
      record["outputs"].push_back(
          file_note(product.port, target, alisio::hash_text(data_of(target))));
      if (product.port.starts_with("dl1_datacheck")) record["outputs"].back()["quality"] = "passed";
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
    if (order == "mute" || order == "garble") mute_ = true;
    if (order == "garble") {
      std::cerr << "fichero da\xF1"
                   "ado \xFF \x1B[31mrojo\n";
      return static_cast<int>(value);
    }
    if (order == "sleep") {
      alisio::PendingFile pending(product);
      std::ofstream(pending.path()) << "half";
      ::usleep(static_cast<useconds_t>(value * 1e6));
    }
    if (order == "heed") {
      ::signal(SIGTERM, [](int) { told_to_stop = 1; });
      const alisio::PendingFile pending(product);
      std::ofstream(pending.path()) << "half";
      for (int slept_ms = 0; slept_ms < value * 1e3 && told_to_stop == 0; slept_ms += 10)
        ::usleep(10'000);
      if (told_to_stop != 0) return alisio::exit_code(ErrorKind::interrupted);
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
  std::string id_, data_;
  fs::path product_;
  bool mute_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  const std::set<std::string> flags{"--dl2", "--interleaved", "--no-muons", "--no-data-check"};
  Arguments arguments;
  std::string option = "date";
  for (int at = 2; at < argc; ++at) {
    const std::string word = argv[at];
    if (!word.starts_with("--")) {
      arguments[option].push_back(word);
      continue;
    }
    if (word != "--note" && !arguments.try_emplace(word).second) {
      std::cerr << word << " is said twice\n";
      return 2;
    }
    if (!flags.contains(word)) option = word;
  }
  try {
    return Job(std::move(arguments)).run(argv[1]);
  } catch (const Error& error) {
    std::cerr << "12:34:56 error   " << error.what() << '\n';
    return alisio::exit_code(error.kind());
  }
}
