// A stage that does nothing: an empty product and a report, for measuring what a night costs
// besides its stages. Says and does what `alisio night` expects of r0-to-dl1 and no more.
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/stage/description.hpp"
#include "lib/stage/file_stamp.hpp"

namespace {

namespace fs = std::filesystem;

std::string value_of(int argc, char** argv, const std::string& option) {
  for (int at = 1; at + 1 < argc; ++at)
    if (argv[at] == option) return argv[at + 1];
  return "";
}

/// Return the record of an input that was hashed for all jobs.
nlohmann::ordered_json shared_input(const nlohmann::json& known, const std::string& port,
                                    const std::string& path) {
  for (const auto& item : known)
    if (item.at("path") == path) {
      nlohmann::ordered_json input = item;
      input["port"] = port;
      return input;
    }
  throw alisio::Error(alisio::ErrorKind::bug, "is not among the known hashes", path);
}

nlohmann::ordered_json file_note(const std::string& port, const fs::path& path) {
  alisio::stage::FileStamp stamp = alisio::stage::stat_stamp(path);
  stamp.sha256 = "none";
  nlohmann::ordered_json note = alisio::stage::to_json(stamp);
  note["port"] = port;
  return note;
}

int run(int argc, char** argv) {
  const fs::path input = value_of(argc, argv, "--input");
  const std::string report = value_of(argc, argv, "--report");
  const auto at = input.string().rfind("Run");
  if (at == std::string::npos || report.empty())
    throw alisio::Error(alisio::ErrorKind::usage,
                        "this stands for r0-to-dl1 in a benchmark; it wants --input and --report");
  const fs::path product = fs::path(value_of(argc, argv, "--output-dir")) /
                           ("dl1_LST-1." + input.string().substr(at, 13) + ".h5");
  fs::create_directories(product.parent_path());
  std::ofstream(product) << "";
  auto inputs = nlohmann::ordered_json::array();
  for (char stream = '1'; stream <= '4'; ++stream) {
    std::string name = input.filename().string();
    name[6] = stream;
    inputs.push_back(file_note("r0_subrun", input.parent_path() / name));
  }
  const auto known =
      nlohmann::json::parse(alisio::read_text_file(value_of(argc, argv, "--known-hashes")));
  for (const auto& [port, option] : {std::pair{"drs4_pedestal", "--drs4-pedestal"},
                                     {"charge_calibration", "--calibration"},
                                     {"time_calibration", "--time-calibration"},
                                     {"pointing", "--drive-log"},
                                     {"run_summary", "--run-summary"}})
    inputs.push_back(shared_input(known, port, value_of(argc, argv, option)));
  const std::string part = report + ".part";
  std::ofstream(part) << nlohmann::ordered_json{
      {"activities",
       {{{"stage", "r0_to_dl1"},
         {"stage_version", alisio::stage::description("r0_to_dl1").version},
         {"status", "done"},
         {"activity_id", ""},
         {"identity", "none"},
         {"inputs", inputs},
         {"outputs", {file_note("dl1_subrun", product)}}}}},
      {"journal", ""}};
  fs::rename(part, report);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const alisio::Error& error) {
    std::cerr << error.what() << '\n';
    return alisio::exit_code(error.kind());
  }
}
