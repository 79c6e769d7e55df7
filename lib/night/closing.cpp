#include "lib/night/closing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <ostream>

#include "lib/base/account.hpp"
#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/json_text.hpp"
#include "lib/base/log.hpp"
#include "lib/base/now.hpp"
#include "lib/base/version.hpp"
#include "lib/night/file_hashes.hpp"
#include "lib/night/lstosa_flags.hpp"
#include "lib/night/night_note.hpp"
#include "lib/night/seal_chain.hpp"
#include "lib/night/seal_files.hpp"
#include "lib/night/status.hpp"
#include "lib/night/words.hpp"
#include "lib/stage/runner.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

/// Listens to activities that nobody wants to record.
class NoObserver final : public StageObserver {
 public:
  void started(const ActivityNote&) override {}
  void used(const ActivityNote&, const FileNote&) override {}
  void generated(const ActivityNote&, const FileNote&) override {}
  void finished(const ActivityNote&, const OutcomeNote&) override {}
};

std::unique_ptr<StageObserver> observer_of(const ClosingNight& night) {
  if (!night.services.recorder) return std::make_unique<NoObserver>();
  return night.services.recorder(closing_journal(night.setup.folders), night.config_file,
                                 night.policy.products);
}

/// Run one activity of the night itself.
void run_activity(const ClosingNight& night, const std::string& stage, const std::string& author,
                  const std::string& reason, std::vector<std::string> command,
                  const std::function<void(stage::StageRun&)>& body) {
  ActivityNote activity;
  activity.stage = stage;
  activity.telescope = night.setup.key.telescope;
  activity.run = whole_night;
  activity.observation_date = night.setup.key.date.compact();
  activity.prod_id = night.setup.key.prod_id;
  activity.parameters = {{"ObservationDate", activity.observation_date},
                         {"ProdID", activity.prod_id},
                         {"Author", author},
                         {"Reason", reason}};
  activity.configuration_json = night.settings.stages.at(stage).configuration;
  activity.command = std::move(command);
  const std::unique_ptr<StageObserver> observer = observer_of(night);
  const stage::StageResult result =
      stage::run_stage(std::move(activity), *observer, stage::KnownHashes(), [&](auto& run) {
        if (!night.config_file.empty()) run.use("analysis_configuration", night.config_file);
        body(run);
        return std::int64_t{0};
      });
  if (result.error) std::rethrow_exception(result.error);
}

std::vector<std::string> command_of(const ClosingNight& night, const char* command) {
  return {"alisio",
          command,
          night.setup.key.date.compact(),
          "--prod-id",
          night.setup.key.prod_id,
          "--config",
          night.config_file.string()};
}

/// A plan of the night as it stands, with nothing under way.
struct Standing {
  NightPlan plan;
  Completeness found;
};

Standing look_at(const ClosingNight& night) {
  std::vector<FileStamp> rehashed;
  Planner planner(night.setup, night.settings, disk_access(night.services));
  Standing standing;
  standing.plan = planner.plan(night.snapshot, {}, rehashed);
  night.state.remember_files(rehashed);
  standing.found = assess_completeness(night.setup, standing.plan,
                                       planner.judge_data(standing.plan, night.snapshot),
                                       night.settings.decisions, night.settings.accepted);
  return standing;
}

Seal draft_seal(const ClosingNight& night, const ClosingRecord& closing, const Standing& standing,
                SealedFiles files) {
  const BuildInfo& build = build_info();
  Seal seal;
  seal.key = night.setup.key;
  seal.author = closing.author;
  seal.reason = closing.reason;
  seal.forced = closing.forced;
  seal.program = fmt::format("alisio {} {}{}", build.version, build.commit,
                             build.dirty ? " with changes" : "");
  seal.root = night.policy.products;
  seal.found = standing.found;
  seal.products = std::move(files.products);
  seal.documents = std::move(files.documents);
  seal.used = std::move(files.used);
  seal.not_sealed = std::move(files.not_sealed);
  for (const std::vector<std::string>* others : {&files.withdrawn, &files.not_current})
    seal.not_sealed.insert(seal.not_sealed.end(), others->begin(), others->end());
  return seal;
}

