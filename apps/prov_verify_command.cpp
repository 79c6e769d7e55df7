#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/command_line.hpp"
#include "apps/prov_command.hpp"
#include "apps/prov_index.hpp"
#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"
#include "lib/night/file_parts.hpp"
#include "prov/ask/audit.hpp"
#include "prov/verify.hpp"

namespace alisio::apps {

namespace po = boost::program_options;
namespace fs = std::filesystem;

namespace {

void print_result(const prov::VerifyResult& result) {
  for (const prov::Mismatch& mismatch : result.mismatches) {
    std::cout << fmt::format("{}: {}", mismatch.path.string(), mismatch.problem);
    if (!mismatch.recorded_sha256.empty())
      std::cout << fmt::format(" (recorded {}{})", mismatch.recorded_sha256.substr(0, 12),
                               mismatch.found_sha256.empty()
                                   ? std::string()
                                   : ", found " + mismatch.found_sha256.substr(0, 12));
    std::cout << '\n';
  }
  std::cout << fmt::format("{} files, {} read ({:.1f} MB), {} not as recorded", result.files,
                           result.hashed, static_cast<double>(result.bytes) / 1e6,
                           result.mismatches.size());
  if (result.without_hash > 0)
    std::cout << fmt::format(", {} recorded by path only", result.without_hash);
  std::cout << '\n';
}

nlohmann::ordered_json to_json(const prov::VerifyResult& result) {
  nlohmann::ordered_json object{{"files", result.files},
                                {"read", result.hashed},
                                {"bytes_read", result.bytes},
                                {"without_hash", result.without_hash},
                                {"mismatches", nlohmann::ordered_json::array()}};
  for (const prov::Mismatch& mismatch : result.mismatches) {
    nlohmann::ordered_json one{{"path", mismatch.path.string()}, {"problem", mismatch.problem}};
    if (!mismatch.recorded_sha256.empty()) one["recorded_sha256"] = mismatch.recorded_sha256;
    if (!mismatch.found_sha256.empty()) one["found_sha256"] = mismatch.found_sha256;
    object["mismatches"].push_back(std::move(one));
  }
  return object;
}

}  // namespace

int prov_verify_command(const std::vector<std::string>& arguments, const Program& program) {
  prov::VerifyRequest request;
  po::options_description options("Options");
  options.add_options()("documents", po::value<std::vector<std::string>>()->composing(),
                        "PROV-JSON document, or folder of such; may be given again")(
      "night", po::value<std::string>(),
      "in place of documents: the files of a night by the index, and those added beside them")(
      "fast", "compare sizes; read the files that were modified since they were recorded")(
      "sample", po::value<double>(&request.fraction),
      "as --fast, and read this part of the others")(
      "seed", po::value(&request.seed)->default_value(0), "another seed, another sample")(
      "full", "read all files (the default)")("json", "print the answer as JSON");
  options.add(index_options());
  po::positional_options_description positional;
  positional.add("documents", -1);
  const auto values = parse_arguments(
      arguments,
      {.name = "prov verify",
       .synopsis = "PATH... | --night DATE",
       .text =
           "Compare files with their records and print each that is missing, altered, or, of a\n"
           "night, stands beside products without a record. All bytes are hashed again, or a\n"
           "part of the files; a file whose times were set back is found by its bytes only.\n"
           "Exit code 7 if a file is not as recorded.",
       .examples = "  alisio prov verify DL1/20221215/v0.1.0_v00/log\n"
                   "  alisio prov verify --night 20240115 --sample 0.05 --config alisio.yaml"},
      options, positional);
  if (!values) return 0;
  const bool fast = values->count("fast") != 0, sample = values->count("sample") != 0;
  if (int{fast} + int{sample} + int{values->count("full") != 0} > 1)
    throw Error(ErrorKind::usage, "--fast, --sample and --full exclude each other",
                "alisio prov verify", "give one");
  if (!(request.fraction >= 0 && request.fraction <= 1))
    throw Error(ErrorKind::usage, "the part is out of range", "--sample", "0 to 1");
  request.mode = fast     ? prov::VerifyMode::fast
                 : sample ? prov::VerifyMode::sample
                          : prov::VerifyMode::full;
  request.part = night::part_reader();
  const auto documents = paths_option(*values, "documents");
  const bool night = values->count("night") != 0;
  if (documents.empty() == !night)
    throw Error(ErrorKind::usage, "a document or a folder is needed, or --night",
                "alisio prov verify", "see --help");
  prov::VerifyResult result;
  if (night) {
    const std::string date = NightDate::parse((*values)["night"].as<std::string>()).compact();
    prov::Store store = open_index(*values, program);
    const auto files = prov::recorded_files(store, date);
    if (files.empty())
      throw Error(ErrorKind::incomplete, "nothing is on record of night " + date,
                  "alisio prov verify", "bring the index up to date: alisio prov index");
    result = prov::verify(files, request);
    for (const fs::path& file : prov::unrecorded_beside(store, date))
      result.mismatches.push_back({file, "not recorded", "", ""});
  } else {
    result = prov::verify(prov::recorded_files(documents), request);
  }
  if (values->count("json") != 0)
    std::cout << to_json(result).dump(2) << '\n';
  else
    print_result(result);
  return result.mismatches.empty() ? 0 : exit_code(ErrorKind::incomplete);
}

}  // namespace alisio::apps
