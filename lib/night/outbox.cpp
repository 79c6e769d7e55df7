#include "lib/night/outbox.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "lib/base/error.hpp"
#include "lib/base/interruption.hpp"
#include "lib/base/log.hpp"

namespace alisio::night {
namespace {

constexpr auto deliver_every = std::chrono::milliseconds(10);

}  // namespace

Outbox::Outbox(double time_limit_s, Account begins, Account failed)
    : time_limit_s_(time_limit_s), begins_(std::move(begins)), failed_(std::move(failed)) {}

void Outbox::put(Letter letter) {
  std::deque<Letter>& waiting = channels_[letter.channel].waiting;
  waiting.push_back(std::move(letter));
}

void Outbox::next(Channel& channel) {
  bool begun = channel.hook.has_value();
  try {
    if (channel.hook) {
      if (!channel.hook->has_ended()) return;
      channel.hook.reset();
      channel.waiting.pop_front();
      begun = false;
    }
    if (channel.waiting.empty()) return;
    const Letter& first = channel.waiting.front();
    // What is written down as told is on its way: a signal in between would leave it untold for
    // ever.
    const SignalsHeld held;
    begins_(first);
    begun = true;
    channel.hook.emplace(first.delivery.words, first.delivery.input, time_limit_s_);
  } catch (const Error& error) {
    const std::deque<Letter> dropped = std::exchange(channel.waiting, {});
    channel.hook.reset();
    for (const Letter& letter : dropped)
      spdlog::warn("nobody could be told by {} that {}: {}", letter.channel, letter.subject,
                   error.what());
    for (auto letter = dropped.begin() + (begun ? 0 : 1); letter != dropped.end(); ++letter)
      failed_(*letter);
  }
}

bool Outbox::deliver() {
  for (auto& [name, channel] : channels_)
    if (!channel.waiting.empty()) next(channel);
  return std::all_of(channels_.begin(), channels_.end(),
                     [](const auto& channel) { return channel.second.waiting.empty(); });
}

void Outbox::deliver_all() {
  while (!deliver()) std::this_thread::sleep_for(deliver_every);
}

}  // namespace alisio::night
