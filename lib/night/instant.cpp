#include "lib/night/instant.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "lib/night/decision.hpp"

namespace alisio::night {

std::string utc_now_after(const std::string& latest) {
  const std::string now = utc_now_text();
  if (now > latest) return now;
  std::tm parts{};
  long microsecond = 0;
  if (std::sscanf(latest.c_str(), "%d-%d-%dT%d:%d:%d.%6ldZ", &parts.tm_year, &parts.tm_mon,
                  &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &microsecond) != 7)
    return now;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  constexpr long second = 1'000'000;
  ++microsecond;
  const std::time_t whole = timegm(&parts) + microsecond / second;
  gmtime_r(&whole, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     microsecond % second);
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
