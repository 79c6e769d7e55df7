#include "calib/drs4/narrow_baselines.hpp"

#include <algorithm>
#include <limits>

namespace alisio::calib::drs4 {

NarrowBaselines::NarrowBaselines(const Drs4Pedestal& pedestal,
                                 std::span<const std::uint16_t> pixel_ids)
    : above_base_(pixel_ids.size() * Drs4Pedestal::row),
      base_(pixel_ids.size()),
      is_wide_(pixel_ids.size()) {
  for (std::size_t position = 0; position < pixel_ids.size(); ++position) {
    const std::int16_t* const row = &pedestal.baseline[pixel_ids[position] * Drs4Pedestal::row];
    const auto [least, most] = std::minmax_element(row, row + Drs4Pedestal::row);
    const int base = *least;
    base_[position] = *least;
    is_wide_[position] = *most - base > std::numeric_limits<std::uint8_t>::max() ? 1 : 0;
    std::uint8_t* const out = &above_base_[position * Drs4Pedestal::row];
    for (std::size_t c = 0; c < Drs4Pedestal::row; ++c)
      out[c] = static_cast<std::uint8_t>(row[c] - base);
  }
}

}  // namespace alisio::calib::drs4
