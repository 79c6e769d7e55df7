#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

#include "lib/base/ids.hpp"

namespace alisio::pipeline {

/// Read the ids of a subrun's interleaved pedestals, ascending, from a file as find-pedestals or
/// lstchain_find_pedestals writes it: table `/interleaved_pedestal_ids` of obs_id and event_id.
/// @throws Error(missing_input, bad_input), the latter also if the file is of other runs only, or
/// its name tells another subrun.
[[nodiscard]] std::vector<std::int64_t> read_pedestal_ids(const std::filesystem::path& file,
                                                          const SubrunId& subrun);

}  // namespace alisio::pipeline
