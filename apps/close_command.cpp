#include "apps/close_command.hpp"

#include <fmt/format.h>

#include <iostream>

#include "apps/command_line.hpp"
#include "apps/configuration_file.hpp"
#include "apps/lost_record.hpp"
#include "apps/night_services.hpp"
#include "apps/prov_index.hpp"
#include "apps/provenance_setup.hpp"
#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/signature.hpp"
#include "lib/night/archive.hpp"
#include "lib/night/seal_check.hpp"
#include "lib/night/seal_survey.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace fs = std::filesystem;
namespace {

/// What the commands about one night's closing have in common.
struct NightWords {
  std::string date, config_file, prod_id;

  void add_to(po::options_description& options) {
    options.add_options()("config", po::value(&config_file), "configuration file")(
        "prod-id", po::value(&prod_id), "name of the production (default: as configured)")(
        "date", po::value(&date), "date of the evening (the positional argument)");
  }

  [[nodiscard]] night::NightOptions options(const char* command) const {
    if (date.empty())
      throw Error(ErrorKind::usage, "the date is missing", std::string("alisio ") + command,
                  "give YYYYMMDD");
    night::NightOptions options;
    options.date = NightDate::parse(date);
    options.prod_id = prod_id;
    if (!config_file.empty()) options.config_file = fs::weakly_canonical(config_file);
    return options;
  }
};

po::positional_options_description date_first() {
  po::positional_options_description positional;
  positional.add("date", 1);
  return positional;
}

int run_closing(const night::NightOptions& options, const Program& program) {
  const config::Configuration configuration = configuration_of(options.config_file);
  take_up_lost_record(options, configuration, program);
  const int code = night::run_night(options, configuration, night_services(program), std::cout);
  index_night(configuration, options.date, program);
  return code;
}

/// Return the public key that a seal must be signed with: as told or configured; empty: any.
std::string expected_key(const std::string& told, const config::Configuration& configuration) {
  if (!told.empty()) return read_text_file(told);
  if (const fs::path file = configuration.path("closing.public_key"); !file.empty())
    return read_text_file(file);
  if (const fs::path file = configuration.path("closing.key"); !file.empty() && fs::exists(file))
    return SigningKey::load(file).public_key();
  return {};
}

/// Find the seal that stands for a night, in the state, else in the folder of seals.
void find_seal(const night::NightOptions& options, const config::Configuration& configuration,
               night::SealCheckRequest& request) {
  const night::NightKey key = night::night_key(configuration, options.date, options.prod_id);
  if (auto state = night::State::open_read_only(configuration.path("paths.state"))) {
    for (const night::ClosingRecord& closing : state->closings(key))
      if (closing.seal_number > 0) {
        request.seal = closing.seal;
        request.recorded_sha256 = closing.seal_sha256;
      }
  }
  if (request.seal.empty())
    for (const fs::path& file : night::list_seals(
             night::seal_folder(configuration.path("paths.products"), key.telescope, key.prod_id)))
      if (file.filename() == night::seal_name(night::seal_number(file), key.date))
        request.seal = file;
  if (request.seal.empty())
    throw Error(ErrorKind::missing_input, "this night has no seal", key.date.iso(),
                "alisio close makes it; check --prod-id and paths.products");
}

/// Check all seals of a production.
int survey(const NightWords& words, night::SealCheckRequest each,
           const config::Configuration& configuration, bool as_json) {
  const night::NightKey key = night::night_key(configuration, {}, words.prod_id);
  const fs::path products = each.root.empty() ? configuration.path("paths.products") : each.root;
  night::SealSurveyRequest request{
      .folder = night::seal_folder(products, key.telescope, key.prod_id), .each = std::move(each)};
  if (request.each.root.empty())
    if (auto state = night::State::open_read_only(configuration.path("paths.state")))
      night::read_recorded_seals(*state, key.telescope, key.prod_id, request);
  const night::SealSurvey found = night::survey_seals(request);
  if (found.seals.empty() && found.chain.empty())
    throw Error(ErrorKind::missing_input, "this production has no seals", request.folder.string(),
                "check --prod-id and paths.products");
  return night::print_seal_survey(found, as_json, std::cout);
}

}  // namespace