void write_text(const fs::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  out << text << std::flush;
  if (!out)
    throw Error(ErrorKind::resource, "cannot be written", file.string(), "is the disk full?");
}

/// Write a seal under its name, its signature first: no seal stands without.
void write_seal(const ClosingNight& night, const std::optional<SigningKey>& key, Seal& seal,
                const fs::path& file) {
  run_activity(night, "close_night", seal.author, seal.reason, command_of(night, "close"),
               [&](stage::StageRun& run) {
                 for (const SealedFile& document : seal.documents)
                   if (document.path.ends_with("_prov.json"))
                     run.use("provenance_document", night.policy.products / document.path);
                 for (const SealedFile& product : seal.products)
                   if (product.port == "night_report")
                     run.use("night_report", night.policy.products / product.path);
                 seal.closing_id = run.activity().activity_id;
                 seal.closed_at = utc_now_text();
                 const std::string text = to_text(seal);
                 if (key) write_file_atomically(signature_file(file), key->sign(text));
                 write_text(run.create("night_seal", file).path(), text);
                 run.publish("night_seal");
               });
}

/// Seal a night, or find the seal that an interrupted closing made. @return its file
/// @param chain the lock of the chain of seals, which the caller holds
fs::path seal_night(const ClosingNight& night, Seal& seal, const NightLock& /*chain*/) {
  const fs::path& products = night.policy.products;
  std::optional<SigningKey> key;
  if (!night.policy.key.empty()) {
    key = SigningKey::load(night.policy.key);
    seal.public_key = key->public_key();
    seal.fingerprint = key_fingerprint(seal.public_key);
  }
  const fs::path folder = seal_folder(products, seal.key.telescope, seal.key.prod_id);
  if (std::optional<Seal> written = interrupted_seal(night.state, products, seal)) {
    seal = std::move(*written);
  } else {
    seal.previous = last_seal(night.state, products, seal.key);
    seal.replaces = last_seal_of(night.state, products, seal.key);
    seal.number = seal.previous ? seal.previous->number + 1 : 1;
    write_seal(night, key, seal, folder / seal_name(seal.number, seal.key.date));
  }
  const fs::path file = folder / seal_name(seal.number, seal.key.date);
  night.state.closing_is_sealed(seal.key, seal.number, file.string(), hash_file(file));
  return file;
}

std::vector<std::string> obstacles_of(const ClosingNight& night, const Completeness& found) {
  std::vector<std::string> obstacles = obstacles_to_closing(found, night.policy);
  if (hour_after(night.setup.key.date, now_unix_utc_s()) < night.policy.earliest_hour)
    obstacles.push_back(
        fmt::format("it is before {:g} h UTC of the day after (closing.earliest_hour)",
                    night.policy.earliest_hour));
  for (const Decision& decision : night.settings.decisions)
    if (decision.kind == DecisionKind::hold)
      obstacles.push_back(decision.line() + " (`alisio release` ends it)");
  obstacles.insert(obstacles.end(), night.merge_faults.begin(), night.merge_faults.end());
  return obstacles;
}

/// Begin a closing, in place of one that was begun without force if there is one, unless decisions
/// were taken since those that the night was looked at with: what they concern would be sealed.
/// @return what hinders it, one line each
std::vector<std::string> begin(const ClosingNight& night, const ClosingRecord& closing) {
  sqlite::Transaction transaction(night.state.database());
  std::vector<std::string> changed;
  const std::vector<Decision>& known = night.settings.decisions;
  const std::vector<Decision> standing = standing_decisions(night.state, closing.key);
  for (const Decision& decision : standing)
    if (std::find(known.begin(), known.end(), decision) == known.end())
      changed.push_back("decided meanwhile: " + decision.line());
  for (const Decision& decision : known)
    // Those without a number nobody took.
    if (decision.id != 0 && std::find(standing.begin(), standing.end(), decision) == standing.end())
      changed.push_back("ended meanwhile: " + decision.line());
  if (!changed.empty()) return changed;
  if (night.state.closing(closing.key))
    night.state.reopen(closing.key, closing.author,
                       said_text("closed by force instead: " + closing.reason));
  night.state.closing_starts(closing);
  transaction.commit();
  return {};
}

