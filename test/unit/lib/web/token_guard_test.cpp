// Who guesses tokens waits; nobody else does.
#include "lib/web/token_guard.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace alisio::web {
namespace {

using namespace std::chrono_literals;
using Answer = TokenGuard::Answer;

const std::string token = "0123456789abcdef";

TEST(TokenGuard, AFewErrorsCostNothing) {
  TokenGuard guard;
  const auto now = TokenGuard::Clock::now();
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(guard.check("10.0.0.1", "wrong", token, now).answer, Answer::wrong);
  EXPECT_EQ(guard.check("10.0.0.1", token, token, now).answer, Answer::right);
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(guard.check("10.0.0.1", "wrong", token, now).answer, Answer::wrong)
        << "the right one begins anew";
}

TEST(TokenGuard, WhoGuessesWaitsLongerAndLonger) {
  TokenGuard guard;
  auto now = TokenGuard::Clock::now();
  for (int i = 0; i < 5; ++i) static_cast<void>(guard.check("10.0.0.1", "wrong", token, now));
  auto verdict = guard.check("10.0.0.1", token, token, now);
  EXPECT_EQ(verdict.answer, Answer::wait) << "a guesser would learn that it was right";
  EXPECT_EQ(verdict.wait, 10s);
  EXPECT_EQ(guard.check("10.0.0.2", token, token, now).answer, Answer::right);
  now += 10s;
  EXPECT_EQ(guard.check("10.0.0.1", "wrong", token, now).answer, Answer::wrong);
  EXPECT_EQ(guard.check("10.0.0.1", token, token, now + 19s).answer, Answer::wait);
  EXPECT_EQ(guard.check("10.0.0.1", token, token, now + 20s).answer, Answer::right);
  for (int i = 0; i < 40; ++i) {
    now += 901s;
    static_cast<void>(guard.check("10.0.0.1", "wrong", token, now));
  }
  EXPECT_EQ(guard.check("10.0.0.1", token, token, now).wait, 900s);
}

TEST(TokenGuard, ANetworkOfIpv6IsOneClient) {
  TokenGuard guard;
  const auto now = TokenGuard::Clock::now();
  for (int i = 0; i < 5; ++i)
    static_cast<void>(guard.check(fmt::format("2001:db8::{:x}", i + 1), "wrong", token, now));
  EXPECT_EQ(guard.check("2001:db8::ffff", token, token, now).answer, Answer::wait);
  EXPECT_EQ(guard.check("2001:db8:0:1::1", token, token, now).answer, Answer::right);
  for (int i = 0; i < 5; ++i)
    static_cast<void>(guard.check("::ffff:10.0.0.9", "wrong", token, now));
  EXPECT_EQ(guard.check("10.0.0.9", token, token, now).answer, Answer::wait);
}

TEST(TokenGuard, AFloodOfAddressesIsForgotten) {
  TokenGuard guard;
  auto now = TokenGuard::Clock::now();
  for (int i = 0; i < 20'000; ++i)
    static_cast<void>(
        guard.check(fmt::format("10.{}.{}.1", i / 250, i % 250), "wrong", token, now));
  EXPECT_EQ(guard.check("10.0.0.2", token, token, now).answer, Answer::right);
}

TEST(TokenGuard, SecretsAreComparedWhole) {
  EXPECT_TRUE(same_secret(token, token));
  for (const char* other : {"", "0", "0123456789abcde", "0123456789abcdeg", "0123456789abcdef0"})
    EXPECT_FALSE(same_secret(other, token)) << other;
}

}  // namespace
}  // namespace alisio::web
