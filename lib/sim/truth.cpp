#include "lib/sim/truth.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace alisio::sim {
namespace {

constexpr int charge_window = 12, charge_window_shift = 5;

std::string header() {
  std::string yaml =
      "# %ECSV 1.0\n# ---\n# delimiter: ','\n# datatype:\n"
      "# - {name: gain, datatype: int16}\n# - {name: pixel, datatype: int16}\n";
  std::string names = "gain,pixel";
  const auto add = [&](const std::string& name, const char* unit, const char* description) {
    fmt::format_to(std::back_inserter(yaml), "# - {{name: {}, ", name);
    if (*unit != '\0') fmt::format_to(std::back_inserter(yaml), "unit: {}, ", unit);
    fmt::format_to(std::back_inserter(yaml), "datatype: float32, description: {}}}\n", description);
    names += "," + name;
  };
  add("adc_per_pe", "", "area of a photo-electron in ADC x samples");
  add("window_share", "", "part of the area in 12 samples from 5 before the peak");
  add("flat_field_pe", "", "photo-electrons of a flash");
  add("time_offset", "ns", "arrival behind the camera's");
  add("noise", "adu", "electronic noise");
  add("night_sky", "1/ns", "photo-electrons in data runs");
  for (int i = 0; i < 3; ++i) add(fmt::format("spike_{}", i), "adu", "height of a spike sample");
  for (int i = 0; i < 4; ++i)
    add(fmt::format("baseline_{}", i), "adu", "mean baseline of 1024 capacitors");
  add("baseline_rms", "adu", "scatter of the capacitors");
  for (std::size_t h = 1; h <= drs4::harmonics; ++h) {
    add(fmt::format("delay_cos_{}", h), "ns", "sampling delay");
    add(fmt::format("delay_sin_{}", h), "ns", "sampling delay");
  }
  yaml += "# - {name: state, datatype: string}\n# schema: astropy-2.0\n";
  return yaml + names + ",state\n";
}

const char* state_of(const CameraModel& camera, std::size_t pixel) {
  const auto among = [&](const auto& pixels) {
    return std::find(pixels.begin(), pixels.end(), pixel) != pixels.end();
  };
  if (pixel == camera.dead_pixel) return "dead";
  if (pixel == camera.noisy_pixel) return "noisy";
  if (among(camera.strong_pixels)) return "strong";
  return among(camera.star_pixels) ? "star" : "ok";
}

}  // namespace

std::string camera_truth(const CameraModel& camera, const PulseTables& tables) {
  std::string text = header();
  const auto out = std::back_inserter(text);
  for (std::size_t gain = 0; gain < drs4::gains; ++gain) {
    const double share = window_fraction(camera, tables, gain, charge_window, charge_window_shift);
    for (std::size_t pixel = 0; pixel < camera.n_pixels; ++pixel) {
      const std::size_t c = gain * camera.n_pixels + pixel;
      fmt::format_to(out, "{},{},{:.7g},{:.7g},{:.7g},{:.7g},{:.7g},{:.7g}", gain, pixel,
                     camera.gain[c], share, flat_field_pe * camera.efficiency[pixel],
                     camera.transit_time[pixel], camera.noise[c], camera.night_sky[pixel]);
      for (std::size_t i = 0; i < 3; ++i) fmt::format_to(out, ",{:.7g}", camera.spike[c * 3 + i]);
      double sum = 0, squares = 0;
      for (std::size_t part = 0; part < 4; ++part) {
        const std::int16_t* cells = &camera.baseline[c * drs4::cells + part * drs4::channel_cells];
        double part_sum = 0;
        for (std::size_t i = 0; i < drs4::channel_cells; ++i) {
          part_sum += cells[i];
          squares += static_cast<double>(cells[i]) * cells[i];
        }
        sum += part_sum;
        fmt::format_to(out, ",{:.7g}", part_sum / drs4::channel_cells);
      }
      const double mean = sum / drs4::cells;
      fmt::format_to(out, ",{:.7g}", std::sqrt(squares / drs4::cells - mean * mean));
      for (std::size_t h = 0; h < drs4::harmonics; ++h)
        fmt::format_to(out, ",{:.7g},{:.7g}", camera.delay_cos[c * drs4::harmonics + h],
                       camera.delay_sin[c * drs4::harmonics + h]);
      fmt::format_to(out, ",{}\n", state_of(camera, pixel));
    }
  }
  return text;
}

}  // namespace alisio::sim
