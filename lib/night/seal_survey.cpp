#include "lib/night/seal_survey.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
using nlohmann::ordered_json;
namespace {

/// A seal as a link of the chain.
struct Link {
  fs::path file;
  std::int64_t number = 0;  ///< by its name
  std::string sha256;
  std::optional<Seal> seal;  ///< nothing: it cannot be read
};

Link read_link(const fs::path& file) {
  Link link{.file = file, .number = seal_number(file), .sha256 = hash_file(file), .seal = {}};
  try {
    link.seal = parse_seal(read_text_file(file), file);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_input) throw;
  }
  return link;
}

class Surveyor {
 public:
  explicit Surveyor(const SealSurveyRequest& request) : request_(request) {
    for (const fs::path& file : list_seals(request.folder)) links_.push_back(read_link(file));
  }

  SealSurvey survey() {
    check_numbers();
    for (std::size_t i = 0; i < links_.size(); ++i) check_link(links_[i], i);
    find_replaced();
    for (const Link& link : links_) survey_.seals.push_back(check_one(link));
    return std::move(survey_);
  }

 private:
  void fault(const std::string& where, const std::string& problem) {
    survey_.chain.push_back({where, problem});
  }

  /// Numbers go from 1 to the last that anybody knows of, each once.
  void check_numbers() {
    std::int64_t expected = 1;
    for (std::size_t i = 0; i < links_.size(); ++i) {
      const std::string name = links_[i].file.filename().string();
      if (i > 0 && links_[i].number == links_[i - 1].number) {
        fault(name, fmt::format("a fork: {} has the same number",
                                links_[i - 1].file.filename().string()));
        continue;
      }
      tell_missing(expected, links_[i].number - 1);
      expected = links_[i].number + 1;
    }
    if (!request_.recorded.empty()) tell_missing(expected, request_.recorded.rbegin()->first);
  }

  void tell_missing(std::int64_t first, std::int64_t last) {
    for (std::int64_t number = first; number <= last; ++number)
      fault(fmt::format("seal {}", number), "missing: a link of the chain");
  }

  /// Each seal names the one before by its content.
  void check_link(const Link& link, std::size_t position) {
    const std::string name = link.file.filename().string();
    if (const auto known = request_.recorded.find(link.number);
        known != request_.recorded.end() && known->second != link.sha256)
      fault(name, "it is not the one that was recorded");
    if (!link.seal) return;
    if (link.seal->number != link.number)
      fault(name, fmt::format("it says of itself that it is seal {}", link.seal->number));
    const std::optional<SealReference>& previous = link.seal->previous;
    if (!previous) {
      if (link.number != 1) fault(name, "it names no seal before it");
      return;
    }
    if (previous->number != link.number - 1)
      fault(name, fmt::format("it names seal {} as the one before it", previous->number));
    const auto before =
        std::find_if(links_.begin(), links_.begin() + static_cast<std::ptrdiff_t>(position),
                     [&](const Link& other) {
                       return other.file.filename() == fs::path(previous->file).filename();
                     });
    if (before != links_.begin() + static_cast<std::ptrdiff_t>(position) &&
        before->sha256 != previous->sha256)
      fault(before->file.filename().string(),
            fmt::format("altered: the seal after it ({}) names another content", name));
  }

  void find_replaced() {
    for (const Link& link : links_)
      if (link.seal && link.seal->replaces)
        replaced_.emplace(link.seal->replaces->number, link.number);
  }

  SurveyedSeal check_one(const Link& link) {
    SurveyedSeal surveyed;
    surveyed.number = link.number;
    surveyed.file = link.file;
    if (!link.seal) {
      surveyed.check.faults.push_back({link.file.filename().string(), "it is no seal"});
      return surveyed;
    }
    SealCheckRequest request = request_.each;
    request.seal = link.file;
    request.chain = false;
    if (const auto by = replaced_.find(link.number); by != replaced_.end())
      surveyed.passed_over = fmt::format("seal {} replaces it", by->second);
    else if (std::find(request_.reopened.begin(), request_.reopened.end(), link.number) !=
             request_.reopened.end())
      surveyed.passed_over = "the night is open again";
    request.files = surveyed.passed_over.empty();
    surveyed.check = check_seal(request);
    return surveyed;
  }

