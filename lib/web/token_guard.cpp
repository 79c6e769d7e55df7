#include "lib/web/token_guard.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

#include "lib/base/hash.hpp"

namespace alisio::web {
namespace {

using namespace std::chrono_literals;

/// Typing errors that cost nothing.
constexpr int free_errors = 5;
constexpr std::chrono::seconds first_wait = 10s, longest_wait = 900s;
/// After so long without an error an address begins anew.
constexpr std::chrono::seconds forgotten_after = 1h;
/// Addresses that are remembered: a flood of them must not fill the memory.
constexpr std::size_t most_guessers = 4096;

std::string network_of(const std::string& client) {
  in6_addr address{};
  if (::inet_pton(AF_INET6, client.c_str(), &address) != 1) return client;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    constexpr std::size_t place_of_v4 = 12;
    ::inet_ntop(AF_INET, &address.s6_addr[place_of_v4], text.data(), text.size());
    return text.data();
  }
  std::fill(std::begin(address.s6_addr) + sizeof address.s6_addr / 2, std::end(address.s6_addr),
            static_cast<std::uint8_t>(0));
  ::inet_ntop(AF_INET6, &address, text.data(), text.size());
  return std::string(text.data()) + "/64";
}

std::chrono::seconds wait_after(int wrong) {
  std::chrono::seconds wait = first_wait;
  for (int i = free_errors; i < wrong && wait < longest_wait; ++i) wait *= 2;
  return std::min(wait, longest_wait);
}

}  // namespace

bool same_secret(const std::string& left, const std::string& right) {
  const std::string a = hash_text(left), b = hash_text(right);
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned>(a[i]) ^ static_cast<unsigned>(b[i]);
  return difference == 0;
}

void TokenGuard::forget_old(Clock::time_point now) {
  std::erase_if(guessers_, [&](const auto& one) {
    return now - one.second.last > forgotten_after && now >= one.second.listened_from;
  });
  while (guessers_.size() >= most_guessers)
    guessers_.erase(
        std::ranges::min_element(guessers_, {}, [](const auto& one) { return one.second.last; }));
}

TokenGuard::Verdict TokenGuard::check(const std::string& client, const std::string& given,
                                      const std::string& token, Clock::time_point now) {
  const std::string network = network_of(client);
  const std::scoped_lock lock(mutex_);
  const auto known = guessers_.find(network);
  if (known != guessers_.end() && now < known->second.listened_from)
    return {Answer::wait,
            std::chrono::ceil<std::chrono::seconds>(known->second.listened_from - now)};
  if (same_secret(given, token)) {
    if (known != guessers_.end()) guessers_.erase(known);
    return {Answer::right, 0s};
  }
  // Who gives none does not guess.
  if (given.empty()) return {Answer::wrong, 0s};
  if (known == guessers_.end()) forget_old(now);
  Guesser& guesser = guessers_[network];
  if (now - guesser.last > forgotten_after) guesser.wrong = 0;
  guesser.last = now;
  if (++guesser.wrong >= free_errors) {
    guesser.listened_from = now + wait_after(guesser.wrong);
    spdlog::warn("{} wrong tokens from {}: not listened to for {} s", guesser.wrong, network,
                 wait_after(guesser.wrong).count());
  }
  return {Answer::wrong, 0s};
}

}  // namespace alisio::web
