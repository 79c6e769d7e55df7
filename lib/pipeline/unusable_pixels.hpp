#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lib/io/hdf5/file.hpp"

namespace alisio::pipeline {

/// Return 1 for each pixel that is flagged in either gain: a pixel whose image may come from either
/// is as good as the worse of them.
/// @param flags [gain][pixel], nonzero: unusable; empty, as is then what is returned: not known
/// @param where the file that they are of
/// @throws Error(bad_input) if there are not two gains of `n_pixels`.
[[nodiscard]] std::vector<std::uint8_t> flagged_in_either_gain(std::span<const std::uint8_t> flags,
                                                               std::size_t n_pixels,
                                                               const std::string& where);

/// Return the pixels that the calibration of a DL1 file (the first row of its calibration table)
/// calls unusable in either gain.
/// @return [pixel], 1: unusable; empty if the file has no such table, row or column.
/// @throws Error(bad_input) if the flags are not those of this camera.
[[nodiscard]] std::vector<std::uint8_t> unusable_in_dl1(const hdf5::File& dl1,
                                                        std::size_t n_pixels);

}  // namespace alisio::pipeline
