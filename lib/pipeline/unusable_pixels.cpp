#include "lib/pipeline/unusable_pixels.hpp"

#include <fmt/format.h>

#include "lib/base/error.hpp"
#include "lib/io/hdf5/table.hpp"
#include "lib/pipeline/dl1_layout.hpp"

namespace alisio::pipeline {

std::vector<std::uint8_t> flagged_in_either_gain(std::span<const std::uint8_t> flags,
                                                 std::size_t n_pixels, const std::string& where) {
  if (flags.empty()) return {};
  if (flags.size() != 2 * n_pixels)
    throw Error(ErrorKind::bad_input,
                fmt::format("'unusable_pixels' holds {} values, not 2 gains of {} pixels",
                            flags.size(), n_pixels),
                where, "give the telescope's own files");
  std::vector<std::uint8_t> either(n_pixels);
  for (std::size_t i = 0; i < n_pixels; ++i)
    either[i] = flags[i] != 0 || flags[n_pixels + i] != 0 ? 1 : 0;
  return either;
}

std::vector<std::uint8_t> unusable_in_dl1(const hdf5::File& dl1, std::size_t n_pixels) {
  if (!dl1.exists(calibration_path)) return {};
  const hdf5::TableReader table(dl1, calibration_path);
  if (table.row_count() == 0 || !table.has_column("unusable_pixels")) return {};
  return flagged_in_either_gain(table.read(0, 1).arrays<std::uint8_t>("unusable_pixels"), n_pixels,
                                dl1.path().string());
}

}  // namespace alisio::pipeline
