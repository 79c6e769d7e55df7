#pragma once
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "lib/night/state.hpp"
#include "lib/web/event_hub.hpp"
#include "lib/web/fragments.hpp"

namespace alisio::web {

/// Return the topic of a night's events, "20240115/v1", and of the list of nights, "nights".
[[nodiscard]] std::string topic_of(const night::NightKey& night);
inline constexpr const char* nights_topic = "nights";

/// What the list of nights says of each, by when it was shown: a season is long, and most of it
/// stays as it is. Safe to use from any thread.
struct NightsMemory {
  std::mutex mutex;
  std::map<std::string, std::pair<std::string, nlohmann::json>> known;
};

/// Return the list of nights as their page shows it: {"nights": [{date, prod_id, telescope,
/// updated_at, open_until, complete, troubles, runs, subruns, done, failed, open, events}]}.
/// @param memory of earlier calls; nights that have not changed are taken from it.
[[nodiscard]] nlohmann::json nights_document(night::State& state, NightsMemory& memory);

/// Find the night of a topic or of a page's address.
[[nodiscard]] std::optional<night::NightKey> find_night(night::State& state,
                                                        const std::string& date,
                                                        const std::string& prod_id);

/// Looks for changes of the state once a second, one for all who listen, and tells them the
/// differences: events "whole" and "change", both {id: element}. Of nights that nobody listens to,
/// nothing is read.
class StateWatcher {
 public:
  /// Draws what the listeners of a topic see; nothing if there is no such night.
  using View = std::function<std::optional<Fragments>(night::State&, const std::string& topic)>;

  StateWatcher(std::filesystem::path state_folder, std::shared_ptr<EventHub> hub, View view,
               std::chrono::milliseconds period = std::chrono::seconds(1));
  /// Stop looking.
  ~StateWatcher() = default;
  StateWatcher(const StateWatcher&) = delete;
  StateWatcher& operator=(const StateWatcher&) = delete;

 private:
  void run(const std::stop_token& stop);
  void look();
  [[nodiscard]] bool open();
  void tell(const std::string& topic);

  std::filesystem::path folder_;
  std::shared_ptr<EventHub> hub_;
  View view_;
  std::chrono::milliseconds period_;
  std::map<std::string, Fragments> told_;  ///< by topic: what those who listen know
  std::optional<night::State> state_;      ///< kept open: SQLite tells it of the others' commits
  std::uint64_t inode_ = 0;                ///< of its file: it may be replaced by another
  std::int64_t version_ = -1;              ///< of its data, when last looked at
  std::chrono::steady_clock::time_point read_at_, kept_alive_at_;
  std::jthread thread_;  ///< last: it uses all of the above
};

}  // namespace alisio::web
