#include "lib/base/plain_text.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "lib/base/json_text.hpp"

namespace alisio {
namespace {

TEST(PlainText, KeepsWhatIsUtf8) {
  for (const char* text : {"", "plain", "calibración", "10 µs · σ ≥ 5", "\xF0\x9F\x94\xAD"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
    EXPECT_EQ(plain_lines(text), text);
  }
}

TEST(PlainText, ReplacesEachByteThatIsNoCharacter) {
  EXPECT_EQ(plain_lines("calibraci\xF3n"), "calibraci\xEF\xBF\xBDn");
  EXPECT_EQ(plain_lines("\xFF"), "\xEF\xBF\xBD");
  // Cut short, overlong, a surrogate, past the last character.
  for (const char* wrong : {"\xE2\x82", "\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80",
                            "\xF4\x90\x80\x80", "\xF0\x80\x80\x80", "\x80"}) {
    EXPECT_FALSE(is_utf8(wrong));
    const std::string mended = plain_lines(wrong);
    EXPECT_TRUE(is_utf8(mended));
    EXPECT_EQ(mended.size(), 3 * std::string_view(wrong).size());
  }
}

TEST(PlainText, GivesTerminalsNoControlCharacters) {
  EXPECT_EQ(plain_lines("a\tb\nc\rd\x1B[31m\x7F\xC2\x9Bx"), "a\tb\nc d [31m  x");
  EXPECT_EQ(plain_lines(std::string_view("\0", 1)), " ");
}

TEST(PlainText, FindsControlCharacters) {
  for (const char* text : {"a\nb", "\x7F", "\xC2\x9B"}) EXPECT_TRUE(has_control_character(text));
  for (const char* text : {"", "/data/calibración µ", "\xFF"})
    EXPECT_FALSE(has_control_character(text)) << text;
}

TEST(PlainText, MakesOneLineOfLimitedLength) {
  EXPECT_EQ(plain_line(" \n Eve\nvetoed\tby\x1B \n", 500), "Eve vetoed by");
  EXPECT_EQ(plain_line("ñandú", 5), "ñandú");
  EXPECT_EQ(plain_line("ñandú", 4), "ñand…");
  EXPECT_EQ(plain_line(std::string(100000, 'x'), 500).size(), 500 + std::string("…").size());
  EXPECT_EQ(plain_line(" \x1B\n", 10), "");
}

TEST(JsonText, WritesWhateverBytesThereAre) {
  const nlohmann::json document{{"message",
                                 "da\xF1"
                                 "ado"}};
  EXPECT_EQ(json_text(document),
            "{\"message\":\"da\xEF\xBF\xBD"
            "ado\"}");
  EXPECT_EQ(json_text(document, 1),
            "{\n \"message\": \"da\xEF\xBF\xBD"
            "ado\"\n}");
}

}  // namespace
}  // namespace alisio
