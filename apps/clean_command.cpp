#include "apps/clean_command.hpp"

#include <fmt/format.h>

#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/command_line.hpp"
#include "apps/configuration_file.hpp"
#include "apps/night_services.hpp"
#include "apps/prov_ids.hpp"
#include "apps/prov_index.hpp"
#include "lib/base/account.hpp"
#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/version.hpp"
#include "lib/night/clean.hpp"
#include "lib/night/completeness.hpp"
#include "lib/night/dates.hpp"
#include "lib/night/file_parts.hpp"
#include "lib/night/lock.hpp"
#include "lib/night/lstosa_flags.hpp"
#include "lib/night/make_executor.hpp"
#include "lib/night/state_files.hpp"
#include "lib/night/tree_owner.hpp"
#include "prov/ask/embedded.hpp"
#include "prov/ask/rerun.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace fs = std::filesystem;
using nlohmann::ordered_json;
namespace {

struct Wishes {
  std::vector<std::string> words;
  std::string config_file, prod_id, author;
  double older_than_days = 0;
  bool all = false, execute = false, as_json = false;
};

/// What became of one night.
struct Cleaned {
  night::CleanPlan plan;
  std::string fault;  ///< why it was left alone; empty: it was not
};

/// Hashes files, each once: products of a night share their inputs.
class OnceHasher {
 public:
  std::string operator()(const fs::path& file) {
    const std::optional<night::FileStamp> now = night::stamp_of(file);
    if (!now) return hash_file(file);
    const auto known = hashes_.find(file.string());
    if (known != hashes_.end() && night::same_stamp(known->second, *now))
      return known->second.sha256;
    night::FileStamp hashed = *now;
    hashed.sha256 = hash_file(file);
    return hashes_.insert_or_assign(file.string(), hashed).first->second.sha256;
  }

 private:
  std::map<std::string, night::FileStamp> hashes_;
};

/// Say what is in the way of making a product again, or could make another of it.
std::string why_not_again(prov::Store& store, const fs::path& product, const prov::PartReader& part,
                          OnceHasher& hash) {
  try {
    const prov::RerunPlan plan = prov::plan_rerun(
        store, prov::find_subject(store, product.string(), read_embedded_ids), "again",
        version_tag() + ' ' + commit_tag(), part, [&](const fs::path& file) { return hash(file); });
    if (!plan.obstacles.empty()) return "it cannot be made again: " + plan.obstacles.front();
    return plan.changes.empty() ? "" : "it would not be made as it was: " + plan.changes.front();
  } catch (const Error& error) {
    return error.problem();
  }
}

class Cleaner {
 public:
  Cleaner(const Wishes& wishes, const Program& program)
      : wishes_(wishes),
        program_(program),
        configuration_(configuration_of(wishes.config_file)),
        state_folder_(configuration_.path("paths.state")),
        key_(night::night_key(configuration_, {}, wishes.prod_id)),
        policy_(night::clean_policy(configuration_)),
        closing_policy_(night::closing_policy(configuration_)),
        services_(night_services(program)) {}

  void use_age(double days) { policy_.intermediate_days = policy_.logs_days = days; }

  std::vector<Cleaned> clean_all() {
    night::require_own_products(configuration_.path("paths.products"), state_folder_);
    std::optional<night::State> state = night::State::open_read_only(state_folder_);
    if (!state)
      throw Error(ErrorKind::missing_input, "there is no state of any night",
                  night::state_file(state_folder_).string(), "check paths.state");
    const std::vector<NightDate> dates =
        wishes_.all ? night::closed_nights(*state, key_.telescope, key_.prod_id)
                    : known_nights(*state);
    state.reset();
    std::vector<Cleaned> nights;
    for (const NightDate& date : dates) nights.push_back(clean_one(date));
    return nights;
  }

 private:
  /// The nights that were asked for and are on record: ranges name days without data, too.
  std::vector<NightDate> known_nights(night::State& state) {
    std::vector<NightDate> dates = night::dates_of(wishes_.words);
    std::erase_if(dates, [&](const NightDate& date) {
      const night::NightKey key = key_of(date);
      return !state.night(key) && state.closings(key).empty();
    });
    if (dates.empty())
      throw Error(ErrorKind::missing_input, "no such night is on record", key_.prod_id,
                  "check the dates and --prod-id; alisio status tells of a night");
    return dates;
  }

