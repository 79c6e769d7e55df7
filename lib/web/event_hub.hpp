#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace alisio::web {

/// One piece of an event stream, shared by all who get it.
using EventText = std::shared_ptr<const std::string>;

/// Whoever listens to a topic.
class EventSink {
 public:
  EventSink() = default;
  virtual ~EventSink() = default;
  EventSink(const EventSink&) = delete;
  EventSink& operator=(const EventSink&) = delete;

  /// Take a piece; called from any thread, must not wait.
  virtual void take(EventText text) = 0;
};

/// Topics of server-sent events and those who listen. Who comes gets the whole first, then the
/// differences, in order. Who comes has just drawn the page, so that an older whole would take it
/// back: only what was read after begin_round() named the topic again is given to him. Safe to use
/// from any thread.
class EventHub {
 public:
  /// Listen to a topic for as long as the sink lives.
  void listen(const std::string& topic, const std::shared_ptr<EventSink>& sink);
  /// Who came until now waits for what is read from now on. Return the topics that somebody listens
  /// to, and whether some wait for the whole. What is known of other topics is forgotten.
  [[nodiscard]] std::map<std::string, bool> begin_round();
  /// Hand a difference to all who have the whole, and the whole to those who wait for it.
  /// @param whole,difference complete events, as event_text() makes them; an empty difference is
  ///        not sent.
  void publish(const std::string& topic, std::string whole, const std::string& difference);
  /// Hand what was last published to those who wait for it: it has not changed.
  void welcome(const std::string& topic);
  /// Send a comment to all, so that connections that are gone are noticed.
  void keep_alive();
  /// Let go of all who listen: after it none of them is touched any more.
  void release();
  [[nodiscard]] std::size_t listeners();

 private:
  using Sinks = std::vector<std::weak_ptr<EventSink>>;
  struct Topic {
    EventText whole;
    Sinks come;     ///< since begin_round() was last called
    Sinks waiting;  ///< for the whole
    Sinks told;     ///< have the whole
  };
  static void hand_out(const Sinks& sinks, const EventText& text);
  static void hand_whole(Topic& topic);

  std::mutex mutex_;
  std::map<std::string, Topic> topics_;
};

/// Return an event as the protocol writes it: "event: name", "data: …", a blank line.
/// @param data one line.
[[nodiscard]] std::string event_text(const std::string& name, const std::string& data);

}  // namespace alisio::web
