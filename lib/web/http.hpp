#pragma once
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Questions and answers of the web server as values, so that pages are functions that tests can
/// call without a socket.
namespace alisio::web {

struct Request {
  std::string path;  ///< decoded, without the query: "/file/0ab1"
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded, in order; names may repeat
  std::string if_none_match;                               ///< header of that name; may be empty
  std::string method = "GET";                              ///< GET (also for HEAD) or POST
  std::string body = {};                                   ///< of a POST
  /// Headers that actions look at, by lower-case name: content-type, authorization, cookie, origin,
  /// host, sec-fetch-site.
  std::map<std::string, std::string> headers = {};

  std::string client = {};  ///< address that it came from; empty: not known

  /// The first value of a query parameter; upper and lower case of its name are alike.
  [[nodiscard]] std::optional<std::string> parameter(const std::string& name) const;
  /// A header of those that are kept; empty if it was not sent.
  [[nodiscard]] std::string header(const std::string& name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "text/html; charset=utf-8";
  std::string body;
  std::map<std::string, std::string> headers;  ///< may set a Content-Security-Policy of its own
  /// A file to send in place of the body.
  std::filesystem::path file;
  /// The topic whose events (EventHub) are to be sent for as long as the client listens, in place
  /// of a body; empty: none.
  std::string events = {};
};

using Handler = std::function<Response(const Request&)>;

/// Pages by the beginning of their paths: "/file/" answers "/file/0ab1", "/" only "/". Paths answer
/// GET and HEAD; "POST /act/" answers POST.
using Router = std::vector<std::pair<std::string, Handler>>;

/// Answer a request: find the page, turn an Error into a page (400 for misuse, 404 for what is not
/// on record, 503 for an index that is not there, 500 for the rest), or into one line for programs
/// (/api/, /provsap), and add ETag and the headers that keep a browser from loading anything else.
/// Never throws.
[[nodiscard]] Response answer(const Router& router, const Request& request) noexcept;

/// Return an answer of one line, for programs.
[[nodiscard]] Response plain_line(int status, const std::string& line);

}  // namespace alisio::web
