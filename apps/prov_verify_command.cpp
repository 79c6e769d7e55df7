#include <fmt/format.h>

#include <iostream>

#include "apps/command_line.hpp"
#include "apps/prov_command.hpp"
#include "lib/base/error.hpp"
#include "prov/verify.hpp"

namespace alisio::apps {

namespace po = boost::program_options;
namespace fs = std::filesystem;

int prov_verify_command(const std::vector<std::string>& arguments, const Program&) {
  po::options_description options("Options");
  options.add_options()("documents", po::value<std::vector<std::string>>()->composing(),
                        "PROV-JSON document, or folder of such; may be given again");
  po::positional_options_description positional;
  positional.add("documents", -1);
  const auto values = parse_arguments(
      arguments,
      {.name = "prov verify",
       .synopsis = "PATH...",
       .text = "Hash every file that provenance documents name and compare it with the record.\n"
               "Prints each file that is missing or not what it was; exits 7 if there is one.",
       .examples = "  alisio prov verify DL1/20221215/v0.1.0_v00/log"},
      options, positional);
  if (!values) return 0;
  const auto documents = paths_option(*values, "documents");
  if (documents.empty())
    throw Error(ErrorKind::usage, "a document or a folder is needed", "alisio prov verify",
                "see --help");
  const prov::VerifyResult result = prov::verify(documents);
  for (const prov::Mismatch& mismatch : result.mismatches)
    std::cout << fmt::format("{}: {} (recorded {}{})\n", mismatch.path.string(), mismatch.problem,
                             mismatch.recorded_sha256.substr(0, 12),
                             mismatch.found_sha256.empty()
                                 ? std::string()
                                 : ", found " + mismatch.found_sha256.substr(0, 12));
  std::cout << fmt::format("{} files, {:.1f} MB read, {} not as recorded", result.files,
                           static_cast<double>(result.bytes) / 1e6, result.mismatches.size());
  if (result.without_hash > 0)
    std::cout << fmt::format(", {} recorded by path only", result.without_hash);
  std::cout << '\n';
  return result.mismatches.empty() ? 0 : exit_code(ErrorKind::incomplete);
}

}  // namespace alisio::apps
