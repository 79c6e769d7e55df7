#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "lib/instrument/telescope.hpp"

namespace alisio::sim {

/// The read-out chain of the camera: DRS4 chips with four cascaded channels of 1024 cells a pixel.
namespace drs4 {
constexpr std::size_t gains = 2;
constexpr std::size_t channel_cells = 1024;
constexpr std::size_t cells = 4 * channel_cells;  ///< the ring of one pixel and gain
constexpr std::size_t module_pixels = 7;
constexpr std::size_t module_chips = 8;
constexpr std::size_t harmonics = 5;          ///< of the sampling delays that are simulated
constexpr double clock_ticks_per_ms = 133e3;  ///< module clock
}  // namespace drs4

/// The camera as the simulation believes it to be: everything that calibration has to find out.
/// Arrays are indexed [gain * n_pixels + pixel], pixels in the order of the geometry.
struct CameraModel {
  instrument::Telescope telescope;
  std::size_t n_pixels = 0, n_modules = 0, n_chips = 0, n_samples = 0;
  double sample_ns = 0;  ///< ns per sample

  std::vector<std::uint16_t> pixel_of_position;  ///< [read-out position]

  std::vector<float> gain;                  ///< area of a single photo-electron, ADC x samples
  std::vector<float> noise;                 ///< electronic noise, ADC
  std::vector<std::int16_t> baseline;       ///< [gain * n_pixels + pixel][cell], ADC
  std::vector<float> spike;                 ///< [gain * n_pixels + pixel][3], ADC
  std::vector<float> delay_cos, delay_sin;  ///< [gain * n_pixels + pixel][harmonic 1..], ns
  std::vector<float> efficiency;            ///< [pixel], relative photon detection efficiency
  std::vector<float> transit_time;          ///< [pixel], ns
  std::vector<float> night_sky;             ///< [pixel], p.e./ns
  std::vector<std::uint16_t> clock_offset;  ///< [module], ticks

  std::uint16_t dead_pixel = 0;                  ///< flat in data runs
  std::uint16_t noisy_pixel = 0;                 ///< electronic noise five times larger
  std::array<std::uint16_t, 2> strong_pixels{};  ///< gain 1.8 times larger
  std::array<std::uint16_t, 2> star_pixels{};    ///< bright night sky
};

/// Squared excess noise factor of the photomultipliers, and the gamma shape that has it.
constexpr double excess_noise_squared = 1.222;
constexpr double single_pe_shape = 1.0 / (excess_noise_squared - 1.0);
/// Photo-electrons of a flat-field flash in a pixel of mean efficiency.
constexpr double flat_field_pe = 75.0;
/// Spread of the arrival times of photo-electrons, ns.
constexpr double arrival_spread_ns = 0.7;
/// Time of a signal in the read-out window, ns.
constexpr double signal_time_ns = 20.5;

/// Make the camera of one seed. @param cfg_folder holds camera/LSTCam.
/// @throws Error(missing_input, bad_input) if camera data are absent or do not fit.
[[nodiscard]] CameraModel make_camera(const std::filesystem::path& cfg_folder, std::uint64_t seed);

/// Return the position of the DRS4 chip of a pixel within its module.
[[nodiscard]] std::size_t chip_in_module(std::size_t gain, std::size_t pixel_in_module);

}  // namespace alisio::sim
