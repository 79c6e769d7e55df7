#include "reco/check/accumulator.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <random>

namespace alisio::check {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// One pixel with its six neighbours, 5 cm apart.
instrument::Telescope seven_pixels() {
  instrument::Telescope telescope;
  telescope.longitude_deg = -17.89149701;
  telescope.latitude_deg = 28.76152611;
  telescope.height = 2199.885;
  telescope.optics.equivalent_focal_length = 28;
  instrument::CameraGeometry& camera = telescope.geometry;
  camera.name = "seven";
  camera.n_pixels = 7;
  constexpr double pitch = 0.05;
  for (std::int64_t i = 0; i < 7; ++i) {
    const double angle = double(i - 1) * std::numbers::pi / 3;
    camera.pix_id.push_back(i);
    camera.x.push_back(i == 0 ? 0 : pitch * std::cos(angle));
    camera.y.push_back(i == 0 ? 0 : pitch * std::sin(angle));
    camera.area.push_back(pitch * pitch * std::numbers::sqrt3 / 2);
  }
  instrument::complete_geometry(camera, "test");
  return telescope;
}

/// Events in columns that own their values.
struct Columns {
  std::vector<std::int64_t> event_id;
  std::vector<double> dragon_time, alt, az;
  std::vector<EventType> type;
  std::vector<std::uint8_t> trigger, ucts, jump;
  std::vector<ImageParameters> parameters;
  std::vector<float> image, time;

  void add(EventType event_type, double at, std::vector<float> charges, std::vector<float> times,
           ImageParameters p = {}, bool jumped = false) {
    event_id.push_back(std::int64_t(event_id.size()) + 1);
    dragon_time.push_back(at);
    alt.push_back(1.2);
    az.push_back(0.4);
    type.push_back(event_type);
    trigger.push_back(event_type == EventType::subarray ? 1 : 64);
    ucts.push_back(event_type == EventType::subarray ? 1 : 32);
    jump.push_back(std::uint8_t(jumped));
    parameters.push_back(p);
    image.insert(image.end(), charges.begin(), charges.end());
    time.insert(time.end(), times.begin(), times.end());
  }

  [[nodiscard]] Events events(std::size_t first, std::size_t n) const {
    const std::size_t pixels = image.size() / event_id.size();
    const auto part = [&](const auto& v) { return std::span(v).subspan(first, n); };
    return {.size = n,
            .event_id = part(event_id),
            .dragon_time = part(dragon_time),
            .ucts_time = {},
            .tib_time = {},
            .alt_tel = part(alt),
            .az_tel = part(az),
            .event_type = part(type),
            .trigger_type = part(trigger),
            .ucts_trigger_type = part(ucts),
            .ucts_jump = part(jump),
            .parameters = part(parameters),
            .image = std::span(image).subspan(first * pixels, n * pixels),
            .peak_time = std::span(time).subspan(first * pixels, n * pixels)};
  }

  [[nodiscard]] SubrunCheck check(std::size_t block, std::int64_t subrun = 3) const {
    Accumulator sums(seven_pixels(), 11220, subrun);
    Prepared prepared;
    for (std::size_t first = 0; first < event_id.size(); first += block) {
      const Events some = events(first, std::min(block, event_id.size() - first));
      sums.prepare(some, prepared);
      sums.add(some, prepared);
    }
    return sums.finish();
  }
};

ImageParameters shower() {
  ImageParameters p;
  p.intensity = 300;
  p.x = 0.05;  // pixel 1
  p.y = 0.001;
  p.r = 0.5;  // 1.023 deg
  p.length = 0.255;
  p.width = 0.1;
  p.psi = 0.5;  // 28.6 deg
  p.skewness = 0.1;
  p.time_gradient = -20;  // 9.77 ns/deg
  p.intercept = 15;
  p.n_pixels = 12;
  p.n_islands = 2;
  p.concentration_pixel = 0.2;
  return p;
}

Columns golden_events() {
  Columns c;
  using T = EventType;
  c.add(T::sky_pedestal, 100, {1, 2, 3, 4, 5, 6, 0}, {1, 1, 1, 1, 1, 1, 1}, {}, true);
  c.add(T::subarray, 100.0005, {40, 2, 0.5F, 31, 2, 2, 0}, {10, 12, 99, 11, 13, 14, 99}, shower());
  c.add(T::sky_pedestal, 100.001, {3, 2, 3, 4, 5, 12, 0}, {1, 1, 1, 1, 1, 1, 1});
  c.add(T::subarray, 100.1, {20, 4, 0.5F, 35, 2, 2, 0},
        {20, 20, 99, 26, 20, std::numeric_limits<float>::quiet_NaN(), 99}, {}, true);
  return c;
}

std::size_t only_bin(const std::vector<std::int64_t>& counts) {
  std::size_t bin = counts.size();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    EXPECT_EQ(bin, counts.size()) << "more than one bin is filled";
    EXPECT_EQ(counts[i], 1);
    bin = i;
  }
  return bin;
}

