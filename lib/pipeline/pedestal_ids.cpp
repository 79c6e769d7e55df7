#include "lib/pipeline/pedestal_ids.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/error.hpp"
#include "lib/io/hdf5/table.hpp"

namespace alisio::pipeline {

std::vector<std::int64_t> read_pedestal_ids(const std::filesystem::path& path, int run) {
  constexpr const char* table = "/interleaved_pedestal_ids";
  const hdf5::File file = hdf5::File::open(path);
  const hdf5::Rows rows = hdf5::TableReader(file, table).read_all();
  const auto runs = rows.column<std::int64_t>("obs_id");
  const auto events = rows.column<std::int64_t>("event_id");
  std::vector<std::int64_t> ids;
  for (std::size_t i = 0; i < runs.size(); ++i)
    if (runs[i] == run) ids.push_back(events[i]);
  if (ids.empty() && !runs.empty())
    throw Error(ErrorKind::bad_input,
                fmt::format("holds the pedestals of run {}, not of run {}", runs.front(), run),
                path.string() + ", " + table, "give the file of this run");
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace alisio::pipeline
