#include "lib/night/production.hpp"

#include <algorithm>
#include <vector>

namespace alisio::night {
namespace {

/// Return the productions of a night, the first that was begun first.
std::vector<std::string> productions_of(State& state, const NightKey& night) {
  sqlite::Database& database = state.database();
  std::string begun =
      "SELECT prod_id, started_at AS at FROM process WHERE telescope = ?1 AND date = ?2 UNION ALL "
      "SELECT prod_id, ended_at FROM job WHERE telescope = ?1 AND date = ?2 AND ended_at != ''";
  if (database.has_table("closing"))
    begun +=
        " UNION ALL SELECT prod_id, started_at FROM closing WHERE telescope = ?1 AND date = ?2";
  sqlite::Statement query = database.prepare("SELECT prod_id FROM (" + begun +
                                             ") GROUP BY prod_id ORDER BY min(at), prod_id");
  query.bind(night.telescope, night.date.compact());
  std::vector<std::string> productions;
  while (query.step()) productions.push_back(query.text(0));
  return productions;
}

}  // namespace

std::string production_of(State& state, const NightKey& configured) {
  const std::vector<std::string> productions = productions_of(state, configured);
  const bool has_it =
      std::find(productions.begin(), productions.end(), configured.prod_id) != productions.end();
  return has_it || productions.empty() ? configured.prod_id : productions.front();
}

}  // namespace alisio::night
