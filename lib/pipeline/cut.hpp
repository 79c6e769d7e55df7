#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

#include "lib/io/hdf5/file.hpp"
#include "lib/stage/runner.hpp"

namespace alisio::pipeline {

/// Return to how many events --max-events cut what a product holds, 0 if it was not cut.
[[nodiscard]] std::int64_t max_events_of(const hdf5::File& product);

/// Let a stage's products inherit the cut of an input, or of several that are joined. Call before
/// they are created. @throws Error(missing_input, bad_input), also if some of those that are joined
/// are cut and others are not.
void inherit_cut(stage::StageRun& run, const hdf5::File& input);
void inherit_cut(stage::StageRun& run, const std::vector<std::filesystem::path>& joined);

}  // namespace alisio::pipeline
