#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "calib/constants/constants.hpp"
#include "calib/drs4/readout.hpp"
#include "lib/base/large_vector.hpp"

namespace alisio::calib::drs4 {

/// High-gain baselines of the capacitors in a byte each, a module's in one piece: all of them pass
/// through the cache for each block of events, as fast as memory gives them.
class NarrowBaselines {
 public:
  NarrowBaselines() = default;
  /// @param pixel_ids [module][pixel of the module], all in `pedestal`
  NarrowBaselines(const Drs4Pedestal& pedestal, std::span<const std::uint16_t> pixel_ids);

  /// Return what a pixel's baselines lie above base_of(), ADC counts, [capacitor] padded as in
  /// Drs4Pedestal; nullptr if they spread over more than a byte holds.
  /// @param position in the read-out
  [[nodiscard]] const std::uint8_t* row_of(std::size_t position) const {
    return is_wide_[position] != 0 ? nullptr : &above_base_[position * Drs4Pedestal::row];
  }
  /// Return the least baseline of a pixel, ADC counts.
  [[nodiscard]] std::int16_t base_of(std::size_t position) const { return base_[position]; }
  /// Return the rows of a module's pixels.
  [[nodiscard]] std::span<const std::uint8_t> of_module(std::size_t module) const {
    constexpr std::size_t n = readout::pixels_per_module * Drs4Pedestal::row;
    return std::span(above_base_).subspan(module * n, n);
  }

 private:
  LargeVector<std::uint8_t> above_base_;  ///< [position][capacitor]
  std::vector<std::int16_t> base_;        ///< [position]
  std::vector<std::uint8_t> is_wide_;     ///< [position]
};

}  // namespace alisio::calib::drs4