  const SealSurveyRequest& request_;
  std::vector<Link> links_;
  std::map<std::int64_t, std::int64_t> replaced_;  ///< by the number of the seal that does
  SealSurvey survey_;
};

std::string line_of(const SurveyedSeal& seal) {
  const SealCheck& check = seal.check;
  std::string text =
      fmt::format("{:>6}  {}  {}", seal.number,
                  check.seal.number > 0 ? check.seal.key.date.iso() : seal.file.filename().string(),
                  check.holds() ? "holds" : "does not hold");
  if (!check.holds())
    text += fmt::format(": {} fault{}, the first: {}: {}", check.faults.size(),
                        check.faults.size() == 1 ? "" : "s", check.faults.front().where,
                        check.faults.front().problem);
  else if (seal.passed_over.empty())
    text += fmt::format("; {} files compared, {} read", check.files, check.read);
  if (!check.removed.empty()) text += fmt::format("; {} cleaned since", check.removed.size());
  if (!check.changed_inputs.empty())
    text += fmt::format("; {} inputs are not what they were", check.changed_inputs.size());
  if (!seal.passed_over.empty()) text += fmt::format("; files not compared: {}", seal.passed_over);
  if (check.signed_with.empty()) text += "; not signed";
  return text;
}

ordered_json to_json(const SealSurvey& survey) {
  ordered_json seals = ordered_json::array(), chain = ordered_json::array();
  for (const SurveyedSeal& seal : survey.seals) {
    ordered_json one{{"number", seal.number}, {"file", seal.file.string()}};
    if (seal.check.seal.number > 0) one["date"] = seal.check.seal.key.date.iso();
    one["holds"] = seal.check.holds();
    one["files"] = seal.check.files;
    one["read"] = seal.check.read;
    one["bytes"] = seal.check.bytes;
    one["signed_with"] = seal.check.signed_with;
    one["passed_over"] = seal.passed_over;
    one["faults"] = fault_list(seal.check.faults);
    one["removed"] = fault_list(seal.check.removed);
    one["changed_inputs"] = fault_list(seal.check.changed_inputs);
    seals.push_back(std::move(one));
  }
  for (const SealFault& fault : survey.chain)
    chain.push_back({{"where", fault.where}, {"problem", fault.problem}});
  return {
      {"holds", survey.holds()}, {"seals", std::move(seals)}, {"chain_faults", std::move(chain)}};
}

}  // namespace

bool SealSurvey::holds() const {
  return chain.empty() && std::all_of(seals.begin(), seals.end(),
                                      [](const SurveyedSeal& seal) { return seal.check.holds(); });
}

void read_recorded_seals(State& state, int telescope, const std::string& prod_id,
                         SealSurveyRequest& request) {
  sqlite::Statement query = state.database().prepare(
      "SELECT seal_number, seal_sha256, reopened_at FROM closing WHERE telescope = ? AND prod_id = "
      "? AND seal_number > 0 ORDER BY seal_number");
  query.bind(telescope, prod_id);
  while (query.step()) {
    request.recorded[query.integer(0)] = query.text(1);
    if (!query.text(2).empty()) request.reopened.push_back(query.integer(0));
  }
}

SealSurvey survey_seals(const SealSurveyRequest& request) {
  return Surveyor(request).survey();
}

int print_seal_survey(const SealSurvey& survey, bool as_json, std::ostream& out) {
  const int code = survey.holds() ? 0 : exit_code(ErrorKind::incomplete);
  if (as_json) {
    out << to_json(survey).dump(2) << '\n';
    return code;
  }
  for (const SurveyedSeal& seal : survey.seals) out << line_of(seal) << '\n';
  for (const SealFault& fault : survey.chain)
    out << fmt::format(" chain  {}: {}\n", fault.where, fault.problem);
  const auto holding = std::count_if(survey.seals.begin(), survey.seals.end(),
                                     [](const auto& seal) { return seal.check.holds(); });
  out << fmt::format("{} of {} seals hold; the chain {}\n", holding, survey.seals.size(),
                     survey.chain.empty() ? "is whole" : "is broken");
  return code;
}

}  // namespace alisio::night
