#include "lib/night/decision.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lib/base/error.hpp"
#include "lib/night/instant.hpp"
#include "lib/night/words.hpp"

namespace alisio::night {
namespace {

struct Words {
  DecisionKind kind;
  const char* name;
  const char* participle;
};
constexpr std::array<Words, 5> all_words{{{DecisionKind::veto, "veto", "vetoed"},
                                          {DecisionKind::hold, "hold", "held"},
                                          {DecisionKind::discard, "discard", "discarded"},
                                          {DecisionKind::retry, "retry", "to be tried again"},
                                          {DecisionKind::redo, "redo", "to be made again"}}};

const Words& words_of(DecisionKind kind) {
  return *std::find_if(all_words.begin(), all_words.end(),
                       [&](const Words& words) { return words.kind == kind; });
}

std::vector<Decision> read_decisions(State& state, const NightKey& night,
                                     const std::string& condition) {
  std::vector<Decision> decisions;
  if (!state.database().has_table("decision")) return decisions;
  sqlite::Statement query = state.database().prepare(
      "SELECT id, kind, run, subrun, stage, reason, author, at, coalesce(ended_at, ''), ended_by, "
      "ended_why FROM decision WHERE telescope = ? AND date = ? AND prod_id = ?" +
      condition + " ORDER BY id");
  query.bind(night.telescope, night.date.compact(), night.prod_id);
  while (query.step()) {
    const std::optional<DecisionKind> kind = decision_kind(query.text(1));
    if (!kind) continue;  // of a later program
    decisions.push_back({.id = query.integer(0),
                         .kind = *kind,
                         .run = static_cast<int>(query.integer(2)),
                         .subrun = static_cast<int>(query.integer(3)),
                         .stage = query.text(4),
                         .reason = query.text(5),
                         .author = query.text(6),
                         .at = query.text(7),
                         .ended_at = query.text(8),
                         .ended_by = query.text(9),
                         .ended_why = query.text(10)});
  }
  return decisions;
}

}  // namespace

const char* to_string(DecisionKind kind) {
  return words_of(kind).name;
}

std::optional<DecisionKind> decision_kind(const std::string& word) {
  const auto* known = std::find_if(all_words.begin(), all_words.end(),
                                   [&](const Words& words) { return word == words.name; });
  return known == all_words.end() ? std::nullopt : std::optional(known->kind);
}

const char* participle(DecisionKind kind) {
  return words_of(kind).participle;
}

bool Decision::concerns(const JobKey& key) const {
  return (run == whole_night || key.run == run) && (subrun == whole_run || key.subrun == subrun) &&
         (stage.empty() || key.stage == stage);
}

std::string Decision::text() const {
  return fmt::format("{} by {}{}{}", participle(kind), author, reason.empty() ? "" : ": ", reason);
}

std::string Decision::line() const {
  return fmt::format("{}{}{} {} by {}, {}{}{}", run == whole_night ? "the " : "",
                     job_name({"", run, subrun}), stage.empty() ? "" : ' ' + stage,
                     participle(kind), author, at.substr(0, 19), reason.empty() ? "" : ": ",
                     reason);
}

bool is_same(const Decision& left, const Decision& right) {
  return left.kind == right.kind && left.run == right.run && left.subrun == right.subrun &&
         left.stage == right.stage && left.at == right.at;
}

std::int64_t record_decision(State& state, const NightKey& night, const Decision& decision) {
  sqlite::Database& database = state.database();
  sqlite::Transaction transaction(database);
  // Another process may have read it from the journal, where it is written first.
  for (const Decision& known : all_decisions(state, night))
    if (is_same(known, decision)) return known.id;
  database
      .prepare(
          "INSERT INTO decision (telescope, date, prod_id, kind, run, subrun, stage, reason, "
          "author, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .bind(night.telescope, night.date.compact(), night.prod_id, to_string(decision.kind),
            decision.run, decision.subrun, decision.stage, said_text(decision.reason),
            said_text(decision.author),
            decision.at.empty() ? utc_now_after(latest_instant(state, night)) : decision.at)
      .run();
  const std::int64_t id = database.last_row_id();
  transaction.commit();
  return id;
}

void record_end(State& state, const Decision& ended) {
  state.database()
      .prepare(
          "UPDATE decision SET ended_at = ?, ended_by = ?, ended_why = ? WHERE id = ? AND ended_at "
          "IS NULL")
      .bind(ended.ended_at, ended.ended_by, ended.ended_why, ended.id)
      .run();
}

void require_open(State& state, const NightKey& night) {
  const std::optional<ClosingRecord> closing = state.closing(night);
  if (!closing) return;
  const std::string place = fmt::format("night {}, production {}", night.date.iso(), night.prod_id);
  if (closing->closed())
    throw Error(ErrorKind::usage, "is closed since " + closing->closed_at.substr(0, 19), place,
                "`alisio reopen` opens it");
  throw Error(ErrorKind::usage,
              fmt::format("is being closed by {} since {}", closing->author,
                          closing->started_at.substr(0, 19)),
              place, "`alisio close` ends the closing, `alisio reopen` gives it up");
}

Decision take_decision(State& state, const NightKey& night, Decision decision,
                       const DecisionWriter& write) {
  // Of one piece with the look at the closing, which begins in a transaction, too.
  sqlite::Transaction transaction(state.database());
  require_open(state, night);
  decision.at = utc_now_after(latest_instant(state, night));
  if (write) write(decision);
  decision.id = record_decision(state, night, decision);
  transaction.commit();
  return decision;
}

std::vector<Decision> end_decisions(State& state, const NightKey& night, DecisionKind kind, int run,
                                    int subrun, const std::string& author, const std::string& why,
                                    const DecisionWriter& write) {
  sqlite::Transaction transaction(state.database());
  std::vector<Decision> ended = standing_decisions(state, night);
  std::erase_if(ended, [&](const Decision& decision) {
    return decision.kind != kind || decision.run != run || decision.subrun != subrun;
  });
  if (!ended.empty()) require_open(state, night);
  for (Decision& decision : ended) {
    decision.ended_at = utc_now_after(latest_instant(state, night));
    decision.ended_by = said_text(author);
    decision.ended_why = said_text(why);
    if (write) write(decision);
    record_end(state, decision);
  }
  transaction.commit();
  return ended;
}

std::vector<Decision> standing_decisions(State& state, const NightKey& night) {
  return read_decisions(state, night, " AND ended_at IS NULL");
}

std::vector<Decision> all_decisions(State& state, const NightKey& night) {
  return read_decisions(state, night, "");
}

const Decision* decision_about(const std::vector<Decision>& decisions, DecisionKind kind,
                               const JobKey& key) {
  const auto found = std::find_if(
      decisions.begin(), decisions.end(),
      [&](const Decision& decision) { return decision.kind == kind && decision.concerns(key); });
  return found == decisions.end() ? nullptr : &*found;
}

std::set<int> left_out_subruns(const std::vector<Decision>& decisions, int run, int number) {
  std::set<int> left_out;
  for (const Decision& decision : decisions) {
    if (decision.run != run ||
        (decision.kind != DecisionKind::veto && decision.kind != DecisionKind::discard))
      continue;
    if (decision.subrun != whole_run) left_out.insert(decision.subrun);
    for (int subrun = 0; decision.subrun == whole_run && subrun < number; ++subrun)
      left_out.insert(subrun);
  }
  return left_out;
}

Step obey(const std::vector<Decision>& decisions, const JobKey& key, Step judged) {
  if (judged.done() || judged.under_way()) return judged;
  if (const Decision* veto = decision_about(decisions, DecisionKind::veto, key))
    return {StepStatus::vetoed, veto->text()};
  if (judged.status == StepStatus::to_run)
    if (const Decision* hold = decision_about(decisions, DecisionKind::hold, key))
      return {StepStatus::waiting, hold->text()};
  return judged;
}

bool grants_try(const Decision& decision, const JobKey& key) {
  if (decision.kind == DecisionKind::retry) return decision.concerns(key);
  // What gathers a run may do without a subrun that was left out what it could not with it.
  return (decision.kind == DecisionKind::discard || decision.kind == DecisionKind::veto) &&
         decision.subrun != whole_run && decision.run == key.run && key.subrun == whole_run;
}

const Decision* owed_retry(const std::vector<Decision>& decisions, const JobRecord& record) {
  const auto found =
      std::find_if(decisions.rbegin(), decisions.rend(), [&](const Decision& decision) {
        return grants_try(decision, record.key) && record.ended_at <= decision.at;
      });
  return found == decisions.rend() ? nullptr : &*found;
}

}  // namespace alisio::night
