#include "reco/check/accumulator.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "lib/sky/icrs.hpp"

// Loops over pixels that the compiler's vectoriser takes; each pixel has its own sums, so that the
// width of the machine's registers changes none.
#define ALISIO_CLONES [[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]

namespace alisio::check {
namespace {

constexpr float least_charge_of_times = 1;    // p.e.
constexpr float least_charge_of_bright = 30;  // p.e.
constexpr double bright_image = 200;          // p.e.

/// Interleaved flat-field events are bright and even; dimmer flashes would need other numbers.
bool looks_like_flatfield(const ImageParameters& image) {
  constexpr double least_intensity = 50000, greatest_concentration = 0.005;
  return image.intensity > least_intensity && image.concentration_pixel < greatest_concentration;
}

/// Counts charges in bins without branches: the leading bits of a float name a cell that no more
/// than one edge lies in, and one comparison with that edge tells the slot. Slot 0 is below the
/// edges, slot i bin i - 1, the last slot beyond the edges and for what is not a number.
class ChargeSpectrum {
 public:
  explicit ChargeSpectrum(std::span<const double> edges)
      : n_edges_(edges.size()), first_(std::size_t{1} << (32 - shift)) {
    for (const double edge : edges) next_.push_back(least_from(edge));
    // The last bin holds its upper edge, too.
    if (double(next_.back()) == edges.back()) next_.back() = std::nextafter(next_.back(), huge);
    for (std::size_t cell = 0; cell < first_.size(); ++cell) {
      const float least = std::bit_cast<float>(std::uint32_t(cell) << shift);
      const auto above = std::ranges::upper_bound(next_, least);
      first_[cell] = std::uint8_t(std::isnan(least) ? n_edges_ : above - next_.begin());
    }
    next_.push_back(std::numeric_limits<float>::quiet_NaN());
  }
  /// Add the numbers of charges in each bin to `counts`.
  void count(std::span<const float> charges, std::span<std::int64_t> counts) const {
    // Neighbours often share a slot: counting them apart lets them not wait for each other.
    std::array<std::array<std::uint32_t, 256>, 4> slots{};
    std::size_t i = 0;
    for (; i + 4 <= charges.size(); i += 4)
      for (std::size_t k = 0; k < 4; ++k) ++slots[k][slot_of(charges[i + k])];
    for (; i < charges.size(); ++i) ++slots[0][slot_of(charges[i])];
    for (std::size_t bin = 0; bin + 1 < n_edges_; ++bin)
      for (const auto& part : slots) counts[bin] += part[bin + 1];
  }

 private:
  static constexpr unsigned shift = 19;  ///< sign, exponent and four bits of the mantissa remain
  static constexpr float huge = std::numeric_limits<float>::infinity();

  /// Return the least float that is not below a number.
  static float least_from(double number) {
    const auto rounded = float(number);
    return double(rounded) < number ? std::nextafter(rounded, huge) : rounded;
  }
  [[nodiscard]] std::size_t slot_of(float charge) const {
    const std::size_t slot = first_[std::bit_cast<std::uint32_t>(charge) >> shift];
    return slot + std::size_t(charge >= next_[slot]);
  }

