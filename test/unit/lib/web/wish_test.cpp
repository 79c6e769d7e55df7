// What may be asked of a night on the pages, and what is refused.
#include "lib/web/wish.hpp"

#include <gtest/gtest.h>

#include "lib/base/error.hpp"

namespace alisio::web {
namespace {

const std::vector<std::string> known{"retry", "veto"};

/// Return what a refusal says, "" if there is none.
template <typename Work>
std::string refusal_of(Work work) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_EQ(error.problem().find('\n'), std::string::npos);
    return error.problem();
  }
  return "";
}

TEST(Wish, IsReadFromJson) {
  const Wish wish = wish_of_json(R"({"what": "veto", "job": "11220.0003", "author": "crew"})");
  EXPECT_EQ(wish.what, "veto");
  EXPECT_EQ(wish.job, "11220.0003");
  EXPECT_EQ(wish.author, "crew");
  for (const char* body : {"", "[]", "7", "null", "{", "{\"what\": 1}", "{\"what\": [\"retry\"]}",
                           "{\"wat\": \"retry\"}", "{\"what\": \"retry\"} x"})
    EXPECT_NE(refusal_of([&] { static_cast<void>(wish_of_json(body)); }), "") << body;
}

TEST(Wish, NamesOfStrangersComeBackShortAndPlain) {
  const std::string body = "{\"a\\nb" + std::string(1000, 'x') + "\": \"\"}";
  const std::string said = refusal_of([&] { static_cast<void>(wish_of_json(body)); });
  EXPECT_LT(said.size(), 100U);
  EXPECT_NE(said.find("a?b"), std::string::npos) << said;
}

TEST(Wish, IsReadFromAForm) {
  const WishForm sent = wish_of_form("what=retry&job=11220&stage=&author=a%20b&token=t&form=f");
  EXPECT_EQ(sent.wish.author, "a b");
  EXPECT_EQ(sent.token, "t");
  EXPECT_EQ(sent.form, "f");
  EXPECT_NE(refusal_of([] { static_cast<void>(wish_of_form("what=retry&what=veto")); }), "");
  EXPECT_NE(refusal_of([] { static_cast<void>(wish_of_form("what=retry&sudo=1")); }), "");
}

TEST(Wish, IsAboutAJob) {
  for (const char* job : {"", "night", "11220", "11220.0003", "1.2"})
    EXPECT_EQ(refusal_of([&] { check_subject({"veto", job, "", "", ""}, known); }), "") << job;
  for (const char* job :
       {"nights", ".", "1.", ".1", "1.2.3", "--all", "1 2", "-1", "1234567890", "../x"})
    EXPECT_NE(refusal_of([&] { check_subject({"veto", job, "", "", ""}, known); }), "") << job;
  EXPECT_NE(refusal_of([] { check_subject({"close", "", "", "", ""}, known); }), "");
  EXPECT_EQ(refusal_of([] { check_subject({"retry", "", "r0_to_dl1", "", ""}, known); }), "");
  EXPECT_NE(refusal_of([] { check_subject({"retry", "", "r0_to_dl", "", ""}, known); }), "");
}

TEST(Wish, NeedsAnAuthorAndSometimesAReason) {
  EXPECT_EQ(refusal_of([] { check_words({"retry", "", "", "", "crew"}); }), "");
  EXPECT_EQ(refusal_of([] { check_words({"retry", "", "", "", ""}); }), "the author is missing");
  EXPECT_EQ(refusal_of([] {
              check_words({"veto", "", "", " ", "crew"});
            }),
            "the reason is missing");
  EXPECT_NE(refusal_of([] { check_words({"veto", "", "", "a\nb", "crew"}); }), "");
  EXPECT_NE(refusal_of([] { check_words({"veto", "", "", std::string(501, 'x'), "crew"}); }), "");
}

}  // namespace
}  // namespace alisio::web
