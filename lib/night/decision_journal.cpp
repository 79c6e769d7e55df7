#include "lib/night/decision_journal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "lib/base/hash.hpp"
#include "lib/night/folders.hpp"
#include "prov/append_line.hpp"
#include "prov/invalidation.hpp"
#include "prov/record_fields.hpp"
#include "prov/records.hpp"

namespace alisio::night {
namespace {

using prov::text_at;

int number_at(const nlohmann::json& record, const char* key, int otherwise) {
  const auto found = record.find(key);
  return found != record.end() && found->is_number_integer() ? found->get<int>() : otherwise;
}

nlohmann::ordered_json record_of(const NightKey& night, const Decision& decision) {
  nlohmann::ordered_json record{{"decision", to_string(decision.kind)},
                                {"telescope", telescope_text(night.telescope)},
                                {"observation_date", night.date.compact()},
                                {"prod_id", night.prod_id},
                                {"run", decision.run},
                                {"subrun", decision.subrun},
                                {"stage", decision.stage},
                                {"reason", decision.reason},
                                {"author", decision.author},
                                {"time", decision.at}};
  if (!decision.ended_at.empty()) {
    record["ended_at"] = decision.ended_at;
    record["ended_by"] = decision.ended_by;
    record["ended_why"] = decision.ended_why;
  }
  constexpr std::size_t id_digits = 32;
  nlohmann::ordered_json told{{"decision_id", hash_text(record.dump()).substr(0, id_digits)}};
  told.update(record);
  return told;
}

}  // namespace

void append_decision(const std::filesystem::path& products, const NightKey& night,
                     const Decision& decision, const prov::LoggerConfiguration& logger) {
  const std::string& time = decision.ended_at.empty() ? decision.at : decision.ended_at;
  prov::append_line(notes_journal(production_folder(products, "DL1", night)),
                    prov::format_line(logger, time, record_of(night, decision)));
}

std::optional<std::pair<NightKey, Decision>> parse_decision(const nlohmann::json& record) {
  if (!record.is_object() || !record.contains("decision_id")) return std::nullopt;
  const auto date = NightDate::try_parse(text_at(record, "observation_date"));
  const std::optional<DecisionKind> kind = decision_kind(text_at(record, "decision"));
  if (!date || !kind) return std::nullopt;
  const std::string telescope = text_at(record, "telescope");
  const NightKey night{std::atoi(telescope.c_str() + telescope.find('-') + 1), *date,
                       text_at(record, "prod_id")};
  return std::pair{night, Decision{.kind = *kind,
                                   .run = number_at(record, "run", whole_night),
                                   .subrun = number_at(record, "subrun", whole_run),
                                   .stage = text_at(record, "stage"),
                                   .reason = text_at(record, "reason"),
                                   .author = text_at(record, "author"),
                                   .at = text_at(record, "time"),
                                   .ended_at = text_at(record, "ended_at"),
                                   .ended_by = text_at(record, "ended_by"),
                                   .ended_why = text_at(record, "ended_why")}};
}

void add_decision(std::vector<Decision>& decisions, const Decision& decision) {
  const auto known = std::find_if(decisions.begin(), decisions.end(),
                                  [&](const Decision& other) { return is_same(decision, other); });
  if (known == decisions.end())
    decisions.push_back(decision);
  else if (known->ended_at.empty())
    *known = decision;
}

std::vector<Decision> read_decisions(const std::filesystem::path& products, const NightKey& night,
                                     const prov::LoggerConfiguration& logger) {
  std::vector<Decision> decisions;
  const std::filesystem::path file = notes_journal(production_folder(products, "DL1", night));
  if (std::error_code absent; !std::filesystem::exists(file, absent)) return decisions;
  const prov::Journals journals = prov::read_journals({file}, logger);
  for (const prov::Line& line : journals.lines)
    if (const auto told = parse_decision(line.record); told && told->first == night)
      add_decision(decisions, told->second);
  return decisions;
}

int restore_decisions(State& state, const NightKey& night, const std::vector<Decision>& decisions) {
  sqlite::Transaction transaction(state.database());
  const std::vector<Decision> before = all_decisions(state, night);
  int lacking = 0;
  for (const Decision& decision : decisions) {
    const auto known = std::find_if(before.begin(), before.end(), [&](const Decision& other) {
      return is_same(decision, other);
    });
    lacking += known == before.end() ? 1 : 0;
    Decision ended = decision;
    ended.id = known == before.end() ? record_decision(state, night, decision) : known->id;
    if (!ended.ended_at.empty()) record_end(state, ended);
  }
  transaction.commit();
  return lacking;
}

}  // namespace alisio::night