  /// One that was begun under another name has it still; --all is about one production.
  [[nodiscard]] night::NightKey key_of(const NightDate& date) const {
    if (!wishes_.all) return night::night_key(configuration_, date, wishes_.prod_id);
    night::NightKey key = key_;
    key.date = date;
    return key;
  }

  Cleaned clean_one(const NightDate& date) {
    Cleaned night;
    night.plan.key = key_of(date);
    try {
      clean_night(night.plan);
    } catch (const Error& error) {
      night.fault = error.what();
    }
    return night;
  }

  void clean_night(night::CleanPlan& plan) {
    const night::NightKey key = plan.key;
    night::NightLock lock;
    if (wishes_.execute) lock = night::NightLock::take(night::night_lock_file(state_folder_, key));
    if (wishes_.execute && !lock.holds())
      throw Error(ErrorKind::resource,
                  fmt::format("this night is being processed by {}", lock.holder()));
    night::State state = night::State::open(state_folder_);
    require_closed(state, key);
    index_night(configuration_, key.date, program_);
    std::optional<prov::Store> store;  // opened if it is asked: nights of others may have none
    const night::CleanRequest request{
        .key = key,
        .products = configuration_.path("paths.products"),
        .log_trees = {configuration_.path("paths.products"),
                      configuration_.path("paths.calibration"), configuration_.path("paths.r0g")},
        .scratch = night::scratch_folder(configuration_) / night::night_name(key),
        .policy = policy_,
        .author = wishes_.author.empty() ? account_name() : wishes_.author,
        .hash = [this](const fs::path& file) { return hash_(file); },
        .why_not_again =
            [&](const fs::path& product) {
              if (!store)
                store = prov::Store::open(index_place(configuration_), prov::StoreMode::read_only);
              return why_not_again(*store, product, part_, hash_);
            },
        .record = services_.record_invalidation};
    plan = night::plan_cleaning(state, request);
    if (!wishes_.execute) return;
    night::clean(state, request, plan);
    if (closing_policy_.lstosa_flags) night::remove_dead_links(closing_policy_, key);
    index_night(configuration_, key.date, program_);
  }

  /// Before the index is looked for, which a night that was never processed has not.
  static void require_closed(night::State& state, const night::NightKey& key) {
    const auto closing = state.closing(key);
    if (!closing || !closing->closed())
      throw Error(ErrorKind::usage, "it is not closed: passes still work on it");
  }

