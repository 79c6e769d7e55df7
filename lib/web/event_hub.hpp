#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
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
/// differences, in order. Safe to use from any thread.
class EventHub {
 public:
  /// Listen to a topic for as long as the sink lives.
  void listen(const std::string& topic, const std::shared_ptr<EventSink>& sink);
  /// Return the topics that somebody listens to. What is known of the others is forgotten.
  [[nodiscard]] std::set<std::string> topics();
  /// Hand a difference to all who listen, and keep the whole for those who come.
  /// @param whole,difference complete events, as event_text() makes them; an empty difference is
  ///        not sent. Who listened before there was a whole gets the whole.
  void publish(const std::string& topic, std::string whole, std::string difference);
  /// Send a comment to all, so that connections that are gone are noticed.
  void keep_alive();
  /// Let go of all who listen: after it none of them is touched any more.
  void release();
  [[nodiscard]] std::size_t listeners();

 private:
  struct Topic {
    EventText whole;
    std::vector<std::weak_ptr<EventSink>> sinks;
  };
  static void hand_out(Topic& topic, const EventText& text);

  std::mutex mutex_;
  std::map<std::string, Topic> topics_;
};

/// Return an event as the protocol writes it: "event: name", "data: …", a blank line.
/// @param data one line.
[[nodiscard]] std::string event_text(const std::string& name, const std::string& data);

}  // namespace alisio::web