TEST(Accumulator, GoldenPedestals) {
  const SubrunCheck found = golden_events().check(10);
  ASSERT_TRUE(found.classes[0]);
  EXPECT_FALSE(found.classes[1]) << "no flat-fields";
  const ClassCheck& c = *found.classes[0];
  EXPECT_EQ(c.run, 11220);
  EXPECT_EQ(c.subrun, 3);
  EXPECT_EQ(c.num_events, 2);
  EXPECT_EQ(c.num_cleaned_events, 0);
  EXPECT_NEAR(c.elapsed_time, 0.1, 1e-12) << "of all events";
  EXPECT_EQ(c.num_ucts_jumps, 0) << "a jump that opens the file is of an earlier one";
  EXPECT_EQ(c.trigger_types, (std::map<int, std::int64_t>{{64, 2}}));
  EXPECT_EQ(c.ucts_trigger_types, (std::map<int, std::int64_t>{{32, 2}}));
  EXPECT_DOUBLE_EQ(c.charge.mean(0), 2);
  EXPECT_DOUBLE_EQ(c.charge.stddev(0), 1);
  EXPECT_DOUBLE_EQ(c.charge.mean(5), 9);
  EXPECT_DOUBLE_EQ(c.charge.stddev(5), 3);
  EXPECT_EQ(c.pulses_above[0][5], 1);
  EXPECT_EQ(c.pulses_above[1][5], 0);
  EXPECT_TRUE(std::isnan(c.time.mean(0))) << "no times of pedestals";
  ASSERT_EQ(c.sampled_event_ids.size(), n_samples);
  EXPECT_EQ(c.sampled_event_ids[0], 1);
  EXPECT_EQ(c.sampled_event_ids[1], 3);
  EXPECT_EQ(c.sampled_event_ids[49], 3) << "the last is repeated";
  EXPECT_DOUBLE_EQ(c.dragon_time[1], 100.001);
  // 0.5 ms, 0.5 ms; 99 ms is beyond the edges.
  std::int64_t total = 0;
  for (const std::int64_t n : c.histograms[Histogram::delta_t]) total += n;
  EXPECT_EQ(total, 2);
  EXPECT_EQ(c.histograms[Histogram::delta_t], found.classes[2]->histograms[Histogram::delta_t]);
}

