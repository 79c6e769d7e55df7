#include "lib/sim/camera_model.hpp"

#include <algorithm>

#include "lib/base/error.hpp"
#include "lib/instrument/text_table.hpp"
#include "lib/sim/random.hpp"

namespace alisio::sim {
namespace {

constexpr double high_to_low_ratio = 17.4;

/// Read which pixel is at each position of the raw arrays.
std::vector<std::uint16_t> read_map(const std::filesystem::path& file, std::size_t n_pixels) {
  const instrument::TextTable table(file);
  const std::size_t position = table.column("position"), pixel = table.column("pix_id");
  std::vector<std::uint16_t> map(n_pixels);
  std::vector<char> seen(n_pixels, 0);
  bool fits = table.n_rows() == n_pixels;
  for (std::size_t row = 0; fits && row < n_pixels; ++row) {
    const auto id = static_cast<std::size_t>(table.integer(row, pixel));
    fits = table.integer(row, position) == static_cast<std::int64_t>(row) && id < n_pixels &&
           seen[id] == 0;
    if (!fits) break;
    seen[id] = 1;
    map[row] = static_cast<std::uint16_t>(id);
  }
  if (!fits || n_pixels % drs4::module_pixels != 0)
    throw Error(ErrorKind::bad_input, "the read-out map does not name every pixel once",
                file.string(), "reinstall the camera data");
  return map;
}

}  // namespace

std::size_t chip_in_module(std::size_t gain, std::size_t pixel_in_module) {
  return gain * drs4::module_chips / drs4::gains + pixel_in_module / 2;
}

CameraModel make_camera(const std::filesystem::path& cfg_folder, std::uint64_t seed) {
  CameraModel camera;
  camera.telescope = instrument::load_telescope(cfg_folder);
  const instrument::CameraReadout& readout = camera.telescope.readout;
  const std::size_t n = camera.n_pixels = camera.telescope.geometry.n_pixels;
  camera.n_samples = readout.n_samples;
  camera.sample_ns = std::floor(1e9 / readout.sampling_rate + 0.5) * 1e-9;
  camera.pixel_of_position =
      read_map(instrument::camera_file(cfg_folder, "LSTCam", "readout_map.ecsv"), n);
  camera.n_modules = n / drs4::module_pixels;
  camera.n_chips = camera.n_modules * drs4::module_chips;
  if (readout.n_channels != drs4::gains || n < 1600)
    throw Error(ErrorKind::bad_input, "the simulation knows cameras of two gains like LSTCam only",
                cfg_folder.string());

  Random random(seed, Purpose::camera);
  camera.dead_pixel = 1234;
  camera.noisy_pixel = 901;
  camera.strong_pixels = {777, 1500};
  camera.star_pixels = {300, 301};

  const std::size_t channels = drs4::gains * n;
  camera.gain.resize(channels);
  camera.noise.resize(channels);
  for (std::size_t p = 0; p < n; ++p) {
    const double high = random.normal(72, 4);
    camera.gain[p] = static_cast<float>(high);
    camera.gain[n + p] = static_cast<float>(high / high_to_low_ratio * random.normal(1, 0.02));
    camera.noise[p] = 4.5F;
    camera.noise[n + p] = 2.5F;
    camera.efficiency.push_back(static_cast<float>(random.normal(1, 0.04)));
    camera.transit_time.push_back(static_cast<float>(random.normal(0, 0.8)));
    camera.night_sky.push_back(static_cast<float>(std::max(0.05, random.normal(0.18, 0.01))));
  }
  for (std::size_t g = 0; g < drs4::gains; ++g) {
    for (const std::uint16_t p : camera.strong_pixels) camera.gain[g * n + p] *= 1.8F;
    camera.noise[g * n + camera.noisy_pixel] *= 5.0F;
  }
  for (const std::uint16_t p : camera.star_pixels) camera.night_sky[p] = 0.6F;
  for (std::size_t m = 0; m < camera.n_modules; ++m)
    camera.clock_offset.push_back(static_cast<std::uint16_t>(random.below(100)));

  constexpr std::array<double, 3> spike_adc = {46.0, 53.0, 24.0};
  for (std::size_t c = 0; c < channels; ++c) {
    const double scale = random.normal(1, 0.06);
    for (const double height : spike_adc)
      camera.spike.push_back(static_cast<float>(scale * height));
    for (std::size_t h = 1; h <= drs4::harmonics; ++h) {
      camera.delay_cos.push_back(
          static_cast<float>(random.normal(0, 0.6) / static_cast<double>(h)));
      camera.delay_sin.push_back(
          static_cast<float>(random.normal(0, 0.6) / static_cast<double>(h)));
    }
  }

  // Fifteen million cells: four steps of a small table of normal numbers are quick and good enough.
  std::array<float, 4096> scatter{};
  for (float& value : scatter) value = static_cast<float>(random.normal(0, 7));
  camera.baseline.resize(channels * drs4::cells);
  std::int16_t* cell = camera.baseline.data();
  for (std::size_t c = 0; c < channels; ++c) {
    const double channel = random.normal(400, 12);
    for (std::size_t quarter = 0; quarter < drs4::cells / drs4::channel_cells; ++quarter) {
      const float level = static_cast<float>(channel + random.normal(0, 4) + 0.5);
      for (std::size_t i = 0; i < drs4::channel_cells; i += 4) {
        const std::uint64_t word = random.bits();
        for (unsigned k = 0; k < 4; ++k)
          *cell++ = static_cast<std::int16_t>(level + scatter[(word >> (16U * k)) & 4095U]);
      }
    }
  }
  return camera;
}

}  // namespace alisio::sim