  const Wishes& wishes_;
  const Program& program_;
  config::Configuration configuration_;
  fs::path state_folder_;
  night::NightKey key_;
  night::CleanPolicy policy_;
  night::ClosingPolicy closing_policy_;
  night::NightServices services_;
  OnceHasher hash_;
  prov::PartReader part_ = night::part_reader();
};

void print(const Cleaned& night, const Wishes& wishes) {
  const night::CleanPlan& plan = night.plan;
  const std::string name = fmt::format("Night {} of {}, production {}", plan.key.date.iso(),
                                       telescope_text(plan.key.telescope), plan.key.prod_id);
  if (!night.fault.empty()) {
    std::cout << fmt::format("{}: left alone: {}\n", name, night.fault);
    return;
  }
  const std::size_t count = plan.items.size();
  std::cout << fmt::format("{}: {} file{} of {} bytes {}\n", name, count, count == 1 ? "" : "s",
                           plan.bytes(), wishes.execute ? "removed" : "may go");
  for (const night::CleanItem& item : plan.items)
    std::cout << fmt::format("  {:<9} {}: {}\n", to_string(item.kind), item.file.path, item.why);
  for (const night::KeptFile& kept : plan.kept)
    std::cout << fmt::format("  {:<9} {}: {}\n", "kept", kept.file.string(), kept.why);
  for (const night::KeptFile& left : plan.failed)
    std::cout << fmt::format("  {:<9} {}\n", "failed", left.why);
}

ordered_json to_json(const Cleaned& night, bool executed) {
  const night::CleanPlan& plan = night.plan;
  ordered_json files = ordered_json::array();
  for (const night::CleanItem& item : plan.items)
    files.push_back({{"kind", to_string(item.kind)},
                     {"path", item.file.path},
                     {"size_bytes", item.file.size},
                     {"sha256", item.file.sha256},
                     {"why", item.why}});
  const auto list = [](const std::vector<night::KeptFile>& left) {
    ordered_json all = ordered_json::array();
    for (const night::KeptFile& one : left)
      all.push_back({{"path", one.file.string()}, {"why", one.why}});
    return all;
  };
  return {{"date", plan.key.date.iso()}, {"telescope", plan.key.telescope},
          {"prod_id", plan.key.prod_id}, {"closed_at", plan.closed_at},
          {"fault", night.fault},        {"removed", executed && night.fault.empty()},
          {"bytes", plan.bytes()},       {"files", std::move(files)},
          {"kept", list(plan.kept)},     {"failed", list(plan.failed)}};
}

CommandHelp help_text() {
  return {
      .name = "clean",
      .synopsis = "DATE...|--all --config FILE [--execute] [options]",
      .text =
          "Removes what closed nights of a production need no more. DATE is a date, a range\n"
          "FIRST..LAST, or a file of such words. What may go, and how long after the closing:\n"
          "  product    intermediate products (clean.intermediate, clean.intermediate_days) that\n"
          "             are as recorded and can be made again, which is checked as by\n"
          "             `alisio prov rerun`: inputs hash as recorded, the program is the same; or\n"
          "             whose events are in a merged file of the run that is as recorded\n"
          "  set aside  products of discarded subruns that were made anew since\n"
          "  log        logs of jobs that are done (clean.logs_days)\n"
          "  fragment   of a file (.NAME.part-…), left by a process of this machine that is gone\n"
          "             for a day, or by one of another machine and not written to for a week\n"
          "What else lies there is never touched; products of older productions stay. Without\n"
          "--execute nothing is removed. Each product is noted as invalidated in the provenance,\n"
          "with author and reason, before it goes; alisio verify-seal and archive tell it and\n"
          "miss nothing. If the night is opened again, its jobs count as done; one is done again\n"
          "only if another must run that reads its product. What was interrupted is finished by\n"
          "the same command.\n"
          "Exit code 0, or 7 if a night was left alone: not closed, being processed, or a file\n"
          "could not be removed.",
      .examples =
          "  alisio clean 20240215 --config alisio.yaml\n"
          "  alisio clean 20240201..20240229 --older-than 30 --execute --config alisio.yaml\n"
          "  alisio clean --all --execute --json --config alisio.yaml"};
}

}  // namespace

int run_clean_command(const std::vector<std::string>& arguments, const Program& program) {
  Wishes wishes;
  po::options_description described("Options");
  auto add = described.add_options();
  add("config", po::value(&wishes.config_file), "configuration file");
  add("prod-id", po::value(&wishes.prod_id), "name of the production (default: as configured)");
  add("all", po::bool_switch(&wishes.all), "all closed nights of the production");
  add("older-than", po::value(&wishes.older_than_days),
      "days since the closing, in place of clean.intermediate_days and clean.logs_days");
  add("author", po::value(&wishes.author), "who says so (default: the account)");
  add("execute", po::bool_switch(&wishes.execute), "remove; without, only say what may go");
  add("json", po::bool_switch(&wishes.as_json), "print the result as JSON");
  add("date", po::value(&wishes.words)->composing(), "the nights (the positional arguments)");
  po::positional_options_description positional;
  positional.add("date", -1);
  const auto given = parse_arguments(arguments, help_text(), described, positional);
  if (!given) return 0;
  if (wishes.all == !wishes.words.empty())
    throw Error(ErrorKind::usage, "either dates are needed or --all", "alisio clean",
                "give YYYYMMDD, FIRST..LAST or a file of them, or --all");
  Cleaner cleaner(wishes, program);
  if (given->count("older-than") != 0) {
    if (!(wishes.older_than_days >= 0))
      throw Error(ErrorKind::usage, "must not be negative", "--older-than", "give days");
    cleaner.use_age(wishes.older_than_days);
  }
  bool left_alone = false;
  ordered_json document = ordered_json::array();
  for (const Cleaned& night : cleaner.clean_all()) {
    left_alone = left_alone || !night.fault.empty() || !night.plan.failed.empty();
    if (wishes.as_json)
      document.push_back(to_json(night, wishes.execute));
    else
      print(night, wishes);
  }
  if (wishes.as_json) std::cout << document.dump(2) << '\n';
  return left_alone ? exit_code(ErrorKind::incomplete) : 0;
}

}  // namespace alisio::apps