/// Return the closing that is asked for, not begun yet.
ClosingRecord new_closing(const ClosingNight& night, const CloseRequest& request) {
  ClosingRecord closing;
  closing.key = night.setup.key;
  closing.author = said_text(request.author.empty() ? account_name() : request.author);
  closing.reason = said_text(request.reason);
  closing.forced = request.force;
  closing.started_at = utc_now_text();
  closing.step = "begun";
  return closing;
}

/// Seal what was verified, write the flags, and say in the state that it is done.
void finish(const ClosingNight& night, ClosingResult& result) {
  const NightKey& key = night.setup.key;
  night.state.closing_reaches(key, "products verified");
  const NightLock chain = lock_chain(night.state_folder, key);
  result.held = std::make_shared<SignalsHeld>();
  result.seal_file = seal_night(night, result.seal, chain);
  result.notes = write_lstosa_flags(night.policy, result.seal, result.seal_file,
                                    night.state.closing(key)->seal_sha256);
  night.state.closing_reaches(key, "flags written");
  night.state.closing_ends(key);
  show_over(night.state, key);
  result.missing = missing_lines(result.seal.found);
  result.closed = true;
}

/// Return what the last pass over a night showed as not done, one line each.
std::vector<std::string> shown_troubles(State& state, const NightKey& night) {
  std::vector<std::string> lines;
  if (const std::optional<NightStatus> status = read_status(state, night))
    for (const Trouble& trouble : status->summary.troubles)
      lines.push_back(
          fmt::format("{} {}: {}", job_name(trouble.key), trouble.key.stage, trouble.reason));
  return lines;
}

}  // namespace

ClosingResult close_night(const ClosingNight& night, const CloseRequest& request) {
  const NightKey& key = night.setup.key;
  ClosingResult result;
  const std::optional<ClosingRecord> begun = night.state.closing(key);
  if (begun && begun->closed()) {
    result.closed = true;
    return result;
  }
  const Standing standing = look_at(night);
  const bool forced = request.force || (begun && begun->forced);
  if (!forced) result.obstacles = obstacles_of(night, standing.found);
  if (!result.obstacles.empty()) return result;
  // Nothing is begun before all is verified: what was begun is gone on with.
  SealedFiles files =
      gather_sealed_files(night.setup, standing.plan, night.snapshot, disk_access(night.services),
                          night.policy.products, night.settings, request.verify_content);
  night.state.remember_files(files.reread);
  if (!files.not_sealed.empty() && !forced) {
    result.obstacles = std::move(files.not_sealed);
    return result;
  }
  const bool anew = begun && !begun->forced && request.force;
  const ClosingRecord closing = begun && !anew ? *begun : new_closing(night, request);
  const std::vector<std::string> not_current = files.not_current;
  result.seal = draft_seal(night, closing, standing, std::move(files));
  if (begun && !anew) {
    spdlog::info("the closing of {} that {} began goes on after: {}", key.date.iso(), begun->author,
                 begun->step);
  } else {
    result.obstacles = begin(night, closing);
    if (!result.obstacles.empty()) return result;
  }
  finish(night, result);
  for (const std::string& product : not_current) result.notes.push_back("not sealed: " + product);
  return result;
}

