#include "lib/base/markup.hpp"

#include <gtest/gtest.h>

namespace alisio {
namespace {

TEST(Markup, WhatMeansSomethingIsReplaced) {
  EXPECT_EQ(markup_escaped("a<b>&\"c'"), "a&lt;b&gt;&amp;&quot;c&#39;");
  EXPECT_EQ(markup_escaped("zenith 20°"), "zenith 20°");
}

TEST(Markup, ControlCharactersBecomeSpaces) {
  EXPECT_EQ(markup_escaped(std::string_view("a\0b\x1b[0m\tc\nd", 11)), "a b [0m\tc\nd");
}

}  // namespace
}  // namespace alisio
