#include "lib/web/state_watcher.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <condition_variable>
#include <mutex>

#include "lib/base/json_text.hpp"

namespace alisio::web {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

/// Time passes without a change of the state too: estimates age, processes are lost.
constexpr auto read_anyway_after = std::chrono::seconds(10);
constexpr auto keep_alive_every = std::chrono::seconds(15);
constexpr int most_telescopes = 4;

/// Count the jobs of a night as `alisio status` does: all of them, the night's own too.
json job_counts(night::State& state, const night::NightKey& night) {
  sqlite::Statement query = state.database().prepare(
      "SELECT status, count(*) FROM step WHERE telescope = ? AND date = ? AND prod_id = ? "
      "GROUP BY status");
  query.bind(night.telescope, night.date.compact(), night.prod_id);
  std::int64_t done = 0, failed = 0, open = 0;
  while (query.step()) {
    const std::string status = query.text(0);
    if (status == "done")
      done += query.integer(1);
    else if (status == "failed" || status == "blocked" || status == "missing input")
      failed += query.integer(1);
    else if (status != "vetoed")
      open += query.integer(1);
  }
  return {{"done", done}, {"failed", failed}, {"open", open}};
}

json night_line(night::State& state, const night::ShownNight& record) {
  json night{{"date", record.key.date.compact()},
             {"prod_id", record.key.prod_id},
             {"telescope", record.key.telescope},
             {"updated_at", record.updated_at}};
  const std::optional<night::NightRecord> shown = state.night(record.key);
  const json summary = json::parse(shown ? shown->summary : std::string(), nullptr, false);
  const bool told = summary.is_object();
  night["complete"] = told && summary.value("complete", false);
  night["open_until"] = told ? summary.value("open_until", "") : "";
  night["troubles"] = told ? summary.value("troubles", json::array()).size() : 0;
  std::int64_t runs = 0, subruns = 0, events = 0;
  for (const json& line : told ? summary.value("runs", json::array()) : json::array()) {
    ++runs;
    subruns += line.value("subruns", 0);
    events += line.value("events", std::int64_t{0});
  }
  night.update({{"runs", runs}, {"subruns", subruns}, {"events", events}});
  night.update(job_counts(state, record.key));
  return night;
}

}  // namespace

std::string topic_of(const night::NightKey& night) {
  return night.date.compact() + '/' + night.prod_id;
}

json nights_document(night::State& state, NightsMemory& memory) {
  json nights = json::array();
  const std::scoped_lock lock(memory.mutex);
  for (const night::ShownNight& record : state.nights()) {
    auto& [updated_at, known] =
        memory.known[fmt::format("{} {}", record.key.telescope, topic_of(record.key))];
    if (known.is_null() || updated_at != record.updated_at) {
      known = night_line(state, record);
      updated_at = record.updated_at;
    }
    nights.push_back(known);
  }
  return {{"nights", std::move(nights)}};
}

std::optional<night::NightKey> find_night(night::State& state, const std::string& date,
                                          const std::string& prod_id) {
  const auto night = NightDate::try_parse(date);
  if (!night || night->compact() != date) return std::nullopt;
  for (int telescope = 1; telescope <= most_telescopes; ++telescope)
    if (const auto record = state.night({telescope, *night, prod_id})) return record->key;
  return std::nullopt;
}

StateWatcher::StateWatcher(std::filesystem::path state_folder, std::shared_ptr<EventHub> hub,
                           View view, std::chrono::milliseconds period)
    : folder_(std::move(state_folder)),
      hub_(std::move(hub)),
      view_(std::move(view)),
      period_(period),
      kept_alive_at_(Clock::now()),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void StateWatcher::run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::string told;
  while (!stop.stop_requested()) {
    try {
      look();
      told.clear();
    } catch (const std::exception& error) {
      // The state may be away for a moment (being replaced, its disk full): the page says what it
      // last knew.
      if (told != error.what()) spdlog::warn("the state cannot be read: {}", error.what());
      told = error.what();
      state_.reset();
    }
    std::unique_lock lock(mutex);
    woken.wait_for(lock, stop, period_, [] { return false; });
  }
}

void StateWatcher::look() {
  const Clock::time_point now = Clock::now();
  if (now - kept_alive_at_ > keep_alive_every) {
    hub_->keep_alive();
    kept_alive_at_ = now;
  }
  const std::map<std::string, bool> topics = hub_->begin_round();
  std::erase_if(told_, [&](const auto& entry) { return !topics.contains(entry.first); });
  if (topics.empty()) return;
  if (!open()) return;
  const std::int64_t version = state_->data_version();
  const bool changed = version != version_ || now - read_at_ > read_anyway_after;
  for (const auto& [topic, waited_for] : topics) {
    if (changed || !told_.contains(topic)) tell(topic);
    if (waited_for) hub_->welcome(topic);
  }
  if (changed) {
    version_ = version;
    read_at_ = now;
  }
}

/// Have the state open that stands there now. Return false if there is none.
bool StateWatcher::open() {
  const auto stamp = night::stamp_of(folder_ / "alisio.sqlite");
  if (stamp && state_ && stamp->inode == inode_) return true;
  state_.reset();
  version_ = -1;
  if (!stamp) return false;
  state_ = night::State::open_read_only(folder_);
  inode_ = stamp->inode;
  return state_.has_value();
}

void StateWatcher::tell(const std::string& topic) {
  std::optional<Fragments> view = view_(*state_, topic);
  if (!view) return;
  const auto known = told_.find(topic);
  const bool first = known == told_.end();
  const json difference = first ? json() : fragment_difference(known->second, *view);
  if (!first && difference.empty()) return;
  hub_->publish(topic, event_text("whole", json_text(all_fragments(*view))),
                first ? "" : event_text("change", json_text(difference)));
  told_[topic] = std::move(*view);
}

}  // namespace alisio::web
