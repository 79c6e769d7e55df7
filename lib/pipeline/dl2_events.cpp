#include "lib/pipeline/dl2_events.hpp"

#include "lib/pipeline/dl1_layout.hpp"

namespace alisio::pipeline {

Dl2EventReader::Dl2EventReader(const hdf5::File& file) : table_(file, dl2_parameters_path) {}

dl3::Events Dl2EventReader::read(std::uint64_t first, std::size_t n,
                                 const std::vector<std::string>& columns) const {
  const hdf5::Rows rows = table_.read(first, n);
  dl3::Events events;
  events.n = rows.size();
  for (const std::string& name : columns) rows.column_into(name, events.columns[name]);
  return events;
}

}  // namespace alisio::pipeline