int run_close_command(const std::vector<std::string>& arguments, const Program& program) {
  NightWords words;
  night::CloseRequest request;
  po::options_description described("Options");
  words.add_to(described);
  bool as_json = false;
  described.add_options()("force", po::bool_switch(&request.force),
                          "close in spite of the policy; needs --reason")(
      "reason", po::value(&request.reason), "why; recorded")("author", po::value(&request.author),
                                                             "who says so (default: the account)")(
      "verify-content", po::bool_switch(&request.verify_content),
      "read every product; else those whose time stamps are unchanged are trusted")(
      "json", po::bool_switch(&as_json), "print the result as JSON");
  const auto given = parse_arguments(
      arguments,
      {.name = "close",
       .synopsis = "DATE --config FILE [options]",
       .text =
           "Closes a night: tells what of each run is missing, sees that every product stands as\n"
           "recorded, merges the provenance, makes the report, seals the night (a manifest of all\n"
           "products with their hashes, chained to the seal before, signed if closing.key names a\n"
           "key) and writes LSTOSA's flags. What was interrupted is gone on with. A closed night\n"
           "is left alone by passes until alisio reopen. The policy is in closing.*; scheduled\n"
           "passes (alisio night --pass) close by themselves unless closing.auto is false.\n"
           "Exit code 0 if the night is closed, whatever it lacks, which is told (status and "
           "night\n"
           "end with 7 then); 7 if it stays open, with the reasons.",
       .examples = "  alisio close 20240215 --config alisio.yaml\n"
                   "  alisio close 20240215 --config alisio.yaml --force --reason \"run 17003 is "
                   "lost\""},
      described, date_first());
  if (!given) return 0;
  if (request.force && request.reason.empty())
    throw Error(ErrorKind::usage, "--force needs a reason", "alisio close", "give --reason TEXT");
  night::NightOptions options = words.options("close");
  options.json = as_json;
  options.close = request;
  return run_closing(options, program);
}

int run_reopen_command(const std::vector<std::string>& arguments, const Program& program) {
  NightWords words;
  night::CloseRequest request;
  request.reopen = true;
  po::options_description described("Options");
  words.add_to(described);
  described.add_options()("reason", po::value(&request.reason), "why; recorded")(
      "author", po::value(&request.author), "who says so (default: the account)");
  const auto given = parse_arguments(
      arguments,
      {.name = "reopen",
       .synopsis = "DATE --reason TEXT --config FILE [options]",
       .text = "Opens a closed night again, so that passes work on it. Its seal is kept, and the\n"
               "next one names it; LSTOSA's flags are taken away. Who did it and why is recorded\n"
               "in the state and in the provenance. A closing that is under way is given up.",
       .examples = "  alisio reopen 20240215 --reason \"late raw files\" --config alisio.yaml"},
      described, date_first());
  if (!given) return 0;
  if (request.reason.empty())
    throw Error(ErrorKind::usage, "a reason is needed", "alisio reopen", "give --reason TEXT");
  night::NightOptions options = words.options("reopen");
  options.close = request;
  return run_closing(options, program);
}

