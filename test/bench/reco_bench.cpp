// Events per second of cleaning and image parameters, one thread, on simulated shower images: a
// tilted Gaussian ellipse of light over night-sky noise, arrival times along its axis.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "lib/instrument/telescope.hpp"
#include "reco/clean/cleaning.hpp"
#include "reco/params/image_parameters.hpp"
#include "reco/params/process_block.hpp"

namespace alisio {
namespace {

constexpr std::size_t n_images = 64;
constexpr double noise_pe = 1.5;

const instrument::Telescope& telescope() {
  static const auto loaded = instrument::load_telescope(std::string(ALISIO_SOURCE_DIR) + "/cfg");
  return loaded;
}

/// A block of showers that hold `size_pe` p.e. each.
EventBlock showers(double size_pe) {
  const instrument::CameraGeometry& camera = telescope().geometry;
  EventBlock block;
  block.reserve(n_images, camera.n_pixels);
  block.size = n_images;
  std::mt19937 random(1);
  std::normal_distribution<double> noise(0, noise_pe), place(0, 0.4), jitter(0, 0.5);
  std::uniform_real_distribution<double> angle(0, 3.14), any_time(5, 35);
  for (std::size_t event = 0; event < n_images; ++event) {
    const double x = place(random), y = place(random), psi = angle(random);
    // An image grows with its charge.
    const double length = 0.05 * std::pow(std::max(size_pe, 1.0) / 100, 0.25), width = 0.4 * length;
    const double density = size_pe * camera.area[0] / (2 * 3.14159 * length * width);
    for (std::size_t pixel = 0; pixel < camera.n_pixels; ++pixel) {
      const double dx = camera.x[pixel] - x, dy = camera.y[pixel] - y;
      const double along = dx * std::cos(psi) + dy * std::sin(psi);
      const double across = dy * std::cos(psi) - dx * std::sin(psi);
      const double light =
          density *
          std::exp(-0.5 * (along * along / (length * length) + across * across / (width * width)));
      const double charge = light + noise(random);
      const double time = light > noise_pe ? 18 + 10 * along + jitter(random) : any_time(random);
      block.image_of(event)[pixel] = static_cast<float>(charge);
      block.peak_time_of(event)[pixel] = static_cast<float>(time);
    }
  }
  return block;
}

void count_events(benchmark::State& state, std::size_t per_iteration) {
  state.counters["events/s"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * static_cast<double>(per_iteration),
      benchmark::Counter::kIsRate);
}

void clean_images(benchmark::State& state) {
  EventBlock block = showers(static_cast<double>(state.range(0)));
  clean::CleaningScratch scratch(block.n_pixels);
  const clean::CleaningOptions options;
  std::size_t selected = 0;
  for (auto _ : state) {
    selected = 0;
    for (std::size_t i = 0; i < block.size; ++i) {
      benchmark::DoNotOptimize(clean::clean_image(block.image_of(i), block.peak_time_of(i),
                                                  telescope().geometry, options, {},
                                                  block.image_mask_of(i), scratch));
      selected += scratch.selected.size();
    }
  }
  count_events(state, block.size);
  state.counters["pixels"] = static_cast<double>(selected) / static_cast<double>(block.size);
}

void clean_and_parametrise(benchmark::State& state) {
  EventBlock block = showers(static_cast<double>(state.range(0)));
  params::Scratch scratch(block.n_pixels);
  const clean::CleaningOptions options;
  for (auto _ : state) {
    params::process_block(block, 0, block.size, telescope(), options, {}, scratch);
    benchmark::DoNotOptimize(block.parameters.data());
  }
  count_events(state, block.size);
}

// Noise only, then images of usual, bright and rare sizes, p.e.
BENCHMARK(clean_images)->Arg(0)->Arg(100)->Arg(1000)->Arg(10000);
BENCHMARK(clean_and_parametrise)->Arg(0)->Arg(100)->Arg(1000)->Arg(10000);

}  // namespace
}  // namespace alisio

BENCHMARK_MAIN();