TEST(Accumulator, GoldenCosmics) {
  const SubrunCheck found = golden_events().check(10);
  ASSERT_TRUE(found.classes[2]);
  const ClassCheck& c = *found.classes[2];
  EXPECT_EQ(c.num_events, 2);
  EXPECT_EQ(c.num_cleaned_events, 1);
  EXPECT_EQ(c.num_ucts_jumps, 1);
  // Times of pulses above 1 p.e.; the medians of the events are 12 (of 10 to 14) and 20.
  EXPECT_DOUBLE_EQ(c.time.mean(0), 15);
  EXPECT_DOUBLE_EQ(c.time.stddev(0), 5);
  EXPECT_DOUBLE_EQ(c.relative_time.mean(0), -1);
  EXPECT_DOUBLE_EQ(c.relative_time.stddev(0), 1);
  EXPECT_EQ(c.time.count[2], 0);
  EXPECT_TRUE(std::isnan(c.time.mean(2)));
  EXPECT_EQ(c.time.count[5], 1) << "a time that is no number does not count";
  EXPECT_DOUBLE_EQ(c.relative_time.mean(5), 2);
  // Above 30 p.e.: pixel 0 once, pixel 3 twice, by relative times.
  EXPECT_EQ(c.time_above_030_pe.count[0], 1);
  EXPECT_DOUBLE_EQ(c.time_above_030_pe.mean(3), 2.5);
  EXPECT_DOUBLE_EQ(c.time_above_030_pe.stddev(3), 3.5);
  EXPECT_EQ(c.pulses_above[0][0], 2);
  EXPECT_EQ(c.pulses_above[1][3], 2);
  EXPECT_EQ(c.cog_within_pixel, (std::vector<std::int64_t>{0, 1, 0, 0, 0, 0, 0}));
  EXPECT_EQ(c.cog_within_pixel_intensity_gt_200, c.cog_within_pixel);

  using H = Histogram;
  const auto& h = c.histograms;
  EXPECT_EQ(only_bin(h[H::npixels]), 2U) << "12 pixels lie in [10.5, 15.5)";
  EXPECT_EQ(only_bin(h[H::nislands]), 2U) << "-1 islands are not counted";
  EXPECT_EQ(only_bin(h[H::intensity]), 29U) << "10^2.477";
  EXPECT_EQ(only_bin(h[H::dist0]), 20U) << "1.0231 deg in steps of 0.05102";
  EXPECT_EQ(only_bin(h[H::psi]), 64U) << "28.6 deg, not 0.5";
  const std::size_t at = 35;  // 10^2.477 from 10^0.7 in steps of 0.05
  EXPECT_EQ(only_bin(h[H::width]), at * 100 + 12);
  EXPECT_EQ(only_bin(h[H::length]), at * 100 + 25);
  EXPECT_EQ(only_bin(h[H::skewness]), at * 100 + 51);
  EXPECT_EQ(only_bin(h[H::intercept]), at * 100 + 64);
  EXPECT_EQ(only_bin(h[H::tgrad_vs_length]), 25U * 100 + 4) << "9.77 ns/deg in steps of 2";
  EXPECT_EQ(only_bin(h[H::tgrad_vs_length_intensity_gt_200]), 25U * 100 + 19);
  std::int64_t charges = 0;
  for (const std::int64_t n : h[H::pixelchargespectrum]) charges += n;
  EXPECT_EQ(charges, 12) << "zeros are left out";
}

TEST(Accumulator, ClassesFollowTagAndLooks) {
  ImageParameters bright;
  bright.intensity = 60000;
  bright.concentration_pixel = 0.004;
  ImageParameters dim = bright;
  dim.intensity = 50000;
  Columns c;
  const std::vector<float> image(7, 1), time(7, 1);
  c.add(EventType::flatfield, 1, image, time, bright);
  c.add(EventType::flatfield, 2, image, time, bright);
  c.add(EventType::flatfield, 3, image, time, dim);    // tagged, does not look so
  c.add(EventType::subarray, 4, image, time, bright);  // looks so, not tagged
  c.add(EventType::sky_pedestal, 5, image, time);      // alone: no class
  c.add(EventType::unknown, 6, image, time);
  const SubrunCheck found = c.check(4);
  EXPECT_FALSE(found.classes[0]);
  ASSERT_TRUE(found.classes[1]);
  EXPECT_EQ(found.classes[1]->num_events, 2);
  EXPECT_EQ(found.classes[2]->num_events, 3);
  EXPECT_EQ(found.summary.num_events, 6);
  EXPECT_EQ(found.summary.num_class_events, (std::array<std::int64_t, 3>{1, 2, 3}));
  EXPECT_EQ(found.summary.num_mistagged, 2);
  EXPECT_EQ(found.summary.num_unknown, 1);
  EXPECT_DOUBLE_EQ(found.summary.elapsed_time, 5);
  EXPECT_DOUBLE_EQ(found.summary.rate(EventClass::cosmics), 0.6);
  EXPECT_DOUBLE_EQ(found.summary.unusable_pixels, 1) << "all charges are the same in all events";
}

