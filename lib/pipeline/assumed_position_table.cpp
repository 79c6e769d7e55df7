#include "lib/pipeline/assumed_position_table.hpp"

#include <fmt/format.h>

namespace alisio::pipeline {

std::vector<std::string> assumed_positions_of(const hdf5::TableReader& table) {
  const std::string on = "on", head = "('off_", tail = "', 'alpha')";
  if (!table.has_column(column_of_position(on, "alpha"))) return {};
  std::vector<std::string> names{on};
  for (const hdf5::ColumnInfo& column : table.columns())
    if (column.name.starts_with(head) && column.name.ends_with(tail))
      names.push_back(column.name.substr(2, column.name.size() - 2 - tail.size()));
  return names;
}

std::string column_of_position(const std::string& position, const std::string& quantity) {
  return fmt::format("('{}', '{}')", position, quantity);
}

}  // namespace alisio::pipeline