int run_archive_command(const std::vector<std::string>& arguments, const Program& program) {
  NightWords words;
  std::string to;
  po::options_description described("Options");
  words.add_to(described);
  described.add_options()("to", po::value(&to), "root of the archive, made if need be");
  const auto given = parse_arguments(
      arguments,
      {.name = "archive",
       .synopsis = "DATE --to ROOT --config FILE [options]",
       .text =
           "Copies a sealed night to another root: products, provenance documents and journals,\n"
           "the constants and models that it used, and the chain of seals up to its own. Every\n"
           "byte is hashed while it is copied, compared with the seal, and read back. What is\n"
           "there and equal is left; what is there and differs is left and named. An interrupted\n"
           "copy is gone on with. ROOT/archive.yaml lets provenance be asked there:\n"
           "alisio prov index --config ROOT/archive.yaml, then prov show FILE.\n"
           "What alisio clean removed before is named, and is no fault.\n"
           "Exit code 0 if all is there, 7 if some files are not.",
       .examples = "  alisio archive 20240215 --to /archive --config alisio.yaml\n"
                   "  alisio verify-seal --seal /archive/seals/LST-1/v1/seal_000012_20240215.json "
                   "--root /archive"},
      described, date_first());
  if (!given) return 0;
  if (to.empty())
    throw Error(ErrorKind::usage, "the archive is missing", "alisio archive", "give --to ROOT");
  const night::NightOptions options = words.options("archive");
  const config::Configuration configuration = configuration_of(words.config_file);
  night::SealCheckRequest sealed;
  find_seal(options, configuration, sealed);
  const night::ArchiveResult result = night::archive_night(
      {.seal = sealed.seal, .to = to, .logger = load_logger(program.cfg_folder)});
  std::cout << fmt::format("{}: {} file{} copied ({} bytes), {} there already, {} not archived\n",
                           to, result.copied, result.copied == 1 ? "" : "s", result.bytes,
                           result.equal, result.faults.size());
  for (const std::string& fault : result.faults) std::cout << "  " << fault << '\n';
  for (const std::string& removed : result.removed) std::cout << "note: " << removed << '\n';
  return result.faults.empty() ? 0 : exit_code(ErrorKind::incomplete);
}

int run_verify_seal_command(const std::vector<std::string>& arguments, const Program& program) {
  NightWords words;
  night::SealCheckRequest request;
  std::string seal, root, public_key;
  bool fast = false, as_json = false, all = false;
  po::options_description described("Options");
  words.add_to(described);
  described.add_options()("all", po::bool_switch(&all),
                          "every seal of the production, and the chain from end to end")(
      "seal", po::value(&seal), "file of the seal (default: that of the night)")(
      "root", po::value(&root), "where the products are (default: where they were sealed)")(
      "public-key", po::value(&public_key),
      "PEM that must have signed the seal (default: as configured, else the one in the seal)")(
      "fast", po::bool_switch(&fast),
      "read only files of another size or modified since the seal was made")(
      "json", po::bool_switch(&as_json), "print the result as JSON");
  const auto given = parse_arguments(
      arguments,
      {.name = "verify-seal",
       .synopsis = "DATE|--all --config FILE | --seal FILE [options]",
       .text =
           "Tells whether the seal of a closed night holds: its signature, the chain of seals\n"
           "before it and the one after it, and every product and provenance document, which are\n"
           "read. What was tampered with is named. Constants and models that were used and have\n"
           "changed since are noted, and break nothing; so are products that alisio clean\n"
           "removed, with who did it and why.\n"
           "With --all, one line a seal of the production, and the chain: missing links, two\n"
           "seals of one number, links that name another content, an end that was cut off. Of\n"
           "nights that were sealed again or are open again the files are not compared.\n"
           "Exit code 0 if it holds, 7 if it does not.",
       .examples = "  alisio verify-seal 20240215 --config alisio.yaml\n"
                   "  alisio verify-seal --all --fast --prod-id v1 --config alisio.yaml\n"
                   "  alisio verify-seal --seal seals/LST-1/v1/seal_000012_20240215.json \\\n"
                   "    --root /archive --public-key lst.pub.pem"},
      described, date_first());
  if (!given) return 0;
  if (all && !(words.date.empty() && seal.empty()))
    throw Error(ErrorKind::usage, "--all excludes a date and --seal", "alisio verify-seal",
                "give one of them");
  const night::NightOptions options =
      seal.empty() && !all ? words.options("verify-seal") : night::NightOptions{};
  const config::Configuration configuration = configuration_of(words.config_file);
  if (!seal.empty())
    request.seal = fs::absolute(seal);
  else if (!all)
    find_seal(options, configuration, request);
  request.root = root;
  request.public_key = expected_key(public_key, configuration);
  request.read_all = !fast;
  request.hash = night_services(program).hash;
  request.logger = load_logger(program.cfg_folder);
  if (all) return survey(words, std::move(request), configuration, as_json);
  return night::print_seal_check(night::check_seal(request), as_json, std::cout);
}

}  // namespace alisio::apps
