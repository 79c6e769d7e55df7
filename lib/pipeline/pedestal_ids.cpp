#include "lib/pipeline/pedestal_ids.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "lib/base/error.hpp"
#include "lib/base/run_file_name.hpp"
#include "lib/io/hdf5/table.hpp"

namespace alisio::pipeline {

std::vector<std::int64_t> read_pedestal_ids(const std::filesystem::path& path,
                                            const SubrunId& subrun) {
  if (const std::optional<RunFileName> told = parse_run_file_name(path);
      told && told->subrun && told->has_usual_digits &&
      (told->run != subrun.run || *told->subrun != subrun.subrun))
    throw Error(ErrorKind::bad_input,
                fmt::format("its name tells the pedestals of {}.{}, not of {}", run_text(told->run),
                            subrun_text(*told->subrun), run_subrun_text(subrun)),
                path.string(), "give the file of this subrun");
  constexpr const char* table = "/interleaved_pedestal_ids";
  const hdf5::File file = hdf5::File::open(path);
  const hdf5::Rows rows = hdf5::TableReader(file, table).read_all();
  const auto runs = rows.column<std::int64_t>("obs_id");
  const auto events = rows.column<std::int64_t>("event_id");
  std::vector<std::int64_t> ids;
  for (std::size_t i = 0; i < runs.size(); ++i)
    if (runs[i] == subrun.run) ids.push_back(events[i]);
  if (ids.empty() && !runs.empty())
    throw Error(
        ErrorKind::bad_input,
        fmt::format("holds the pedestals of run {}, not of run {}", runs.front(), subrun.run),
        path.string() + ", " + table, "give the file of this run");
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace alisio::pipeline