TEST(Accumulator, CentroidsBeyondTheCameraAreInNoPixel) {
  Columns c;
  const std::vector<float> image(7, 1), time(7, 1);
  const auto at = [&](double x, double y) {
    ImageParameters p = shower();
    p.x = x;
    p.y = y;
    c.add(EventType::subarray, 1, image, time, p);
  };
  at(0, 0);
  at(0.0749, 0);  // inside pixel 1, whose edge is at 0.075
  at(0.0760, 0);  // beyond the edge, within the circle around the hexagon
  at(0.2, 0);
  const SubrunCheck found = c.check(10);
  EXPECT_EQ(found.classes[2]->cog_within_pixel, (std::vector<std::int64_t>{1, 1, 0, 0, 0, 0, 0}));
}

/// Events at random, with all classes and with times that are no numbers.
Columns random_events(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(0, 1);
  Columns c;
  for (std::size_t i = 0; i < n; ++i) {
    ImageParameters p = shower();
    p.intensity = 1000 * uniform(random);
    p.x = 0.1 * uniform(random) - 0.05;
    auto type = EventType::subarray;
    if (i % 5 == 1) type = EventType::sky_pedestal;
    if (i % 5 == 2) {
      type = EventType::flatfield;
      p.intensity = 1e5;
      p.concentration_pixel = 0.001;
    }
    std::vector<float> image, time;
    for (int pixel = 0; pixel < 7; ++pixel) {
      image.push_back(std::exp(8 * uniform(random) - 2) - 0.2F);
      time.push_back(uniform(random) < 0.05F ? std::numeric_limits<float>::quiet_NaN()
                                             : 30 * uniform(random));
    }
    c.add(type, 1e9 + 1e-4 * double(i), image, time, p, uniform(random) < 0.1F);
  }
  return c;
}

void expect_same(const Moments& a, const Moments& b) {
  EXPECT_EQ(a.count, b.count);
  EXPECT_EQ(a.sum, b.sum);
  EXPECT_EQ(a.sum2, b.sum2);
}

TEST(Accumulator, BlocksDoNotMatter) {
  const Columns events = random_events(211, 3);
  const SubrunCheck whole = events.check(1000);
  for (const std::size_t block : {1, 7, 32}) {
    const SubrunCheck parts = events.check(block);
    for (std::size_t c = 0; c < n_classes; ++c) {
      const ClassCheck &a = *parts.classes[c], &b = *whole.classes[c];
      expect_same(a.charge, b.charge);
      expect_same(a.time, b.time);
      expect_same(a.relative_time, b.relative_time);
      expect_same(a.time_above_030_pe, b.time_above_030_pe);
      EXPECT_EQ(a.histograms.of, b.histograms.of);
      EXPECT_EQ(a.sampled_event_ids, b.sampled_event_ids);
      EXPECT_EQ(a.num_ucts_jumps, b.num_ucts_jumps);
    }
  }
}

