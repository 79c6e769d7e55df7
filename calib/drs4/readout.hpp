#pragma once
#include <array>
#include <cstddef>

#include "calib/constants/constants.hpp"

/// How LST's camera reads its pixels out: the numbers of the Dragon boards and their DRS4 chips.
/// They are properties of the electronics, so they are code.
namespace alisio::calib::readout {

inline constexpr std::size_t pixels_per_module = 7;
inline constexpr std::size_t chips_per_module = 8;
/// Chip of each pixel of a module, high and low gain.
inline constexpr std::array<std::array<std::size_t, pixels_per_module>, n_gains> chip_of_pixel{
    {{0, 0, 1, 1, 2, 2, 3}, {4, 4, 5, 5, 6, 6, 7}}};

inline constexpr std::size_t n_samples = 40;
inline constexpr std::size_t first_kept_sample = 3;  ///< the samples at both ends are noisy
inline constexpr std::size_t n_kept_samples = 36;
inline constexpr std::size_t n_spike_samples = 3;  ///< of each spike that a readout leaves behind

/// Ticks of the module clock (133 MHz) in a millisecond.
inline constexpr double clock_ticks_per_ms = 133e3;

}  // namespace alisio::calib::readout
