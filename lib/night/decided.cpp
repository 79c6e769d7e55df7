#include "lib/night/decided.hpp"

#include <fmt/format.h>

namespace alisio::night {

std::string decided_mark(State& state, const NightDate& night) {
  sqlite::Database& database = state.database();
  std::string mark;
  for (const auto& [table, changes] : {std::pair{"decision", "count(*) + count(ended_at)"},
                                       std::pair{"closing", "count(nullif(reopened_at, ''))"}}) {
    if (!database.has_table(table)) continue;
    sqlite::Statement query =
        database.prepare(fmt::format("SELECT {} FROM {} WHERE date = ?", changes, table));
    if (query.bind(night.compact()).step() && query.integer(0) > 0)
      mark += fmt::format(" {} {}", table, query.integer(0));
  }
  return mark;
}

}  // namespace alisio::night
