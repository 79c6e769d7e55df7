#include "lib/night/instant.hpp"

#include <algorithm>
#include <cmath>

#include "lib/night/decision.hpp"
#include "lib/night/words.hpp"

namespace alisio::night {

std::string utc_now_after(const std::string& latest) {
  const std::string now = utc_now_text();
  if (now > latest) return now;
  const double latest_s = unix_seconds(latest);
  return latest_s == 0 ? now : utc_text(std::llround(latest_s * 1e6) + 1);
}

std::string latest_instant(State& state, const NightKey& night) {
  sqlite::Statement query = state.database().prepare(
      "SELECT coalesce(max(ended_at), '') FROM job WHERE telescope = ? AND date = ? AND prod_id = "
      "?");
  query.bind(night.telescope, night.date.compact(), night.prod_id);
  std::string latest = query.step() ? query.text(0) : "";
  for (const Decision& decision : all_decisions(state, night))
    latest = std::max(latest, decision.at);
  return latest;
}

}  // namespace alisio::night
