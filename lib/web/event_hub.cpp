#include "lib/web/event_hub.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace alisio::web {

void EventHub::listen(const std::string& topic, const std::shared_ptr<EventSink>& sink) {
  const std::lock_guard lock(mutex_);
  Topic& known = topics_[topic];
  known.sinks.push_back(sink);
  if (known.whole) sink->take(known.whole);
}

std::set<std::string> EventHub::topics() {
  const std::lock_guard lock(mutex_);
  for (auto topic = topics_.begin(); topic != topics_.end();) {
    auto& sinks = topic->second.sinks;
    std::erase_if(sinks, [](const auto& sink) { return sink.expired(); });
    topic = sinks.empty() ? topics_.erase(topic) : std::next(topic);
  }
  std::set<std::string> names;
  for (const auto& [name, topic] : topics_) names.insert(name);
  return names;
}

void EventHub::hand_out(Topic& topic, const EventText& text) {
  for (const auto& listener : topic.sinks)
    if (const auto sink = listener.lock()) sink->take(text);
}

void EventHub::publish(const std::string& topic, std::string whole, std::string difference) {
  const std::lock_guard lock(mutex_);
  const auto known = topics_.find(topic);
  if (known == topics_.end()) return;
  const bool first = !known->second.whole;
  known->second.whole = std::make_shared<const std::string>(std::move(whole));
  if (first)
    hand_out(known->second, known->second.whole);
  else if (!difference.empty())
    hand_out(known->second, std::make_shared<const std::string>(std::move(difference)));
}

void EventHub::keep_alive() {
  const auto comment = std::make_shared<const std::string>(":\n\n");
  const std::lock_guard lock(mutex_);
  for (auto& [name, topic] : topics_) hand_out(topic, comment);
}

void EventHub::release() {
  const std::lock_guard lock(mutex_);
  topics_.clear();
}

std::size_t EventHub::listeners() {
  const std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (const auto& [name, topic] : topics_)
    count += static_cast<std::size_t>(std::count_if(
        topic.sinks.begin(), topic.sinks.end(), [](const auto& sink) { return !sink.expired(); }));
  return count;
}

std::string event_text(const std::string& name, const std::string& data) {
  return fmt::format("event: {}\ndata: {}\n\n", name, data);
}

}  // namespace alisio::web