ClosingResult close_foreign_night(const ClosingNight& night, Seal seal) {
  ClosingRecord closing;
  closing.key = night.setup.key;
  closing.author = seal.author;
  closing.reason = seal.reason;
  closing.started_at = utc_now_text();
  closing.step = "begun";
  if (!night.state.closing(closing.key)) night.state.closing_starts(closing);
  ClosingResult result;
  result.seal = std::move(seal);
  finish(night, result);
  return result;
}

bool may_close_by_itself(const ClosingPolicy& policy, const NightDate& date, bool complete) {
  return policy.automatic && hour_after(date, now_unix_utc_s()) >=
                                 (complete ? policy.earliest_hour : policy.incomplete_hour);
}

std::string reopen_night(const ClosingNight& night, const std::string& author,
                         const std::string& reason) {
  const NightKey& key = night.setup.key;
  const std::optional<ClosingRecord> closing = night.state.closing(key);
  if (!closing)
    throw Error(ErrorKind::usage, "the night is not closed", key.date.iso(),
                "there is nothing to do");
  const std::string who = said_text(author.empty() ? account_name() : author);
  const std::string why = said_text(reason);
  std::error_code gone;
  const bool is_there = !closing->seal.empty() && fs::exists(closing->seal, gone);
  run_activity(night, "reopen_night", who, why, command_of(night, "reopen"),
               [&](stage::StageRun& run) {
                 if (is_there) run.use("night_seal", closing->seal);
               });
  remove_lstosa_flags(night.policy, key);
  night.state.reopen(key, who, why);
  if (closing->seal.empty()) return "it was not sealed yet";
  return is_there ? "its seal is kept" : fmt::format("its seal {} is gone", closing->seal);
}

int print_closing(const ClosingResult& result, const NightKey& night, bool as_json,
                  std::ostream& out) {
  const int code = result.closed ? 0 : exit_code(ErrorKind::incomplete);
  if (as_json) {
    nlohmann::ordered_json document{{"date", night.date.iso()},      {"telescope", night.telescope},
                                    {"prod_id", night.prod_id},      {"closed", result.closed},
                                    {"obstacles", result.obstacles}, {"missing", result.missing},
                                    {"notes", result.notes}};
    if (!result.seal_file.empty())
      document["seal"] = {{"file", result.seal_file.string()}, {"number", result.seal.number}};
    out << json_text(document, 2) << '\n' << std::flush;
    return code;
  }
  const std::string name = fmt::format("Night {} of {}, production {}", night.date.iso(),
                                       telescope_text(night.telescope), night.prod_id);
  if (!result.closed) {
    out << name << " stays open:\n";
    for (const std::string& obstacle : result.obstacles) out << "  " << obstacle << '\n';
    return code;
  }
  const std::size_t products = result.seal.products.size();
  out << fmt::format("{} is closed: {} product{}, seal {}{}\n", name, products,
                     products == 1 ? "" : "s", result.seal_file.string(),
                     result.seal.fingerprint.empty()
                         ? ", not signed"
                         : ", signed with key " + result.seal.fingerprint.substr(0, 16));
  for (const std::string& line : result.missing) out << "  without " << line << '\n';
  for (const std::string& note : result.notes) out << "note: " << note << '\n';
  // Signals that were held strike when the result goes.
  out << std::flush;
  return code;
}

std::vector<std::string> missing_of(State& state, const ClosingRecord& closing) {
  try {
    return missing_lines(parse_seal(read_text_file(closing.seal), closing.seal).found);
  } catch (const Error& error) {
    // Whoever verifies the seal says what is wrong with it.
    spdlog::debug("what the night lacks is not known from its seal: {}", error.what());
    return shown_troubles(state, closing.key);
  }
}

std::string closed_text(const ClosingRecord& closing) {
  return fmt::format("night {} of {}, production {}, is closed since {} by {} (seal {})",
                     closing.key.date.iso(), telescope_text(closing.key.telescope),
                     closing.key.prod_id, closing.closed_at.substr(0, 19), closing.author,
                     closing.seal);
}

}  // namespace alisio::night
