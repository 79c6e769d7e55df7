#include "lib/web/wish.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/suggest.hpp"
#include "lib/stage/description.hpp"
#include "lib/web/http.hpp"
#include "lib/web/url.hpp"

namespace alisio::web {
namespace {

using nlohmann::json;

constexpr std::size_t most_digits = 9;
constexpr const char* where_documented = "see /api/v1/openapi.yaml";

/// Return the member that a name means; nullptr: there is none.
std::string* member_of(Wish& wish, std::string_view name) {
  if (name == "what") return &wish.what;
  if (name == "job") return &wish.job;
  if (name == "stage") return &wish.stage;
  if (name == "reason") return &wish.reason;
  if (name == "author") return &wish.author;
  return nullptr;
}

/// A name as it came from a stranger, short enough for a line.
std::string shown(const std::string& name) {
  constexpr std::size_t longest = 40;
  std::string text = name.substr(0, longest);
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7F; }, '?');
  return text;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= most_digits &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_place(std::string_view job) {
  if (job.empty() || job == "night") return true;
  const std::size_t point = job.find('.');
  return is_number(job.substr(0, point)) &&
         (point == std::string_view::npos || is_number(job.substr(point + 1)));
}

void check_text(const std::string& name, const std::string& text, bool needed) {
  if (needed && text.find_first_not_of(" \t") == std::string::npos)
    throw Error(ErrorKind::usage, fmt::format("the {} is missing", name), "", "give it");
  const bool clean =
      std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (!clean || text.size() > longest_wish_text)
    throw Error(ErrorKind::usage, fmt::format("the {} is no line of text", name), "",
                fmt::format("at most {} characters, no line breaks", longest_wish_text));
}

}  // namespace

Wish wish_of_json(std::string_view body) {
  const json read = json::parse(body, nullptr, false);
  if (!read.is_object())
    throw Error(ErrorKind::usage, "the body is no JSON object", "", where_documented);
  Wish wish;
  for (const auto& [name, value] : read.items()) {
    std::string* member = member_of(wish, name);
    if (member == nullptr)
      throw Error(ErrorKind::usage, fmt::format("there is no member '{}'", shown(name)), "",
                  "known: what, job, stage, reason, author");
    if (!value.is_string())
      throw Error(ErrorKind::usage, fmt::format("'{}' is no text", name), "", where_documented);
    *member = value.get<std::string>();
  }
  return wish;
}

WishForm wish_of_form(const std::string& body) {
  WishForm sent;
  std::set<std::string> seen;
  for (auto& [name, value] : parsed_target("/?" + body).query) {
    std::string* member = name == "form"    ? &sent.form
                          : name == "token" ? &sent.token
                                            : member_of(sent.wish, name);
    if (member == nullptr)
      throw Error(ErrorKind::usage, fmt::format("the form has no field '{}'", shown(name)), "",
                  "open it anew");
    if (!seen.insert(name).second)
      throw Error(ErrorKind::usage, fmt::format("the field '{}' is there twice", name), "",
                  "open the form anew");
    *member = std::move(value);
  }
  return sent;
}

void check_subject(const Wish& wish, const std::vector<std::string>& known_actions) {
  if (std::find(known_actions.begin(), known_actions.end(), wish.what) == known_actions.end())
    throw Error(ErrorKind::usage,
                wish.what.empty() ? "what is to be done is not said"
                                  : fmt::format("there is no action '{}'", shown(wish.what)),
                "", fmt::format("known: {}", fmt::join(known_actions, ", ")));
  if (!is_place(wish.job))
    throw Error(ErrorKind::usage, fmt::format("there is no job '{}'", shown(wish.job)), "",
                "give RUN or RUN.SUBRUN");
  const auto stages = stage::descriptions();
  if (!wish.stage.empty() &&
      std::none_of(stages.begin(), stages.end(),
                   [&](const stage::StageDescription& one) { return one.name == wish.stage; })) {
    std::vector<std::string> names;
    for (const stage::StageDescription& one : stages) names.push_back(one.name);
    throw Error(ErrorKind::usage, fmt::format("there is no stage '{}'", shown(wish.stage)), "",
                suggestion(wish.stage.substr(0, longest_wish_text), names));
  }
}

void check_words(const Wish& wish) {
  check_text("author", wish.author, true);
  check_text("reason", wish.reason, wish.what == "veto");
}

}  // namespace alisio::web
