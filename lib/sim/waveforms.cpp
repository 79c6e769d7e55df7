#include "lib/sim/waveforms.hpp"

#include <algorithm>

#include "lib/base/error.hpp"

namespace alisio::sim {
namespace {

constexpr std::size_t cell_mask = drs4::cells - 1;
constexpr double lapse_reach_ms = 100;
constexpr std::uint16_t gain_selection_adc = 3900;
constexpr int sky_first_sample = -26, sky_last_sample = 38;  ///< starts of night-sky pulses

/// Samples before, in and after the window, so that pulses are added without looking at its ends.
struct Trace {
  static constexpr int before = 48, size = 160;
  std::array<float, size> samples{};

  void add(const PulseTables& tables, std::size_t gain, int start, std::size_t phase, float area) {
    if (start < -before) return;
    const std::size_t n = tables.pulse_samples;
    const float* pulse = tables.pulse[gain].data() + phase * n;
    float* at = samples.data() + (start + before);
    for (std::size_t i = 0; i < n; ++i) at[i] += area * pulse[i];
  }
  /// Add a pulse whose maximum is at `time_ns` in the window.
  void add_at(const PulseTables& tables, std::size_t gain, double time_ns, double sample_ns,
              float area) {
    constexpr int phases = PulseTables::phases;
    const double steps = std::ceil((time_ns - tables.peak_ns[gain]) / sample_ns * phases - 0.5);
    const int step = static_cast<int>(std::clamp(steps, -1000.0, 1000.0));
    // The first sample at or after the start; the phase is how far into the pulse it falls.
    const int start = (step + 64 * phases + phases - 1) / phases - 64;
    if (start > 60) return;
    add(tables, gain, start, static_cast<std::size_t>(start * phases - step), area);
  }
};

/// Mark the cells that a read-out at `first` touches, the overrun of even pixels included.
void mark_read(std::uint32_t* ring, std::size_t n_samples, std::size_t pixel_in_module,
               std::size_t first, std::uint32_t event) {
  for (std::size_t s = 0; s < n_samples; ++s) ring[(first + s) & cell_mask] = event;
  if (pixel_in_module % 2 != 0) return;
  const std::size_t in_channel = first % drs4::channel_cells;
  std::size_t overrun = 0;
  if (in_channel > 767) overrun = in_channel < 1013 ? 12 : drs4::channel_cells - in_channel;
  for (std::size_t k = 0; k < overrun; ++k)
    ring[(first + drs4::channel_cells + k) & cell_mask] = event;
}

/// Add the spikes that the previous read-out leaves in this one.
void add_spikes(float* samples, int n_samples, std::size_t first, std::size_t previous,
                const float* height) {
  const std::size_t last =
      (previous + static_cast<std::size_t>(n_samples) - 1) % drs4::channel_cells;
  if (last % 2 != 0 || last > 511) return;
  for (std::size_t channel = 0; channel < 4; ++channel)
    for (const std::size_t base : {drs4::cells - last - 2, last}) {
      const std::size_t cell =
          (base + channel * drs4::channel_cells + drs4::cells - first) & cell_mask;
      const int position = cell >= drs4::cells - 2
                               ? static_cast<int>(cell) - static_cast<int>(drs4::cells)
                               : static_cast<int>(cell);
      for (int i = 0; i < 3; ++i)
        if (position + i >= 0 && position + i < n_samples) samples[position + i] += height[i];
    }
}

}  // namespace

PulseTables make_pulse_tables(const CameraModel& camera) {
  PulseTables tables;
  const instrument::CameraReadout& readout = camera.telescope.readout;
  const double step = readout.reference_pulse_width;
  tables.pulse_samples = 44;
  for (std::size_t g = 0; g < drs4::gains; ++g) {
    const std::vector<double>& shape = readout.reference_pulse_shape[g];
    double area = 0;
    for (const double value : shape) area += value * step;
    const auto peak = std::max_element(shape.begin(), shape.end()) - shape.begin();
    tables.peak_ns[g] = static_cast<double>(peak) * step;
    for (std::size_t phase = 0; phase < PulseTables::phases; ++phase)
      for (std::size_t s = 0; s < tables.pulse_samples; ++s) {
        const double time =
            (static_cast<double>(s) + static_cast<double>(phase) / PulseTables::phases) *
            camera.sample_ns;
        const double place = time / step;
        const auto i = static_cast<std::size_t>(place);
        double value = 0;
        if (i + 1 < shape.size())
          value = shape[i] + (shape[i + 1] - shape[i]) * (place - static_cast<double>(i));
        tables.pulse[g].push_back(static_cast<float>(value * camera.sample_ns / area));
      }
  }

  Random random(0, Purpose::tables);
  std::vector<double> normal(1U << 16U);
  double sum = 0, squares = 0;
  for (double& value : normal) sum += value = random.normal();
  const double mean = sum / static_cast<double>(normal.size());
  for (const double value : normal) squares += (value - mean) * (value - mean);
  const double rms = std::sqrt(squares / static_cast<double>(normal.size()));
  for (const double value : normal)
    tables.normal.push_back(static_cast<float>((value - mean) / rms));
  for (std::size_t i = 0; i < 4096; ++i)
    tables.single_pe.push_back(
        static_cast<float>(Random::gamma_from_normal(single_pe_shape, tables.normal[i])));

  for (std::size_t cell = 0; cell < drs4::channel_cells; ++cell)
    for (std::size_t h = 1; h <= drs4::harmonics; ++h) {
      const SinCos turn = portable_sincos(2 * pi * static_cast<double>((h * cell) % 1024) / 1024.0);
      tables.delay_cos.push_back(static_cast<float>(turn.cos));
      tables.delay_sin.push_back(static_cast<float>(turn.sin));
    }
  return tables;
}

double window_fraction(const CameraModel& camera, const PulseTables& tables, std::size_t gain,
                       int width, int shift) {
  Random random(1, Purpose::tables);
  constexpr int tries = 4000, parts = 5;
  double sum = 0;
  for (int i = 0; i < tries; ++i) {
    Trace trace;
    const double time = signal_time_ns + random.uniform(-2, 2);
    for (int k = 0; k < parts; ++k)
      trace.add_at(tables, gain, time + random.normal(0, arrival_spread_ns), camera.sample_ns,
                   1.0F / parts);
    const auto peak = static_cast<int>(
        std::max_element(trace.samples.begin(), trace.samples.end()) - trace.samples.begin());
    for (int s = peak - shift; s < peak - shift + width; ++s)
      sum += trace.samples[static_cast<std::size_t>(s)];
  }
  return sum / tries;
}

WaveformMaker::WaveformMaker(const CameraModel& camera, const PulseTables& tables,
                             std::uint64_t seed, std::uint64_t run, double night_sky_scale,
                             const std::vector<std::uint16_t>& dead_pixels,
                             const Preprocessing& preprocessing)
    : camera_(camera),
      tables_(tables),
      seed_(seed),
      run_(run),
      preprocessing_(preprocessing),
      dead_(camera.n_pixels, 0),
      low_gain_chosen_(camera.n_pixels, 0),
      last_read_(drs4::gains * camera.n_pixels * drs4::cells, 0),
      ticks_(1, 0),
      lapse_(1, 0.0F) {
  if (camera.n_samples + Trace::before + tables.pulse_samples > Trace::size)
    throw Error(ErrorKind::bug, "the read-out window is longer than the simulation's traces");
  for (const std::uint16_t pixel : dead_pixels) dead_[pixel] = 1;
  if (preprocessing.pe)
    for (std::size_t gain = 0; gain < drs4::gains; ++gain) {
      const double share = window_fraction(camera, tables, gain, 12, 5);
      for (std::size_t p = 0; p < camera.n_pixels; ++p)
        pe_per_adc_.push_back(static_cast<float>(
            1 / (share * camera.gain[gain * camera.n_pixels + p] * camera.efficiency[p])));
    }
  const double window_ns = (sky_last_sample - sky_first_sample) * camera.sample_ns;
  for (const float rate : camera.night_sky) {
    night_sky_.push_back(static_cast<float>(rate * night_sky_scale));
    no_night_sky_.push_back(portable_exp(-night_sky_.back() * window_ns));
  }
}

void WaveformMaker::update_time_lapse(std::uint64_t ticks) {
  for (std::size_t event = oldest_; event < ticks_.size(); ++event) {
    const double ms = static_cast<double>(ticks - ticks_[event]) / drs4::clock_ticks_per_ms;
    if (ms >= lapse_reach_ms) {
      lapse_[event] = 0;
      oldest_ = event + 1;
    } else {
      lapse_[event] = static_cast<float>(32.99 * portable_pow(ms, -0.22) - 11.9);
    }
  }
  ticks_.push_back(ticks);
  lapse_.push_back(0);
}

void WaveformMaker::preprocess(std::size_t gain, std::size_t pixel, std::size_t first,
                               std::span<const float> correction,
                               std::span<std::uint16_t> samples) const {
  const std::size_t channel = gain * camera_.n_pixels + pixel;
  const auto [scale, offset] = sample_code(preprocessing_);
  const std::int16_t* baseline = &camera_.baseline[channel * drs4::cells];
  for (std::size_t s = 0; s < samples.size(); ++s) {
    float value = static_cast<float>(samples[s]) - correction[s];
    if (preprocessing_.baseline) value -= static_cast<float>(baseline[(first + s) & cell_mask]);
    if (preprocessing_.pe) value *= pe_per_adc_[channel];
    const float code = std::floor((value + offset) * scale + 0.5F);
    samples[s] = static_cast<std::uint16_t>(std::clamp(code, 0.0F, 65535.0F));
  }
}

void WaveformMaker::make(const Light& light, std::span<const std::uint16_t> first_cell,
                         std::uint64_t ticks, std::span<std::uint16_t> out) {
  constexpr std::uint32_t phases = PulseTables::phases;
  constexpr auto sky_steps =
      static_cast<std::uint32_t>(sky_last_sample - sky_first_sample) * phases;
  update_time_lapse(ticks);
  const auto event = static_cast<std::uint32_t>(ticks_.size() - 1);
  const std::size_t n_pixels = camera_.n_pixels, n_samples = camera_.n_samples;
  const auto normal_mask = tables_.normal.size() - 1;
  Random random(seed_, Purpose::waveform, run_, event);

  std::array<Trace, drs4::gains> traces;
  for (std::size_t position = 0; position < n_pixels; ++position) {
    const std::size_t pixel = camera_.pixel_of_position[position];
    const std::size_t in_module = position % drs4::module_pixels;
    const std::size_t chips = position / drs4::module_pixels * drs4::module_chips;
    const std::array<std::size_t, drs4::gains> channel = {pixel, n_pixels + pixel};
    std::array<std::size_t, drs4::gains> chip{}, first{};
    for (std::size_t g = 0; g < drs4::gains; ++g) {
      chip[g] = chips + chip_in_module(g, in_module);
      first[g] = first_cell[chip[g]];
      traces[g].samples.fill(0);
    }

    if (night_sky_[pixel] > 0) {
      const int n = random.poisson_below(no_night_sky_[pixel]);
      for (int i = 0; i < n; ++i) {
        const std::uint64_t word = random.bits();
        const auto step = static_cast<std::uint32_t>(((word >> 32U) * sky_steps) >> 32U);
        const float charge = tables_.single_pe[word & 4095U];
        const int start = sky_first_sample + static_cast<int>(step / phases);
        for (std::size_t g = 0; g < drs4::gains; ++g)
          traces[g].add(tables_, g, start, step % phases, charge * camera_.gain[channel[g]]);
      }
    }

    if (const double mean = light.photoelectrons[pixel]; mean > 1e-3) {
      const int n = random.poisson(mean);
      if (n > 0) {
        std::array<double, drs4::gains> delay{};
        for (std::size_t g = 0; g < drs4::gains; ++g) {
          const std::size_t row = first[g] % drs4::channel_cells * drs4::harmonics;
          for (std::size_t h = 0; h < drs4::harmonics; ++h)
            delay[g] +=
                camera_.delay_cos[channel[g] * drs4::harmonics + h] * tables_.delay_cos[row + h] +
                camera_.delay_sin[channel[g] * drs4::harmonics + h] * tables_.delay_sin[row + h];
        }
        const int parts = std::min(n, 5);
        for (int k = 0; k < parts; ++k) {
          const int share = n / parts + (k < n % parts ? 1 : 0);
          const double charge = share * random.gamma_of_mean_1(single_pe_shape * share);
          const double time = light.time[pixel] + arrival_spread_ns * random.normal();
          for (std::size_t g = 0; g < drs4::gains; ++g)
            traces[g].add_at(tables_, g, time + delay[g], camera_.sample_ns,
                             static_cast<float>(charge) * camera_.gain[channel[g]]);
        }
      }
    }

    const std::uint64_t noise_word = random.bits();
    for (std::size_t g = 0; g < drs4::gains; ++g) {
      float* samples = traces[g].samples.data() + Trace::before;
      const std::int16_t* baseline = &camera_.baseline[channel[g] * drs4::cells];
      std::uint32_t* ring = &last_read_[channel[g] * drs4::cells];
      // The coupling is AC: the mean night sky does not move the baseline.
      const float level = 0.5F - static_cast<float>(night_sky_[pixel] * camera_.sample_ns) *
                                     camera_.gain[channel[g]];
      const float noise = camera_.noise[channel[g]] * ((noise_word >> (40U + g)) & 1U ? 1.F : -1.F);
      const std::size_t table = noise_word >> (16U * g);
      std::array<float, Trace::size> correction{};  // that an event builder would make
      if (preprocessing_.time_lapse)
        for (std::size_t s = 0; s < n_samples; ++s)
          correction[s] = lapse_[ring[(first[g] + s) & cell_mask]];
      if (preprocessing_.spikes && !previous_.empty())
        add_spikes(correction.data(), static_cast<int>(n_samples), first[g], previous_[chip[g]],
                   &camera_.spike[channel[g] * 3]);
      for (std::size_t s = 0; s < n_samples; ++s) {
        const std::size_t cell = (first[g] + s) & cell_mask;
        samples[s] += level + static_cast<float>(baseline[cell]) + lapse_[ring[cell]] +
                      noise * tables_.normal[(table + s) & normal_mask];
      }
      if (!previous_.empty())
        add_spikes(samples, static_cast<int>(n_samples), first[g], previous_[chip[g]],
                   &camera_.spike[channel[g] * 3]);
      std::uint16_t* adc = &out[(g * n_pixels + position) * n_samples];
      for (std::size_t s = 0; s < n_samples; ++s)
        adc[s] = static_cast<std::uint16_t>(std::min(std::max(samples[s], 0.F), 4095.F));
      if (dead_[pixel] != 0) std::fill(adc, adc + n_samples, 0);
      if (g == 0 && preprocessing_.gain_selection)
        low_gain_chosen_[position] =
            *std::max_element(adc + 3, adc + n_samples - 1) > gain_selection_adc ? 1 : 0;
      if (preprocessing_.actions(false) != 0)
        preprocess(g, pixel, first[g], std::span(correction).first(n_samples), {adc, n_samples});
      mark_read(ring, n_samples, in_module, first[g], event);
    }
  }
  previous_.assign(first_cell.begin(), first_cell.end());
}

}  // namespace alisio::sim
