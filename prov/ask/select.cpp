#include "prov/ask/select.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <map>
#include <unordered_set>

#include "lib/base/error.hpp"
#include "prov/ask/names.hpp"
#include "prov/ask/subject.hpp"

namespace alisio::prov {
namespace {

const std::map<std::string, std::string FindRequest::*>& text_conditions() {
  static const std::map<std::string, std::string FindRequest::*> conditions{
      {"activity", &FindRequest::activity}, {"night", &FindRequest::night},
      {"prod-id", &FindRequest::prod_id},   {"status", &FindRequest::status},
      {"software", &FindRequest::software}, {"host", &FindRequest::host},
      {"after", &FindRequest::after},       {"before", &FindRequest::before},
      {"used", &FindRequest::used},         {"hash", &FindRequest::hash},
      {"file", &FindRequest::file},         {"role", &FindRequest::role},
      {"level", &FindRequest::level},       {"entity", &FindRequest::entity}};
  return conditions;
}

[[noreturn]] void refuse(const std::string& text, const std::string& expected) {
  throw Error(ErrorKind::usage, fmt::format("'{}' is no term of a selection", shortened(text)),
              "--select", expected);
}

int number_of(const std::string& text, const std::string& value) {
  int number = -1;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < 0)
    refuse(text, "run and subrun take a number");
  return number;
}

/// What a file came from, and what else was made on the way.
struct Past {
  std::unordered_set<Row> activities, entities;
  bool gate_failed = false;
};

Past past_of(Store& store, const Subject& subject) {
  Past past;
  const Walk walk = store.walk({subject.entity->row}, {}, Direction::back, {});
  std::vector<Row> activities, made;
  for (const StoredActivity& activity : walk.activities) {
    past.activities.insert(activity.row);
    activities.push_back(activity.row);
  }
  for (const StoredEntity& entity : walk.entities) past.entities.insert(entity.row);
  for (const StoredFlow& flow : store.flows_of_activities(activities))
    if (flow.generated) made.push_back(flow.entity);
  for (const StoredEntity& entity : store.entities(made))
    if (entity.quality.starts_with("failed")) past.gate_failed = true;
  return past;
}

/// The rows that meet a term.
struct Matches {
  std::unordered_set<Row> activities, entities;
};

Matches matches_of(Store& store, const SelectionTerm& term) {
  Matches matches;
  if (!term.gates.empty()) return matches;
  FindRequest request = term.request;
  request.limit = std::numeric_limits<std::size_t>::max();
  // What came from a file are files: the one selected may be among them.
  request.files = request.files || !request.used.empty();
  const FindResult found = find(store, request);
  for (const StoredActivity& activity : found.activities) matches.activities.insert(activity.row);
  for (const StoredEntity& entity : found.entities) matches.entities.insert(entity.row);
  return matches;
}

bool shares(const std::unordered_set<Row>& some, const std::unordered_set<Row>& others) {
  for (const Row row : some.size() < others.size() ? some : others)
    if ((some.size() < others.size() ? others : some).contains(row)) return true;
  return false;
}

bool holds(const SelectionTerm& term, const Matches& matches, const Past& past) {
  if (!term.gates.empty()) return past.gate_failed == (term.gates == "failed");
  return shares(past.activities, matches.activities) || shares(past.entities, matches.entities);
}

}  // namespace

SelectionTerm selection_term(const std::string& text) {
  SelectionTerm term{.text = text, .request = {}, .gates = {}};
  const std::string expected =
      "NAME=VALUE; NAME is a condition of alisio prov find (activity, parameter, configuration, "
      "run, used, software, prod-id …) or gates";
  const auto at = text.find('=');
  if (at == std::string::npos || at == 0 || at + 1 == text.size()) refuse(text, expected);
  const std::string name = text.substr(0, at), value = text.substr(at + 1);
  if (const auto known = text_conditions().find(name); known != text_conditions().end()) {
    term.request.*known->second = value;
  } else if (name == "run") {
    term.request.run = number_of(text, value);
  } else if (name == "subrun") {
    term.request.subrun = number_of(text, value);
  } else if (name == "parameter" || name == "configuration") {
    const auto inner = value.find('=');
    if (inner == std::string::npos || inner == 0) refuse(text, name + "=KEY=VALUE");
    (name == "parameter" ? term.request.parameters : term.request.configuration)
        .emplace_back(value.substr(0, inner), value.substr(inner + 1));
  } else if (name == "gates" && (value == "passed" || value == "failed")) {
    term.gates = value;
  } else {
    refuse(text, name == "gates" ? "gates=passed or gates=failed" : expected);
  }
  return term;
}

std::vector<std::string> unmet_terms(Store& store, const std::vector<std::filesystem::path>& files,
                                     const std::vector<SelectionTerm>& terms) {
  std::vector<Matches> matches;
  for (const SelectionTerm& term : terms) matches.push_back(matches_of(store, term));
  std::vector<std::string> reasons;
  for (const std::filesystem::path& file : files) {
    std::string& reason = reasons.emplace_back();
    try {
      const Subject subject = find_subject(store, file.string());
      if (!subject.entity) throw Error(ErrorKind::incomplete, "nothing is on record");
      const Past past = past_of(store, subject);
      for (std::size_t i = 0; i < terms.size() && reason.empty(); ++i)
        if (!holds(terms[i], matches[i], past)) reason = "not " + terms[i].text;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::incomplete) throw;
      reason = "nothing is on record of how it was made";
    }
  }
  return reasons;
}

}  // namespace alisio::prov
