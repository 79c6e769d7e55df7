#include "lib/night/open_nights.hpp"

#include <chrono>
#include <nlohmann/json.hpp>

#include "lib/night/night.hpp"

namespace alisio::night {
namespace {

std::chrono::sys_days day_of(const NightDate& night) {
  return std::chrono::year(night.year) / night.month / night.day;
}

}  // namespace

std::vector<NightDate> open_nights_before(const NightDate& last,
                                          const config::Configuration& configuration) {
  std::vector<NightDate> open;
  auto state = State::open_read_only(configuration.path("paths.state"));
  if (!state) return open;
  const std::chrono::days look_back(configuration.integer("daemon.look_back_days"));
  const auto telescope = static_cast<int>(configuration.integer("telescope"));
  const bool closes = configuration.boolean("closing.auto");
  for (const ShownNight& record : state->nights()) {
    const auto age = day_of(last) - day_of(record.key.date);
    if (record.key.telescope != telescope || age <= std::chrono::days(0) || age > look_back)
      continue;
    // One that was begun under another name goes on under it.
    if (night_key(configuration, record.key.date, "").prod_id != record.key.prod_id) continue;
    if (const auto closing = state->closing(record.key); closing && closing->closed()) continue;
    const std::optional<NightRecord> shown = state->night(record.key);
    const auto summary =
        nlohmann::json::parse(shown ? shown->summary : std::string(), nullptr, false);
    const bool complete = summary.is_object() && summary.value("complete", false);
    if (!complete || closes) open.push_back(record.key.date);
  }
  return open;
}

}  // namespace alisio::night
