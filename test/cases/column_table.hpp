#pragma once
#include <map>
#include <string>
#include <vector>

#include "lib/io/hdf5/table.hpp"

namespace alisio {

/// Numbers by column, all columns of one length.
using Columns = std::map<std::string, std::vector<double>>;

/// Write columns as a table: the inputs that cases make.
inline void write_table(hdf5::File& file, const std::string& path, const Columns& columns) {
  hdf5::TableSpec spec;
  spec.path = path;
  std::vector<hdf5::ColumnSource> sources;
  std::size_t rows = 0;
  for (const auto& [name, values] : columns) {
    hdf5::ColumnSpec column;
    column.name = name;
    spec.columns.push_back(column);
    sources.push_back(hdf5::ColumnSource::of(values));
    rows = values.size();
  }
  hdf5::TableWriter table(file, spec);
  if (rows > 0) table.append(rows, sources);
  table.finish();
}

}  // namespace alisio
