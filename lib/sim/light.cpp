#include "lib/sim/light.hpp"

#include <algorithm>

#include "lib/sim/random.hpp"

namespace alisio::sim {
namespace {

constexpr double faintest_trigger_pe = 60;
constexpr double muon_rest_mass_tev = 0.10566e-3;
constexpr double cherenkov_angle_max = 0.0217;  ///< rad, at the height of the observatory

struct Particle {
  double energy_tev = 0, impact_m = 0, size_pe = 0;
};

/// Draw energy and impact until enough light arrives to trigger.
Particle draw_particle(Random& random, double low_tev, double high_tev, double pe_at_100_gev,
                       double scatter, double cos_zenith) {
  Particle particle;
  do {
    // E^-1.5 between the limits, by inversion.
    const double a = 1 / std::sqrt(low_tev), b = 1 / std::sqrt(high_tev);
    const double root = a + (b - a) * random.uniform();
    particle.energy_tev = 1 / (root * root);
    particle.impact_m = 260 * std::sqrt(random.uniform()) / cos_zenith;
    const double shoulder = 120 / cos_zenith;  // the pool of light widens with zenith
    const double lateral =
        particle.impact_m < shoulder ? 1.0 : portable_exp((shoulder - particle.impact_m) / 80);
    particle.size_pe = pe_at_100_gev * portable_pow(particle.energy_tev / 0.1, 1.05) * lateral *
                       cos_zenith * cos_zenith * portable_exp(scatter * random.normal());
  } while (particle.size_pe < faintest_trigger_pe);
  return particle;
}

struct Ellipse {
  double x = 0, y = 0, length = 0, width = 0, psi = 0, pe = 0;
};

/// Add a skewed Gaussian image; what falls outside the camera is lost.
void add_ellipse(const CameraModel& camera, const Ellipse& image, std::vector<float>& light) {
  const auto& geometry = camera.telescope.geometry;
  const SinCos axis = portable_sincos(image.psi);
  const double density = image.pe / (2 * pi * image.length * image.width);
  for (std::size_t p = 0; p < camera.n_pixels; ++p) {
    const double dx = geometry.x[p] - image.x, dy = geometry.y[p] - image.y;
    const double along = dx * axis.cos + dy * axis.sin;
    const double across = dy * axis.cos - dx * axis.sin;
    // Steep towards the source, with a tail away from it; the two halves keep the total.
    const double l = along / (image.length * (along < 0 ? 0.75 : 1.25)), t = across / image.width;
    const double exponent = 0.5 * (l * l + t * t);
    if (exponent < 16)
      light[p] += static_cast<float>(density * geometry.area[p] * portable_exp(-exponent));
  }
}

void add_gradient(const CameraModel& camera, const Truth& truth, double offset_ns,
                  std::vector<float>& time) {
  const auto& geometry = camera.telescope.geometry;
  const SinCos axis = portable_sincos(truth.psi);
  for (std::size_t p = 0; p < camera.n_pixels; ++p) {
    const double along =
        (geometry.x[p] - truth.x) * axis.cos + (geometry.y[p] - truth.y) * axis.sin;
    time[p] = static_cast<float>(
        std::clamp(signal_time_ns + offset_ns + truth.gradient * along, 4.0, 37.0));
  }
}

void make_gamma(const CameraModel& camera, sky::CameraPoint source, double cos_zenith,
                Random& random, Light& light) {
  Truth& truth = light.truth;
  const Particle particle = draw_particle(random, 0.02, 10, 260, 0.12, cos_zenith);
  truth.energy_tev = particle.energy_tev;
  truth.impact_m = particle.impact_m;
  truth.size_pe = particle.size_pe;
  truth.source_x = source.x;
  truth.source_y = source.y;
  // The shower maximum seen from the telescope: higher for small energies, farther when inclined.
  const double distance_m = (10200 - 1500 * portable_log10(particle.energy_tev / 0.1)) / cos_zenith;
  const double angle = particle.impact_m / distance_m;
  const double disp = std::max(
      0.03, camera.telescope.optics.effective_focal_length * (angle - angle * angle * angle / 3));
  const double direction = random.uniform(0, 2 * pi);
  const SinCos away = portable_sincos(direction);
  truth.x = source.x + disp * away.cos;
  truth.y = source.y + disp * away.sin;
  truth.length = std::clamp(0.05 + 0.04 * portable_log10(truth.size_pe / 50) + 0.06 * (disp - 0.3) +
                                random.normal(0, 0.01),
                            0.04, 0.3);
  truth.width = truth.length * std::clamp(random.normal(0.38, 0.05), 0.2, 0.7);
  truth.psi = direction + random.normal(0, 0.06);
  truth.gradient = 18 * (disp - 0.2) + random.normal(0, 2);
  add_ellipse(camera, {truth.x, truth.y, truth.length, truth.width, truth.psi, truth.size_pe},
              light.photoelectrons);
  add_gradient(camera, truth, random.normal(0, 0.6), light.time);
}

void make_hadron(const CameraModel& camera, double cos_zenith, Random& random, Light& light) {
  Truth& truth = light.truth;
  const Particle particle = draw_particle(random, 0.05, 30, 90, 0.4, cos_zenith);
  truth.energy_tev = particle.energy_tev;
  truth.impact_m = particle.impact_m;
  truth.size_pe = particle.size_pe;
  truth.x = random.normal(0, 0.45);
  truth.y = random.normal(0, 0.45);
  truth.psi = random.uniform(0, 2 * pi);
  truth.length = std::clamp(random.normal(0.16, 0.06), 0.05, 0.4);
  truth.width = truth.length * std::clamp(random.normal(0.6, 0.12), 0.3, 0.95);
  truth.gradient = random.normal(0, 8);
  const SinCos axis = portable_sincos(truth.psi);
  const double disp = random.uniform(0.05, 0.6);
  truth.source_x = truth.x - disp * axis.cos;
  truth.source_y = truth.y - disp * axis.sin;
  const std::uint32_t islands = 1 + random.below(3);
  double rest = 1;
  for (std::uint32_t k = 1; k < islands; ++k) {
    const double fraction = random.uniform(0.05, 0.3);
    rest -= fraction;
    const double dx = random.normal(0, 0.35), dy = random.normal(0, 0.35);
    add_ellipse(camera,
                {truth.x + dx, truth.y + dy, truth.length * 0.7, truth.width * 0.7,
                 random.uniform(0, 2 * pi), fraction * truth.size_pe},
                light.photoelectrons);
  }
  add_ellipse(camera,
              {truth.x, truth.y, truth.length, truth.width, truth.psi, rest * truth.size_pe},
              light.photoelectrons);
  add_gradient(camera, truth, random.normal(0, 0.6), light.time);
}

void make_muon(const CameraModel& camera, Random& random, Light& light) {
  const auto& geometry = camera.telescope.geometry;
  Truth& truth = light.truth;
  truth.x = truth.source_x = random.normal(0, 0.25);
  truth.y = truth.source_y = random.normal(0, 0.25);
  truth.length = random.uniform(0.42, 0.60);
  truth.width = random.uniform(0.015, 0.03);
  truth.size_pe = random.uniform(1500, 4000) * truth.length / 0.5;
  const double angle = truth.length / camera.telescope.optics.equivalent_focal_length;
  truth.energy_tev =
      muon_rest_mass_tev / std::sqrt(cherenkov_angle_max * cherenkov_angle_max - angle * angle);
  // Light along the ring depends on how far from the mirror's centre the muon falls.
  const double modulation = random.uniform(0, 0.6);
  truth.impact_m = modulation * 20;
  const SinCos impact = portable_sincos(random.uniform(0, 2 * pi));
  double sum = 0;
  for (std::size_t p = 0; p < camera.n_pixels; ++p) {
    const double dx = geometry.x[p] - truth.x, dy = geometry.y[p] - truth.y;
    const double r = std::sqrt(dx * dx + dy * dy), d = (r - truth.length) / truth.width;
    if (d * d > 32 || r == 0) continue;
    const double cosine = (dx * impact.cos + dy * impact.sin) / r;
    const double value = portable_exp(-0.5 * d * d) * (1 + modulation * cosine);
    light.photoelectrons[p] = static_cast<float>(value);
    sum += value;
  }
  const auto scale = static_cast<float>(sum > 0 ? truth.size_pe / sum : 0);
  for (float& value : light.photoelectrons) value *= scale;
  const auto time = static_cast<float>(signal_time_ns + random.normal(0, 0.4));
  std::fill(light.time.begin(), light.time.end(), time);
}

}  // namespace

const char* to_string(EventKind kind) noexcept {
  switch (kind) {
    case EventKind::drs4:
      return "drs4";
    case EventKind::flat_field:
      return "flatfield";
    case EventKind::pedestal:
      return "pedestal";
    case EventKind::gamma:
      return "gamma";
    case EventKind::hadron:
      return "hadron";
    case EventKind::muon:
      return "muon";
  }
  return "";
}

std::uint8_t trigger_of(EventKind kind) noexcept {
  if (kind == EventKind::flat_field) return trigger_bit::calibration | trigger_bit::mono;
  return kind == EventKind::pedestal ? trigger_bit::pedestal : trigger_bit::mono;
}

EventKind choose_kind(double uniform) noexcept {
  if (uniform < 0.06) return EventKind::flat_field;
  if (uniform < 0.12) return EventKind::pedestal;
  if (uniform < 0.22) return EventKind::muon;
  return uniform < 0.50 ? EventKind::gamma : EventKind::hadron;
}

void make_light(const CameraModel& camera, EventKind kind, sky::CameraPoint source,
                double cos_zenith, std::uint64_t seed, std::uint64_t run, std::uint64_t event,
                Light& light) {
  Random random(seed, Purpose::shower, run, event);
  light.truth = Truth{};
  light.truth.kind = kind;
  light.photoelectrons.assign(camera.n_pixels, 0.0F);
  light.time.assign(camera.n_pixels, static_cast<float>(signal_time_ns));
  switch (kind) {
    case EventKind::drs4:
    case EventKind::pedestal:
      return;
    case EventKind::flat_field: {
      light.truth.size_pe = flat_field_pe;
      const double flash = flat_field_pe * random.normal(1, 0.01), jitter = random.normal(0, 0.5);
      std::fill(light.photoelectrons.begin(), light.photoelectrons.end(),
                static_cast<float>(flash));
      std::fill(light.time.begin(), light.time.end(), static_cast<float>(signal_time_ns + jitter));
      break;
    }
    case EventKind::gamma:
      make_gamma(camera, source, cos_zenith, random, light);
      break;
    case EventKind::hadron:
      make_hadron(camera, cos_zenith, random, light);
      break;
    case EventKind::muon:
      make_muon(camera, random, light);
      break;
  }
  for (std::size_t p = 0; p < camera.n_pixels; ++p) {
    light.photoelectrons[p] *= camera.efficiency[p];
    light.time[p] += camera.transit_time[p];
  }
}

}  // namespace alisio::sim
