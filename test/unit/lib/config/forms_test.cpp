#include "lib/config/forms.hpp"

#include <gtest/gtest.h>

namespace alisio::config {
namespace {

TEST(DayWindows, AreTimesOfTheDay) {
  const auto windows = parse_day_windows("18:00-07:30, 12:15 - 13:00");
  ASSERT_TRUE(windows.has_value());
  ASSERT_EQ(windows->size(), 2U);
  EXPECT_EQ(windows->front().start_s, 18 * 3600);
  EXPECT_EQ(windows->front().end_s, 7 * 3600 + 30 * 60);
  EXPECT_EQ(windows->back().start_s, 12 * 3600 + 15 * 60);
  for (const char* wrong :
       {"18-7", "18-07", "24:00-07:00", "18:00", "18:00-07:60", "18:00-07:00,x"})
    EXPECT_FALSE(parse_day_windows(wrong)) << wrong;
}

TEST(DayWindows, NothingIsNone) {
  const auto windows = parse_day_windows("");
  ASSERT_TRUE(windows.has_value());
  EXPECT_TRUE(windows->empty());
}

TEST(MissingLimit, IsANumberOrAPart) {
  const auto allows = [](const char* text, int missing, int expected) {
    return MissingLimit::parse(text).value().allows(missing, expected);
  };
  EXPECT_TRUE(allows("2", 2, 5));
  EXPECT_FALSE(allows("2", 3, 500));
  EXPECT_TRUE(allows("120", 120, 500));
  EXPECT_TRUE(allows("5 %", 5, 100));
  EXPECT_FALSE(allows("5%", 6, 100));
  EXPECT_TRUE(allows("100 %", 7, 7));
  for (const char* wrong : {"", "few", "-1", "5 percent", "nan", "inf", "120 %", "100.1%"})
    EXPECT_FALSE(MissingLimit::parse(wrong)) << wrong;
}

TEST(MailAddress, CannotAddLinesOrOptionsToAMail) {
  EXPECT_TRUE(is_mail_address("crew@example.org"));
  EXPECT_TRUE(is_mail_address(""));
  for (const char* wrong : {"a\nb", "a b", "-bs", "a\x7f"}) EXPECT_FALSE(is_mail_address(wrong));
}

TEST(WordOfNight, HoldsNoOtherBraces) {
  for (const char* good : {"", "plain", "{date}", "night={date}_{telescope}"})
    EXPECT_TRUE(is_word_of_night(good)) << good;
  for (const char* wrong : {"{run}", "{", "}", "{{date}}", "{date"})
    EXPECT_FALSE(is_word_of_night(wrong)) << wrong;
}

}  // namespace
}  // namespace alisio::config
