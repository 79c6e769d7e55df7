#include "lib/web/http.hpp"

#include <spdlog/spdlog.h>
#include <strings.h>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/markup.hpp"
#include "lib/web/html.hpp"

namespace alisio::web {
namespace {

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return 400;
    case ErrorKind::incomplete:
      return 404;
    // What is damaged is the server's.
    case ErrorKind::missing_input:
    case ErrorKind::bad_input:
    case ErrorKind::resource:
      return 503;
    default:
      return 500;
  }
}

Response problem_page(int status, const std::string& problem, const std::string& remedy) {
  Response response;
  response.status = status;
  response.body =
      page(status == 404   ? "Not on record"
           : status == 400 ? "This cannot be answered"
                           : "Something is wrong",
           "<p>" + markup_escaped(problem) + "</p><p>" + markup_escaped(remedy) + "</p>");
  return response;
}

bool is_for_programs(const std::string& path) {
  return path == "/provsap" || path == "/metrics" || path == "/healthz" || path == "/events" ||
         path.starts_with("/api/");
}

Response problem_answer(const Request& request, int status, const std::string& problem,
                        const std::string& remedy) {
  return is_for_programs(request.path)
             ? plain_line(status, problem + (remedy.empty() ? "" : " (" + remedy + ')'))
             : problem_page(status, problem, remedy);
}

/// Tell whether an entry of the router answers a request.
bool fits(const std::string& entry, const Request& request) {
  constexpr std::string_view post = "POST ";
  std::string_view path = entry;
  const bool posts = path.starts_with(post);
  if (posts != (request.method == "POST")) return false;
  if (posts) path.remove_prefix(post.size());
  return path.size() > 1 && path.back() == '/' ? request.path.starts_with(path)
                                               : request.path == path;
}

Response handled(const Router& router, const Request& request) {
  constexpr std::size_t longest_path = 4096;
  if (request.path.size() > longest_path)
    return problem_page(400, "The address is too long.", "At most 4096 characters.");
  for (const auto& [path, handler] : router) {
    if (!fits(path, request)) continue;
    try {
      return handler(request);
    } catch (const Error& error) {
      const int status = status_of(error.kind());
      if (status >= 500) spdlog::warn("{}: {}", request.path, error.what());
      // Where things are on this machine is not told to visitors, unless it is what they asked for.
      const std::string remedy = status < 500 ? error.remedy() : std::string();
      return problem_answer(request, status, error.problem(), remedy);
    }
  }
  if (request.method == "POST")
    return plain_line(405, "only GET and HEAD are answered at this address");
  return problem_answer(request, 404, "There is no such page.", "Begin at the first page.");
}

}  // namespace

std::optional<std::string> Request::parameter(const std::string& name) const {
  for (const auto& [key, value] : query)
    if (strcasecmp(key.c_str(), name.c_str()) == 0) return value;
  return std::nullopt;
}

std::string Request::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

Response plain_line(int status, const std::string& line) {
  Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = line + '\n';
  return response;
}

Response answer(const Router& router, const Request& request) noexcept {
  Response response;
  try {
    response = handled(router, request);
    const bool repeatable = request.method == "GET" && response.events.empty();
    if (repeatable && response.status == 200 && response.file.empty()) {
      const std::string tag = '"' + hash_text(response.body).substr(0, 32) + '"';
      response.headers["ETag"] = tag;
      response.headers["Cache-Control"] = "no-cache";
      if (!request.if_none_match.empty() &&
          (request.if_none_match == "*" || request.if_none_match.find(tag) != std::string::npos)) {
        response.status = 304;
        response.body.clear();
      }
    }
    response.headers.try_emplace(
        "Content-Security-Policy",
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'");
    response.headers["X-Content-Type-Options"] = "nosniff";
    response.headers.try_emplace("Referrer-Policy", "no-referrer");
  } catch (const std::exception& problem) {
    response = {};
    response.status = 500;
    response.content_type = "text/plain";
    try {
      spdlog::error("web: {}", problem.what());
    } catch (const std::exception&) {
      // There is nobody left to tell.
    }
  }
  return response;
}

}  // namespace alisio::web
