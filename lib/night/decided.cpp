#include "lib/night/decided.hpp"

#include <fmt/format.h>

namespace alisio::night {

std::string decided_mark(State& state, const NightDate& night) {
  sqlite::Database& database = state.database();
  std::string mark;
  // A state that is only looked at may be older than a table.
  for (const auto& [table, changes] : {std::pair{"decision", "count(*) + count(ended_at)"},
                                       std::pair{"closing", "count(nullif(reopened_at, ''))"}}) {
    sqlite::Statement known =
        database.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?");
    if (!known.bind(table).step()) continue;
    sqlite::Statement query =
        database.prepare(fmt::format("SELECT {} FROM {} WHERE date = ?", changes, table));
    if (query.bind(night.compact()).step() && query.integer(0) > 0)
      mark += fmt::format(" {} {}", table, query.integer(0));
  }
  return mark;
}

}  // namespace alisio::night
