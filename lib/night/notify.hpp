#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lib/config/configuration.hpp"
#include "lib/night/status.hpp"

/// What people want to be told of, and in which words. How it reaches them: messenger.hpp.
namespace alisio::night {

/// One thing of an event: a failed job, a failed gate.
struct EventItem {
  std::string mark;      ///< by this it is known that it was told; empty: shown with the others
  std::string line;      ///< for a person
  nlohmann::json facts;  ///< for a program; null: none
};

/// Something that people want to be told of, once.
struct NightEvent {
  std::string kind;  ///< a word of notify.on
  NightKey night;
  std::string what;  ///< "jobs failed"
  std::string list;  ///< what the facts of the items are called: "failures"; may be empty
  std::vector<EventItem> items;
  nlohmann::json facts = nlohmann::json::object();  ///< beside those of the items
};

/// How people are told.
struct NotifyOptions {
  std::string command;          ///< for the shell; gets the event as JSON; empty: none
  std::string mail;             ///< address; empty: none
  std::string sendmail;         ///< program
  std::vector<std::string> on;  ///< kinds of events
  double time_limit_s = 30;     ///< of each command
  double gather_s = 0;          ///< failures are told when none has followed for so long
  double interval_s = 0;        ///< least time between two messages of failures
  double stalled_after_s = 0;   ///< a night on which nothing has gone on for so long is stalled

  [[nodiscard]] bool wants(const std::string& kind) const;
};
[[nodiscard]] NotifyOptions notify_options(const config::Configuration& configuration);

/// Return what there is to tell of a night that is being processed: failures that are not tried
/// again, gates, and that nothing has gone on for `stalled_after_s`.
/// @param now_unix_s the instant, UTC
[[nodiscard]] std::vector<NightEvent> events_meanwhile(const NightStatus& status,
                                                       double stalled_after_s, double now_unix_s);

/// Return what a night has come to at the end of a pass.
/// @param closed_at when it was closed; empty: it is open
[[nodiscard]] std::vector<NightEvent> events_at_end(const NightStatus& status,
                                                    const std::string& closed_at);

/// An event in the words that go out.
struct Message {
  std::string text;      ///< a few lines for a person, the first is a subject
  nlohmann::json facts;  ///< for a program
  [[nodiscard]] std::string subject() const { return text.substr(0, text.find('\n')); }
};
/// @param items those of the event that are to be told
[[nodiscard]] Message message_of(const NightEvent& event, const std::vector<EventItem>& items);

/// A program that takes a message, and what it is given.
struct Delivery {
  std::vector<std::string> words;
  std::string input;
};
/// Return the ways by which people are told: "command", "mail".
[[nodiscard]] std::vector<std::string> channels_of(const NotifyOptions& options);
[[nodiscard]] Delivery delivery_of(const Message& message, const std::string& channel,
                                   const NotifyOptions& options);

}  // namespace alisio::night