  std::size_t n_edges_;
  std::vector<float> next_;          ///< the least charge above a slot
  std::vector<std::uint8_t> first_;  ///< the slot of the least value of a cell
};

const ChargeSpectrum& charge_spectrum() {
  static const ChargeSpectrum spectrum(binning(Histogram::pixelchargespectrum).x);
  return spectrum;
}

/// Return the median of times in single precision; changes their order. Steps of a sixteenth of a
/// ns are counted first, so that only the values of the middle one or two are looked at.
float median_of(std::span<float> values) {
  if (values.empty()) return std::numeric_limits<float>::quiet_NaN();
  constexpr int n_steps = 1024;
  const auto step_of = [](float value) {
    return int(std::clamp(value * 16.0F, 0.0F, float(n_steps - 1)));
  };
  std::array<std::uint16_t, n_steps> counts{};
  for (const float value : values) ++counts[std::size_t(step_of(value))];
  // Ranks of the two middle values; the same one of an odd number.
  const std::size_t low_rank = (values.size() - 1) / 2, high_rank = values.size() / 2;
  int low_step = 0;
  std::size_t before = 0;
  while (before + counts[std::size_t(low_step)] <= low_rank)
    before += counts[std::size_t(low_step++)];
  int high_step = low_step;
  std::size_t through = before + counts[std::size_t(low_step)];
  while (through <= high_rank) through += counts[std::size_t(++high_step)];
  std::size_t n_middle = 0;
  for (const float value : values) {
    values[n_middle] = value;
    const int step = step_of(value);
    n_middle += std::size_t(step >= low_step && step <= high_step);
  }
  const std::span<float> middle = values.first(n_middle);
  const auto high = middle.begin() + std::ptrdiff_t(high_rank - before);
  std::nth_element(middle.begin(), high, middle.end());
  if (low_rank == high_rank) return *high;
  return (*std::max_element(middle.begin(), high) + *high) / 2;
}

void count(std::vector<std::int64_t>& counts, const Binning& b, double value) {
  if (const std::size_t bin = bin_of(b.x, value); bin < b.x_bins()) ++counts[bin];
}

void count(std::vector<std::int64_t>& counts, const Binning& b, double x, double y) {
  const std::size_t i = bin_of(b.x, x);
  if (i == b.x_bins()) return;
  if (const std::size_t k = bin_of(b.y, y); k < b.y_bins()) ++counts[i * b.y_bins() + k];
}

ALISIO_CLONES void add_charges(std::size_t n, const float* __restrict charge,
                               double* __restrict sum, double* __restrict sum2) {
  for (std::size_t p = 0; p < n; ++p) {
    const double q = charge[p];
    sum[p] += q;
    sum2[p] += q * q;
  }
}

ALISIO_CLONES void count_above(std::size_t n, const float* __restrict charge, float threshold,
                               std::int32_t* __restrict pulses) {
  for (std::size_t p = 0; p < n; ++p) pulses[p] += std::int32_t(charge[p] > threshold);
}

/// Add times after `origin` where the charge is above `least` and the time known.
ALISIO_CLONES void add_times(std::size_t n, const float* __restrict charge,
                             const float* __restrict time, float least, float origin,
                             double* __restrict sum, double* __restrict sum2) {
  for (std::size_t p = 0; p < n; ++p) {
    const bool counts = charge[p] > least && time[p] == time[p];
    const float t = counts ? time[p] - origin : 0.0F;
    sum[p] += double(t);
    sum2[p] += double(t) * double(t);
  }
}

ALISIO_CLONES void count_times(std::size_t n, const float* __restrict charge,
                               const float* __restrict time, float least,
                               std::int32_t* __restrict times) {
  for (std::size_t p = 0; p < n; ++p)
    times[p] += std::int32_t(charge[p] > least && time[p] == time[p]);
}

template <typename T>
T value_or_zero(std::span<const T> values, std::size_t i) {
  return values.empty() ? T{} : values[i];
}

}  // namespace

Accumulator::Accumulator(const instrument::Telescope& telescope, std::int64_t run,
                         std::int64_t subrun)
    : telescope_(telescope),
      run_(run),
      subrun_(subrun),
      degrees_per_metre_(1 / telescope.optics.equivalent_focal_length * (180 / std::numbers::pi)),
      pixel_circumradius_(telescope.geometry.pixel_width / std::numbers::sqrt3),
      delta_t_(binning(Histogram::delta_t).size(), 0) {
  const instrument::CameraGeometry& camera = telescope_.geometry;
  const auto inner = std::ranges::find(camera.border_width_1, 0);
  if (inner != camera.border_width_1.end())
    inner_pixel_ = std::size_t(inner - camera.border_width_1.begin());
  for (ClassState& state : classes_) {
    state.cogs.assign(camera.n_pixels, 0);
    state.bright_cogs.assign(camera.n_pixels, 0);
    PixelSums& s = state.pixels;
    for (auto* sums : {&s.charge, &s.charge2, &s.time, &s.time2, &s.relative, &s.relative2,
                       &s.bright, &s.bright2})
      sums->assign(camera.n_pixels, 0.0);
    for (auto* counts : {&s.times, &s.bright_times}) counts->assign(camera.n_pixels, 0);
    for (auto& counts : s.pulses) counts.assign(camera.n_pixels, 0);
  }
}

std::int32_t Accumulator::pixel_at(double x, double y) const {
  const instrument::CameraGeometry& camera = telescope_.geometry;
  const auto nearest = [&](double at_x, double at_y) {
    std::int32_t best = -1;
    double least = pixel_circumradius_ * pixel_circumradius_;
    for (std::size_t i = 0; i < camera.n_pixels; ++i) {
      const double dx = camera.x[i] - at_x, dy = camera.y[i] - at_y;
      const double distance = dx * dx + dy * dy;
      if (distance < least) {
        least = distance;
        best = std::int32_t(i);
      }
    }
    return best;
  };
  if (!std::isfinite(x) || !std::isfinite(y)) return -1;
  const std::int32_t found = nearest(x, y);
  if (found < 0 || camera.border_width_1[std::size_t(found)] == 0) return found;
  // Beyond the border no neighbour takes a place away: ask where the place lies in an inner pixel.
  const double dx = x - camera.x[std::size_t(found)], dy = y - camera.y[std::size_t(found)];
  const std::int32_t inner = nearest(camera.x[inner_pixel_] + dx, camera.y[inner_pixel_] + dy);
  return inner == std::int32_t(inner_pixel_) ? found : -1;
}

void Accumulator::prepare(const Events& events, Prepared& out) const {
  const std::size_t n = telescope_.geometry.n_pixels;
  const ChargeSpectrum& spectrum = charge_spectrum();
  out.event_class.resize(events.size);
  out.is_mistagged.resize(events.size);
  out.cog_pixel.resize(events.size);
  out.median_time.resize(events.size);
  out.scratch.resize(n);
  for (auto& charges : out.charges)
    charges.assign(binning(Histogram::pixelchargespectrum).x_bins(), 0);
  for (std::size_t e = 0; e < events.size; ++e) {
    const ImageParameters& image = events.parameters[e];
    const EventType type = events.event_type[e];
    const bool tagged = type == EventType::flatfield, looks = looks_like_flatfield(image);
    const EventClass c = tagged && looks                   ? EventClass::flatfield
                         : type == EventType::sky_pedestal ? EventClass::pedestals
                                                           : EventClass::cosmics;
    out.event_class[e] = c;
    out.is_mistagged[e] = std::uint8_t(tagged != looks);
    out.cog_pixel[e] = pixel_at(image.x, image.y);
    const float* charge = &events.image[e * n];
    spectrum.count({charge, n}, out.charges[std::size_t(c)]);
    if (c == EventClass::pedestals) {
      out.median_time[e] = 0;
      continue;
    }
    const float* time = &events.peak_time[e * n];
    std::size_t n_times = 0;
    for (std::size_t p = 0; p < n; ++p) {
      out.scratch[n_times] = time[p];
      n_times += std::size_t(charge[p] > least_charge_of_times && !std::isnan(time[p]));
    }
    out.median_time[e] = median_of(std::span(out.scratch).first(n_times));
  }
}

void Accumulator::add_images(const Events& events, const Prepared& prepared) {
  // Some pixels at a time, so that their sums stay in the nearest cache from event to event.
  constexpr std::size_t pixels_at_once = 256;
  const std::size_t n_pixels = telescope_.geometry.n_pixels;
  for (std::size_t first = 0; first < n_pixels; first += pixels_at_once) {
    const std::size_t n = std::min(pixels_at_once, n_pixels - first);
    for (std::size_t e = 0; e < events.size; ++e) {
      const EventClass c = prepared.event_class[e];
      PixelSums& s = classes_[std::size_t(c)].pixels;
      const float* charge = &events.image[e * n_pixels + first];
      add_charges(n, charge, &s.charge[first], &s.charge2[first]);
      for (std::size_t t = 0; t < pulse_thresholds.size(); ++t)
        count_above(n, charge, float(pulse_thresholds[t]), &s.pulses[t][first]);
      if (c == EventClass::pedestals) continue;
      const float* time = &events.peak_time[e * n_pixels + first];
      const float median = prepared.median_time[e];
      add_times(n, charge, time, least_charge_of_times, 0, &s.time[first], &s.time2[first]);
      add_times(n, charge, time, least_charge_of_times, median, &s.relative[first],
                &s.relative2[first]);
      count_times(n, charge, time, least_charge_of_times, &s.times[first]);
      if (c != EventClass::cosmics) continue;
      add_times(n, charge, time, least_charge_of_bright, median, &s.bright[first],
                &s.bright2[first]);
      count_times(n, charge, time, least_charge_of_bright, &s.bright_times[first]);
    }
  }
}

void Accumulator::add(const Events& events, const Prepared& prepared) {
  constexpr double degrees = 180 / std::numbers::pi;
  using H = Histogram;
  for (std::size_t c = 0; c < n_classes; ++c) {
    auto& spectrum = classes_[c].histograms[H::pixelchargespectrum];
    for (std::size_t bin = 0; bin < spectrum.size(); ++bin)
      spectrum[bin] += prepared.charges[c][bin];
  }
  jumps_known_ = jumps_known_ || !events.ucts_jump.empty();
  for (std::size_t e = 0; e < events.size; ++e) {
    const ImageParameters& image = events.parameters[e];
    const EventClass c = prepared.event_class[e];
    ClassState& state = classes_[std::size_t(c)];
    ++state.events;
    state.cleaned += std::int64_t(std::isfinite(image.intensity));
    ++state.trigger_types[events.trigger_type[e]];
    ++state.ucts_trigger_types[events.ucts_trigger_type[e]];
    // A jump of an earlier subrun marks the first events of a later one: those are not counted.
    const bool jumped = value_or_zero(events.ucts_jump, e) != 0;
    seen_no_jump_ = seen_no_jump_ || !jumped;
    if (jumped) ++(seen_no_jump_ ? state.jumps : state.leading_jumps);
    mistagged_ += prepared.is_mistagged[e];
    unknown_ += std::int64_t(events.event_type[e] == EventType::unknown);

    if (!dragon_time_.empty())
      count(delta_t_, binning(H::delta_t), (events.dragon_time[e] - dragon_time_.back()) * 1e3);
    event_id_.push_back(events.event_id[e]);
    dragon_time_.push_back(events.dragon_time[e]);
    ucts_time_.push_back(value_or_zero(events.ucts_time, e));
    tib_time_.push_back(value_or_zero(events.tib_time, e));
    alt_.push_back(events.alt_tel[e]);
    az_.push_back(events.az_tel[e]);
    event_class_.push_back(c);

    const auto fill = [&](H h, auto... values) {
      count(state.histograms[h], binning(h), values...);
    };
    fill(H::npixels, double(image.n_pixels));
    fill(H::nislands, double(image.n_islands));
    if (std::isnan(image.intensity)) continue;
    const double distance = image.r * degrees_per_metre_;
    const double gradient = std::abs(image.time_gradient / degrees_per_metre_);
    fill(H::intensity, image.intensity);
    fill(H::dist0, distance);
    fill(H::width, image.intensity, image.width);
    fill(H::length, image.intensity, image.length);
    fill(H::skewness, image.intensity, image.skewness);
    fill(H::psi, image.psi * degrees);
    fill(H::intercept, image.intensity, image.intercept);
    fill(H::tgrad_vs_length, image.length, gradient);
    const std::int32_t cog = prepared.cog_pixel[e];
    if (cog >= 0) ++state.cogs[std::size_t(cog)];
    if (image.intensity > bright_image) {
      fill(H::dist0_intensity_gt_200, distance);
      fill(H::tgrad_vs_length_intensity_gt_200, image.length, gradient);
      if (cog >= 0) ++state.bright_cogs[std::size_t(cog)];
    }
  }
  add_images(events, prepared);
}

ClassCheck Accumulator::class_check(EventClass c) const {
  const ClassState& state = classes_[std::size_t(c)];
  const PixelSums& s = state.pixels;
  const std::size_t n = telescope_.geometry.n_pixels;
  ClassCheck check(n);
  check.run = run_;
  check.subrun = subrun_;
  check.elapsed_time = dragon_time_.back() - dragon_time_.front();
  check.num_events = state.events;
  check.num_cleaned_events = state.cleaned;
  for (int bits = 0; bits < 256; ++bits) {
    const auto i = std::size_t(bits);
    if (state.trigger_types[i] > 0) check.trigger_types[bits] = state.trigger_types[i];
    if (state.ucts_trigger_types[i] > 0)
      check.ucts_trigger_types[bits] = state.ucts_trigger_types[i];
  }
  if (!jumps_known_)
    check.num_ucts_jumps = -1;
  else
    check.num_ucts_jumps = state.jumps + (seen_no_jump_ ? 0 : state.leading_jumps);

  const auto step = std::size_t(1 + state.events / std::int64_t(n_samples));
  std::size_t of_class = 0;
  for (std::size_t e = 0; e < event_id_.size(); ++e) {
    if (event_class_[e] != c || of_class++ % step != 0) continue;
    check.sampled_event_ids.push_back(event_id_[e]);
    check.ucts_time.push_back(ucts_time_[e]);
    check.tib_time.push_back(tib_time_[e]);
    check.dragon_time.push_back(dragon_time_[e]);
  }
  const auto pad = [](auto& samples) { samples.resize(n_samples, samples.back()); };
  pad(check.sampled_event_ids);
  pad(check.ucts_time);
  pad(check.tib_time);
  pad(check.dragon_time);

  check.histograms = state.histograms;
  check.histograms[Histogram::delta_t] = delta_t_;
  check.cog_within_pixel = state.cogs;
  check.cog_within_pixel_intensity_gt_200 = state.bright_cogs;
  for (std::size_t t = 0; t < pulse_thresholds.size(); ++t)
    check.pulses_above[t].assign(s.pulses[t].begin(), s.pulses[t].end());
  check.charge.count.assign(n, state.events);
  check.charge.sum = s.charge;
  check.charge.sum2 = s.charge2;
  if (c == EventClass::pedestals) return check;
  check.time.count.assign(s.times.begin(), s.times.end());
  check.time.sum = s.time;
  check.time.sum2 = s.time2;
  check.relative_time.count = check.time.count;
  check.relative_time.sum = s.relative;
  check.relative_time.sum2 = s.relative2;
  if (c == EventClass::flatfield) return check;
  check.time_above_030_pe.count.assign(s.bright_times.begin(), s.bright_times.end());
  check.time_above_030_pe.sum = s.bright;
  check.time_above_030_pe.sum2 = s.bright2;
  return check;
}

SubrunCheck Accumulator::finish() const {
  SubrunCheck result;
  SubrunSummary& summary = result.summary;
  summary.run = run_;
  summary.subrun = subrun_;
  const std::size_t n_events = event_id_.size();
  if (n_events == 0) return result;
  const std::size_t middle = n_events / 2;
  const sky::Equatorial sky =
      sky::altaz_to_icrs({alt_[middle], az_[middle]}, dragon_time_[middle],
                         {telescope_.longitude_deg, telescope_.latitude_deg, telescope_.height});
  for (const EventClass c : event_classes) {
    const ClassState& state = classes_[std::size_t(c)];
    summary.num_class_events[std::size_t(c)] = state.events;
    summary.num_cleaned_events[std::size_t(c)] = state.cleaned;
    if (state.events < 2) continue;
    ClassCheck& check = result.classes[std::size_t(c)].emplace(class_check(c));
    check.alt_tel = alt_[middle];
    check.az_tel = az_[middle];
    check.ra_tel = sky.ra_deg;
    check.dec_tel = sky.dec_deg;
  }
  summary.time_start = dragon_time_.front();
  summary.time_end = dragon_time_.back();
  summary.elapsed_time = summary.time_end - summary.time_start;
  summary.num_events = std::int64_t(n_events);
  if (jumps_known_) {
    summary.num_ucts_jumps = 0;
    for (const ClassState& state : classes_)
      summary.num_ucts_jumps += state.jumps + (seen_no_jump_ ? 0 : state.leading_jumps);
  }
  summary.num_mistagged = mistagged_;
  summary.num_unknown = unknown_;
  summary.alt_tel = alt_[middle];
  summary.az_tel = az_[middle];
  summary.ra_tel = sky.ra_deg;
  summary.dec_tel = sky.dec_deg;
  const auto pointer = [&](EventClass c) -> const ClassCheck* {
    const auto& check = result.classes[std::size_t(c)];
    return check ? &*check : nullptr;
  };
  fill_from_classes(summary, pointer(EventClass::pedestals), pointer(EventClass::flatfield),
                    pointer(EventClass::cosmics));
  return result;
}

}  // namespace alisio::check
