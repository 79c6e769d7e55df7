#include "lib/night/messenger.hpp"

#include <algorithm>
#include <chrono>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/base/now.hpp"
#include "lib/night/words.hpp"

namespace alisio::night {
namespace {

/// A stall is noticed within this part of its time.
constexpr double looks_in_stall = 4;

/// Return when failures of a night were last told, unix s; 0: never.
double failures_told_at(State& state, const NightKey& night) {
  sqlite::Statement query = state.database().prepare(
      "SELECT coalesce(max(at), '') FROM notification WHERE telescope = ? AND date = ? AND "
      "prod_id = ? AND mark LIKE '%job_failed %'");
  query.bind(night.telescope, night.date.compact(), night.prod_id);
  return query.step() ? unix_seconds(query.text(0)) : 0;
}

/// What was told in the time before there were channels was told on all of them.
std::string on_channel(const std::string& channel, const std::string& mark) {
  return channel + ": " + mark;
}

}  // namespace

Messenger::Messenger(State& state, NightKey night, NotifyOptions options)
    : state_(state),
      night_(std::move(night)),
      options_(std::move(options)),
      channels_(channels_of(options_)),
      failures_(options_.gather_s, options_.interval_s),
      looked_at_(now_unix_utc_s()),
      outbox_(
          options_.time_limit_s, [this](const Outbox::Letter& letter) { remember(letter.marks); },
          [this](const Outbox::Letter& letter) { forget(letter.marks); }) {
  if (channels_.empty()) return;
  sqlite::Statement query = state_.database().prepare(
      "SELECT mark FROM notification WHERE telescope = ? AND date = ? AND prod_id = ?");
  query.bind(night_.telescope, night_.date.compact(), night_.prod_id);
  while (query.step()) told_.insert(query.text(0));
  failures_.told(failures_told_at(state_, night_));
}

bool Messenger::is_told(const std::string& mark, const std::string& channel) const {
  return told_.contains(mark) || told_.contains(on_channel(channel, mark));
}

void Messenger::remember(const std::vector<std::string>& marks) {
  sqlite::Transaction transaction(state_.database());
  sqlite::Statement write = state_.database().prepare(
      "INSERT OR REPLACE INTO notification (telescope, date, prod_id, mark, at) "
      "VALUES (?, ?, ?, ?, ?)");
  for (const std::string& mark : marks)
    write.bind(night_.telescope, night_.date.compact(), night_.prod_id, mark, utc_now_text()).run();
  transaction.commit();
  told_.insert(marks.begin(), marks.end());
}

void Messenger::forget(const std::vector<std::string>& marks) {
  try {
    sqlite::Transaction transaction(state_.database());
    sqlite::Statement strike = state_.database().prepare(
        "DELETE FROM notification WHERE telescope = ? AND date = ? AND prod_id = ? AND mark = ?");
    for (const std::string& mark : marks)
      strike.bind(night_.telescope, night_.date.compact(), night_.prod_id, mark).run();
    transaction.commit();
  } catch (const Error& error) {
    spdlog::warn("it will not be told again: {}", error.what());
  }
  for (const std::string& mark : marks) told_.erase(mark);
}

void Messenger::put(const NightEvent& event, const std::string& channel) {
  std::vector<EventItem> items;
  std::vector<std::string> marks;
  for (const EventItem& item : event.items) {
    if (!item.mark.empty()) {
      if (is_told(item.mark, channel)) continue;
      marks.push_back(on_channel(channel, item.mark));
    }
    items.push_back(item);
  }
  if (marks.empty()) return;
  const Message message = message_of(event, items);
  outbox_.put(
      {channel, delivery_of(message, channel, options_), std::move(marks), message.subject()});
}

void Messenger::put(const std::vector<NightEvent>& events) {
  for (const NightEvent& event : events)
    if (options_.wants(event.kind))
      for (const std::string& channel : channels_) put(event, channel);
}

void Messenger::look(std::size_t troubled, bool paused) {
  if (channels_.empty() || !outbox_.deliver()) return;
  const double now = now_unix_utc_s();
  const bool failed = failures_.due(troubled, now);
  const double period =
      std::min(std::max(options_.interval_s, 1.0), options_.stalled_after_s / looks_in_stall);
  if (!failed && now - looked_at_ < period) return;
  looked_at_ = now;
  const std::optional<NightStatus> status = read_status(state_, night_);
  if (!status) return;
  std::vector<NightEvent> events = events_meanwhile(*status, options_.stalled_after_s, now);
  std::erase_if(events, [&](const NightEvent& event) {
    return (event.kind == "job_failed" && !failed) || (event.kind == "night_stalled" && paused);
  });
  put(events);
  if (failed) failures_.told(now);
  outbox_.deliver();
}

void Messenger::tell(const std::vector<NightEvent>& events) {
  put(events);
  outbox_.deliver_all();
}

void Messenger::finish(const PassEnd& end) {
  if (channels_.empty()) return;
  outbox_.deliver_all();
  const double now = now_unix_utc_s();
  const std::optional<NightStatus> status = read_status(state_, night_);
  if (!status) return;
  std::vector<NightEvent> events = events_meanwhile(*status, options_.stalled_after_s, now);
  const bool later = end.next_pass_follows && end.closed_at.empty() && failures_.too_soon(now);
  std::erase_if(events, [&](const NightEvent& event) {
    return (event.kind == "job_failed" && later) || (event.kind == "night_stalled" && end.paused);
  });
  put(events);
  if (!end.night_goes_on) put(events_at_end(*status, end.closed_at));
  outbox_.deliver_all();
}

}  // namespace alisio::night
