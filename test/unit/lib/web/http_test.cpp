#include "lib/web/http.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "lib/base/error.hpp"
#include "lib/base/markup.hpp"
#include "lib/web/html.hpp"
#include "lib/web/url.hpp"

namespace alisio::web {
namespace {

Router router() {
  const auto says = [](const std::string& text) {
    return [text](const Request&) {
      Response response;
      response.body = text;
      return response;
    };
  };
  return {{"/", says("first")},
          {"/file/", says("file")},
          {"/broken",
           [](const Request&) -> Response {
             throw Error(ErrorKind::bad_input, "the index is damaged", "/secret/place", "mend it");
           }},
          {"/wrong", [](const Request&) -> Response {
             throw Error(ErrorKind::usage, "'<b>' is no run", "", "give a number");
           }}};
}

TEST(Http, FindsThePage) {
  EXPECT_EQ(answer(router(), {.path = "/", .query = {}, .if_none_match = {}}).body, "first");
  EXPECT_EQ(answer(router(), {.path = "/file/x", .query = {}, .if_none_match = {}}).body, "file");
  EXPECT_EQ(answer(router(), {.path = "/other", .query = {}, .if_none_match = {}}).status, 404);
  EXPECT_EQ(answer(router(), {.path = "", .query = {}, .if_none_match = {}}).status, 404);
  EXPECT_EQ(
      answer(router(), {.path = std::string(5000, 'a'), .query = {}, .if_none_match = {}}).status,
      400);
}

TEST(Http, ErrorsBecomePagesThatKeepSecrets) {
  const Response broken = answer(router(), {.path = "/broken", .query = {}, .if_none_match = {}});
  EXPECT_EQ(broken.status, 503);
  EXPECT_EQ(broken.body.find("/secret"), std::string::npos);
  const Response wrong = answer(router(), {.path = "/wrong", .query = {}, .if_none_match = {}});
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(wrong.body.find("<b>"), std::string::npos);
  EXPECT_NE(wrong.body.find("&lt;b&gt;"), std::string::npos);
}

TEST(Http, UnchangedPagesAreNotSentAgain) {
  const Response first = answer(router(), {.path = "/", .query = {}, .if_none_match = {}});
  const std::string tag = first.headers.at("ETag");
  const Response again = answer(router(), {.path = "/", .query = {}, .if_none_match = tag});
  EXPECT_EQ(again.status, 304);
  EXPECT_TRUE(again.body.empty());
  EXPECT_EQ(answer(router(), {.path = "/", .query = {}, .if_none_match = "\"other\""}).status, 200);
}

TEST(Http, PostsHaveEntriesOfTheirOwn) {
  Router with_post = router();
  with_post.emplace_back(
      "POST /act/", [](const Request& request) { return plain_line(200, "did " + request.body); });
  Request post{.path = "/act/x", .query = {}, .if_none_match = {}};
  EXPECT_EQ(answer(with_post, post).status, 404) << "to GET";
  post.method = "POST";
  post.body = "it";
  EXPECT_EQ(answer(with_post, post).body, "did it\n");
  EXPECT_FALSE(answer(with_post, post).headers.contains("ETag"));
  post.path = "/";
  EXPECT_EQ(answer(with_post, post).status, 405);
}

TEST(Http, PagesKeepAStrictPolicyAndMayHaveTheirOwn) {
  const Router own{{"/", [](const Request&) {
                      Response response;
                      response.headers["Content-Security-Policy"] = script_policy("abc");
                      return response;
                    }}};
  const Request first{.path = "/", .query = {}, .if_none_match = {}};
  EXPECT_EQ(answer(router(), first).headers.at("Content-Security-Policy").find("script-src"),
            std::string::npos);
  // echo -n abc | openssl dgst -sha256 -binary | base64
  EXPECT_NE(answer(own, first)
                .headers.at("Content-Security-Policy")
                .find("script-src 'sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0='"),
            std::string::npos);
}

TEST(Http, ProgramsAreToldInOneLine) {
  const Response none = answer(router(), {.path = "/api/v1/no", .query = {}, .if_none_match = {}});
  EXPECT_EQ(none.status, 404);
  EXPECT_EQ(none.content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(std::count(none.body.begin(), none.body.end(), '\n'), 1);
}

TEST(Http, ParametersKnowNoCase) {
  const Request request{
      .path = "/", .query = {{"Depth", "2"}, {"ID", "a"}, {"id", "b"}}, .if_none_match = {}};
  EXPECT_EQ(request.parameter("DEPTH"), "2");
  EXPECT_EQ(request.parameter("id"), "a");
  EXPECT_EQ(request.parameter("none"), std::nullopt);
}

TEST(Url, IsTakenApart) {
  const Request request = parsed_target("/file/a%2Fb%zz?q=x%20y+z&ID=1&id=2&&flag&e=%41%4#part");
  EXPECT_EQ(request.path, "/file/a/b%zz");
  const std::vector<std::pair<std::string, std::string>> query{
      {"q", "x y z"}, {"ID", "1"}, {"id", "2"}, {"flag", ""}, {"e", "A%4"}};
  EXPECT_EQ(request.query, query);
  EXPECT_EQ(parsed_target("/").path, "/");
  EXPECT_TRUE(parsed_target("/?").query.empty());
}

TEST(Html, EscapesWhatHasAMeaning) {
  EXPECT_EQ(markup_escaped("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
  EXPECT_EQ(url_escaped("a b/ñ?"), "a%20b%2F%C3%B1%3F");
  EXPECT_EQ(link("/x?a=1&b=2", "<"), "<a href=\"/x?a=1&amp;b=2\">&lt;</a>");
}

}  // namespace
}  // namespace alisio::web
