#include "lib/web/event_hub.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace alisio::web {

void EventHub::listen(const std::string& topic, const std::shared_ptr<EventSink>& sink) {
  const std::lock_guard lock(mutex_);
  topics_[topic].come.push_back(sink);
}

std::map<std::string, bool> EventHub::begin_round() {
  const std::lock_guard lock(mutex_);
  std::map<std::string, bool> waited_for;
  for (auto topic = topics_.begin(); topic != topics_.end();) {
    auto& [whole, come, waiting, told] = topic->second;
    waiting.insert(waiting.end(), come.begin(), come.end());
    come.clear();
    for (Sinks* sinks : {&waiting, &told})
      std::erase_if(*sinks, [](const auto& sink) { return sink.expired(); });
    if (waiting.empty() && told.empty()) {
      topic = topics_.erase(topic);
      continue;
    }
    waited_for[topic->first] = !waiting.empty();
    topic = std::next(topic);
  }
  return waited_for;
}

void EventHub::hand_out(const Sinks& sinks, const EventText& text) {
  for (const auto& listener : sinks)
    if (const auto sink = listener.lock()) sink->take(text);
}

void EventHub::hand_whole(Topic& topic) {
  if (!topic.whole) return;
  hand_out(topic.waiting, topic.whole);
  topic.told.insert(topic.told.end(), topic.waiting.begin(), topic.waiting.end());
  topic.waiting.clear();
}

void EventHub::publish(const std::string& topic, std::string whole, const std::string& difference) {
  const std::lock_guard lock(mutex_);
  const auto known = topics_.find(topic);
  if (known == topics_.end()) return;
  known->second.whole = std::make_shared<const std::string>(std::move(whole));
  if (!difference.empty())
    hand_out(known->second.told, std::make_shared<const std::string>(difference));
  hand_whole(known->second);
}

void EventHub::welcome(const std::string& topic) {
  const std::lock_guard lock(mutex_);
  if (const auto known = topics_.find(topic); known != topics_.end()) hand_whole(known->second);
}

void EventHub::keep_alive() {
  const auto comment = std::make_shared<const std::string>(":\n\n");
  const std::lock_guard lock(mutex_);
  for (const auto& [name, topic] : topics_)
    for (const Sinks* sinks : {&topic.come, &topic.waiting, &topic.told}) hand_out(*sinks, comment);
}

void EventHub::release() {
  const std::lock_guard lock(mutex_);
  topics_.clear();
}

std::size_t EventHub::listeners() {
  const std::lock_guard lock(mutex_);
  std::ptrdiff_t count = 0;
  for (const auto& [name, topic] : topics_)
    for (const Sinks* sinks : {&topic.come, &topic.waiting, &topic.told})
      count += std::count_if(sinks->begin(), sinks->end(),
                             [](const auto& sink) { return !sink.expired(); });
  return static_cast<std::size_t>(count);
}

std::string event_text(const std::string& name, const std::string& data) {
  return fmt::format("event: {}\ndata: {}\n\n", name, data);
}

}  // namespace alisio::web