TEST(Accumulator, ChargesFallWhereTheEdgesSay) {
  const Binning& b = binning(Histogram::pixelchargespectrum);
  std::vector<float> charges{0.05F, 0.1F, 1.0F, 10.0F, 1000.0F, 50118.72F, 50119.F,
                             3e38F, -1.F, 0,    -0.0F, -1e-30F, -3e38F,    1e-40F};
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (const float odd : {infinity, -infinity, std::numeric_limits<float>::quiet_NaN(),
                          -std::numeric_limits<float>::quiet_NaN()})
    charges.push_back(odd);
  for (float charge = 0.05F; charge < 1e5F; charge *= 1.0037F) charges.push_back(charge);
  for (const double edge : b.x)
    for (const float near :
         {std::nextafter(float(edge), 0.0F), float(edge), std::nextafter(float(edge), 1e9F)})
      charges.push_back(near);
  while (charges.size() % 7 != 0) charges.push_back(0);
  std::vector<std::int64_t> expected(b.x_bins(), 0);
  for (const float charge : charges)
    if (const std::size_t bin = bin_of(b.x, double(charge)); charge > 0 && bin < b.x_bins())
      ++expected[bin];
  Columns c;
  for (std::size_t i = 0; i < charges.size(); i += 7)
    c.add(EventType::subarray, 1,
          {charges.begin() + std::ptrdiff_t(i), charges.begin() + std::ptrdiff_t(i + 7)},
          std::vector<float>(7, 1));
  EXPECT_EQ(c.check(10).classes[2]->histograms[Histogram::pixelchargespectrum], expected);
}

TEST(ClassSum, IsWhatOnePassWouldFind) {
  const Columns first = random_events(100, 1), second = random_events(60, 2);
  Columns both = first;
  for (std::size_t i = 0; i < 60; ++i)
    both.add(second.type[i], second.dragon_time[i],
             {second.image.begin() + std::ptrdiff_t(7 * i),
              second.image.begin() + std::ptrdiff_t(7 * i + 7)},
             {second.time.begin() + std::ptrdiff_t(7 * i),
              second.time.begin() + std::ptrdiff_t(7 * i + 7)},
             second.parameters[i]);
  const SubrunCheck a = first.check(10), b = second.check(10, 4), whole = both.check(10);
  for (std::size_t k = 0; k < n_classes; ++k) {
    const std::vector<ClassCheck> rows{*a.classes[k], *b.classes[k]};
    const ClassCheck sum = sum_of(rows), &one = *whole.classes[k];
    EXPECT_EQ(sum.n_subruns, 2);
    EXPECT_EQ(sum.num_events, one.num_events);
    EXPECT_EQ(sum.num_cleaned_events, one.num_cleaned_events);
    EXPECT_EQ(sum.histograms[Histogram::width], one.histograms[Histogram::width]);
    EXPECT_EQ(sum.sampled_event_ids.size(), n_samples);
    for (std::size_t p = 0; p < 7; ++p) {
      EXPECT_DOUBLE_EQ(sum.charge.mean(p), one.charge.mean(p));
      EXPECT_NEAR(sum.charge.stddev(p), one.charge.stddev(p), 1e-9 * one.charge.stddev(p));
      if (k == 0) continue;
      EXPECT_EQ(sum.time.count[p], one.time.count[p]);
      EXPECT_NEAR(sum.relative_time.stddev(p), one.relative_time.stddev(p), 1e-12);
    }
  }
}

TEST(ClassSum, KeepsTheSpreadBetweenSubruns) {
  ClassCheck a(1), b(1);
  a.num_events = b.num_events = 10;
  a.charge = {{10}, {10}, {10}};  // ten times 1
  b.charge = {{10}, {30}, {90}};  // ten times 3
  const ClassCheck sum = sum_of(std::vector{a, b});
  EXPECT_DOUBLE_EQ(sum.charge.mean(0), 2);
  EXPECT_DOUBLE_EQ(sum.charge.stddev(0), 1) << "0 if only the subruns' own spreads counted";
}

TEST(Moments, WithoutEntriesAreNoNumbers) {
  Moments m;
  m.resize(1);
  EXPECT_TRUE(std::isnan(m.mean(0)));
  EXPECT_TRUE(std::isnan(m.stddev(0)));
  m.count[0] = 3;
  m.sum[0] = 0.3;
  m.sum2[0] = 0.03;
  EXPECT_NEAR(m.stddev(0), 0, 1e-8) << "rounding makes no spread, and no root of less than 0";
  m.sum[0] = nan;
  EXPECT_TRUE(std::isnan(m.mean(0)));
  EXPECT_TRUE(std::isnan(m.stddev(0)));
}

}  // namespace
}  // namespace alisio::check
