#include "lib/web/actions.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/json_text.hpp"
#include "lib/base/markup.hpp"
#include "lib/web/html.hpp"
#include "lib/web/night_address.hpp"
#include "lib/web/night_view.hpp"
#include "lib/web/wish.hpp"

namespace alisio::web {
namespace {

using nlohmann::json;

constexpr std::size_t shortest_token = 16;
constexpr std::time_t form_holds_s = 3600;

/// Sign a form, so that only forms of this server are taken: by an instant and a hash that nobody
/// makes without the key of this process.
std::string form_seal(const ActionSource& source, const std::string& path, std::time_t until) {
  return fmt::format("{}.{}", until,
                     hash_text(fmt::format("{}\n{}\n{}", source.form_key, path, until)));
}

bool is_our_form(const ActionSource& source, const std::string& path, const std::string& seal) {
  std::time_t until = 0;
  const auto [end, problem] = std::from_chars(seal.data(), seal.data() + seal.size(), until);
  return problem == std::errc() && until >= std::time(nullptr) &&
         same_secret(seal, form_seal(source, path, until));
}

/// Tell whether a browser sent this from a page of another site.
bool is_from_elsewhere(const Request& request) {
  const std::string site = request.header("sec-fetch-site");
  if (!site.empty() && site != "same-origin" && site != "none") return true;
  const std::string origin = request.header("origin");
  return !origin.empty() && origin != "http://" + request.header("host") &&
         origin != "https://" + request.header("host");
}

/// Return the command that does it.
std::vector<std::string> words_of(const Wish& wish, const night::NightKey& night) {
  std::vector<std::string> words{wish.what};
  if (wish.what != "close" && !wish.job.empty() && wish.job != "night") words.push_back(wish.job);
  words.push_back(night.date.compact());
  words.push_back("--prod-id=" + night.prod_id);
  words.push_back("--author=" + wish.author);
  if (!wish.reason.empty()) words.push_back("--reason=" + wish.reason);
  if (wish.what == "retry" && !wish.stage.empty()) words.push_back("--stage=" + wish.stage);
  return words;
}

Response read_only() {
  return plain_line(403, "these pages are read-only: no web.token_file is configured");
}

AddressedNight night_of(const ActionSource& source, const std::vector<std::string>& parts) {
  if (parts.size() < 2)
    throw Error(ErrorKind::incomplete, "there is no such page", "", "begin at the first page");
  return open_night(source.state_folder, parts[0], parts[1]);
}

std::string field(const char* name, const char* text, const char* kind, bool needed) {
  return fmt::format(
      "<p><label>{}<br><input name=\"{}\" type=\"{}\" maxlength=\"{}\"{}{}></label></p>\n", text,
      name, kind, longest_wish_text, needed ? " required" : "",
      std::string_view(kind) == "password" ? " autocomplete=\"current-password\"" : "");
}

Response confirm_page(const ActionSource& source, const Request& request) {
  if (source.token.empty()) return read_only();
  const auto parts = path_parts(request.path, "/act/");
  const AddressedNight at = night_of(source, parts);
  const Wish wish{request.parameter("what").value_or(""), request.parameter("job").value_or(""),
                  request.parameter("stage").value_or(""), "", ""};
  check_subject(wish, source.known);
  const std::string subject =
      wish.what == "close" ? "the night"
      : wish.job == "night"
          ? "jobs of the night"
          : "run " + wish.job +
                (wish.stage.empty() || wish.what == "veto" ? "" : ", " + wish.stage);
  std::string hidden;
  const std::string path = request.path;
  for (const auto& [name, value] :
       {std::pair<std::string, std::string>{"what", wish.what},
        {"job", wish.job},
        {"stage", wish.stage},
        {"form", form_seal(source, path, std::time(nullptr) + form_holds_s)}})
    hidden += fmt::format("<input type=\"hidden\" name=\"{}\" value=\"{}\">", name,
                          markup_escaped(value));
  Response response;
  response.headers["Cache-Control"] = "no-store";
  // Without it browsers send the form with "Origin: null", as pages of other sites can.
  response.headers["Referrer-Policy"] = "same-origin";
  response.body = page(
      fmt::format("{} {}?", wish.what, subject),
      fmt::format("<p>Night {}, production {}. This is recorded with author and reason.</p>"
                  "<form method=\"post\" action=\"{}\">{}{}{}{}<p><button>Yes, {}</button> {}</p>"
                  "</form>",
                  at.key.date.iso(), markup_escaped(at.key.prod_id), markup_escaped(path), hidden,
                  field("reason", "Why", "text", wish.what == "veto"),
                  field("author", "Who decides", "text", true),
                  field("token", "Token", "password", true), wish.what,
                  link(night_path(at.key), "no, back")));
  return response;
}

/// One of the places for actions, given back at the end.
struct Place {
  std::counting_semaphore<>& places;
  ~Place() { places.release(); }
};

/// Run what is wished. @return nothing if as many actions are under way as there may be.
std::optional<CommandOutcome> act(const ActionSource& source, const night::NightKey& night,
                                  const Wish& wish) {
  check_subject(wish, source.known);
  check_words(wish);
  if (!source.places->try_acquire()) return std::nullopt;
  const Place place{*source.places};
  return source.run(words_of(wish, night));
}

Response busy() {
  Response response = plain_line(503, "other actions are under way: try again in a moment");
  response.headers["Retry-After"] = "10";
  return response;
}

/// Return what to answer to whoever gave a token; nothing if it is the right one.
std::optional<Response> refused(const ActionSource& source, const Request& request,
                                const std::string& token, const char* wrong) {
  const TokenGuard::Verdict verdict = source.guard->check(request.client, token, source.token);
  if (verdict.answer == TokenGuard::Answer::right) return std::nullopt;
  if (verdict.answer == TokenGuard::Answer::wrong) return plain_line(403, wrong);
  Response response = plain_line(
      429,
      fmt::format("too many wrong tokens came from this address: wait {} s", verdict.wait.count()));
  response.headers["Retry-After"] = std::to_string(verdict.wait.count());
  return response;
}

/// Refuse a body that says to be of another kind.
void check_kind(const Request& request, std::string_view kind) {
  const std::string said = request.header("content-type");
  if (!said.empty() && said.substr(0, said.find(';')) != kind)
    throw Error(ErrorKind::usage, "the body is of another kind", "",
                fmt::format("send Content-Type: {}", kind));
}

Response act_by_form(const ActionSource& source, const Request& request) {
  if (source.token.empty()) return read_only();
  check_kind(request, "application/x-www-form-urlencoded");
  const WishForm sent = wish_of_form(request.body);
  if (is_from_elsewhere(request) || !is_our_form(source, request.path, sent.form))
    return plain_line(403, "this form is not of this server, or too old: open it anew");
  if (auto refusal = refused(source, request, sent.token, "the token is another")) return *refusal;
  const AddressedNight at = night_of(source, path_parts(request.path, "/act/"));
  const std::optional<CommandOutcome> outcome = act(source, at.key, sent.wish);
  if (!outcome) return busy();
  Response response;
  response.status = outcome->exit_code == 0 ? 200 : 409;
  response.body = page(outcome->exit_code == 0 ? "Done" : "Not done",
                       "<pre>" + markup_escaped(outcome->text) + "</pre><p>" +
                           link(night_path(at.key), "back to the night") + "</p>");
  return response;
}

Response act_by_program(const ActionSource& source, const Request& request) {
  if (source.token.empty()) return read_only();
  constexpr std::string_view bearer = "Bearer ";
  const std::string authorization = request.header("authorization");
  if (auto refusal =
          refused(source, request,
                  authorization.starts_with(bearer) ? authorization.substr(bearer.size()) : "",
                  "the token is missing or another (Authorization: Bearer TOKEN)"))
    return *refusal;
  const auto parts = path_parts(request.path, "/api/v1/nights/");
  if (parts.size() != 3 || parts[2] != "actions")
    return plain_line(404, "there is no such resource (see /api/v1/openapi.yaml)");
  const AddressedNight at = night_of(source, parts);
  check_kind(request, "application/json");
  const std::optional<CommandOutcome> outcome = act(source, at.key, wish_of_json(request.body));
  if (!outcome) return busy();
  Response response;
  response.status = outcome->exit_code == 0 ? 200 : 409;
  response.content_type = "application/json";
  response.body =
      json_text(json{{"exit_code", outcome->exit_code}, {"text", outcome->text}}) + '\n';
  return response;
}

}  // namespace

std::string read_token(const std::filesystem::path& file) {
  std::string text = read_text_file(file);
  struct stat facts {};
  if (::stat(file.c_str(), &facts) != 0 || (facts.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    throw Error(ErrorKind::configuration, "others can read the token of the pages", file.string(),
                "chmod 600");
  text.erase(std::min(text.find_first_of("\r\n"), text.size()));
  if (text.size() < shortest_token)
    throw Error(ErrorKind::configuration,
                fmt::format("the token of the pages has fewer than {} characters", shortest_token),
                file.string(), "openssl rand -hex 16 makes a good one");
  return text;
}

std::string random_key() {
  std::random_device entropy;
  std::string key;
  for (int word = 0; word < 8; ++word) key += fmt::format("{:08x}", entropy());
  return key;
}

Router action_pages(const ActionSource& source) {
  return {
      {"/act/", [&source](const Request& request) { return confirm_page(source, request); }},
      {"POST /act/", [&source](const Request& request) { return act_by_form(source, request); }},
      {"POST /api/v1/nights/",
       [&source](const Request& request) { return act_by_program(source, request); }}};
}

}  // namespace alisio::web
