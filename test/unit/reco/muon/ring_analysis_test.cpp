#include "reco/muon/ring_analysis.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <numbers>
#include <sstream>
#include <string>

#include "lib/instrument/telescope.hpp"
#include "lib/io/hdf5/file.hpp"

namespace alisio::muon {
namespace {
namespace fs = std::filesystem;

constexpr double deg = 180 / std::numbers::pi;
const double nan = std::numeric_limits<double>::quiet_NaN();

const instrument::Telescope& telescope() {
  static const auto loaded = instrument::load_telescope(ALISIO_SOURCE_DIR "/cfg");
  return loaded;
}

const RingCamera& camera() {
  static const RingCamera made(telescope());
  return made;
}

/// An image with what the peers made of it, by name.
struct Golden {
  std::map<std::string, double> value;
  std::vector<float> image;
  [[nodiscard]] double at(const std::string& name) const { return value.at(name); }
};

/// Compare everything but the light fit; `good` and the fit on request.
void compare(const Golden& golden, const RingResult& result) {
  EXPECT_NEAR(result.ring.lon, golden.at("lon"), 1e-9);
  EXPECT_NEAR(result.ring.lat, golden.at("lat"), 1e-9);
  EXPECT_NEAR(result.ring.radius, golden.at("radius"), 1e-9);
  EXPECT_EQ(double(result.ring_size), golden.at("ring_size"));
  EXPECT_EQ(double(result.size_outside), golden.at("size_outside"));
  EXPECT_EQ(double(result.pixels_in_ring), golden.at("pixels"));
  EXPECT_NEAR(result.mean_pixel_charge_around, golden.at("around"),
              1e-7 * std::abs(golden.at("around")));
  EXPECT_NEAR(result.containment, golden.at("containment"), 1e-9);
  EXPECT_NEAR(result.radial_stdev_deg, golden.at("stdev"), 1e-9);
  EXPECT_NEAR(result.radial_skewness, golden.at("skewness"), 1e-9);
  EXPECT_NEAR(result.radial_kurtosis, golden.at("kurtosis"), 1e-9);
  EXPECT_EQ(std::isnan(result.fit.nll), std::isnan(golden.at("nll")));
}

bool within(double ours, double theirs, double relative) {
  return std::abs(ours - theirs) <= relative * std::abs(theirs);
}

/// The fit is the peers', or its minimum is deeper.
void compare_fit(const Golden& golden, const RingResult& result) {
  const RingLight& light = result.fit.light;
  const bool same = within(light.impact, golden.at("impact"), 1e-3) &&
                    within(light.width, golden.at("width"), 1e-3) &&
                    within(light.efficiency, golden.at("efficiency"), 1e-3);
  EXPECT_TRUE(same || result.fit.nll < golden.at("nll") + 1e-3)
      << "impact " << light.impact << " for " << golden.at("impact") << ", likelihood "
      << result.fit.nll << " for " << golden.at("nll");
}

/// The likelihood at the peers' minimum has their value.
void compare_likelihood(const Golden& golden, const RingResult& result, RingScratch& scratch) {
  std::vector<std::uint8_t> mask(golden.image.size());
  for (std::size_t p = 0; p < mask.size(); ++p)
    mask[p] = std::abs(scratch.distance[p] - result.ring.radius) < 0.25 * result.ring.radius;
  const RingLight theirs{golden.at("impact"), golden.at("phi"), golden.at("width"),
                         golden.at("efficiency")};
  EXPECT_NEAR(
      negative_log_likelihood(golden.image, mask, result.ring, theirs, camera(), scratch.intensity),
      golden.at("nll"), 1e-6);
}

TEST(RingCamera, HasThePeersAngles) {
  EXPECT_NEAR(camera().radius_deg, 2.16468396431203, 1e-12);
  EXPECT_NEAR(camera().pixel_width_rad * deg, 0.09775336547817394, 1e-14);
  EXPECT_NEAR(camera().mirror_radius, 11.095043140243186, 1e-12);
  EXPECT_DOUBLE_EQ(camera().lon_rad[1] * telescope().optics.effective_focal_length,
                   telescope().geometry.y[1]);
}

TEST(NoiseOf, IsTheQuantileOfNegativeCharges) {
  // A third of the negative charges below -2: the bin whose cumulative count is nearest to 31.8 %.
  std::vector<float> image;
  for (int i = 0; i < 32; ++i) image.push_back(-2.4F);
  for (int i = 0; i < 68; ++i) image.push_back(-0.3F);
  for (int i = 0; i < 500; ++i) image.push_back(20.F);
  EXPECT_EQ(noise_of(image), 2.5);
  // Far outliers do not count, zeros do.
  image.assign(100, 0.F);
  image.insert(image.end(), 50, -16.F);
  EXPECT_EQ(noise_of(image), 15);
  image.assign(10, 3.F);
  EXPECT_EQ(noise_of(image), 15);
}

TEST(FitCircle, FindsACircle) {
  std::vector<double> lon, lat;
  std::vector<float> weights;
  for (int i = 0; i < 50; ++i) {
    lon.push_back(0.3 + 1.1 * std::cos(0.1 * i));
    lat.push_back(-0.2 + 1.1 * std::sin(0.1 * i));
    weights.push_back(1.F + float(i % 5));
  }
  const Circle ring = fit_circle(lon, lat, weights);
  EXPECT_NEAR(ring.lon, 0.3, 1e-6);
  EXPECT_NEAR(ring.lat, -0.2, 1e-6);
  EXPECT_NEAR(ring.radius, 1.1, 1e-6);
  EXPECT_TRUE(std::isnan(fit_circle({}, {}, {}).radius));
}

TEST(Containment, IsTheArcInside) {
  EXPECT_EQ(containment({0.5, 0, 1}, 2), 1);
  EXPECT_EQ(containment({4, 0, 1}, 2), 0);
  // The circles cut at right angles to the line of centres: half of the ring is inside if its
  // centre lies on the chord.
  EXPECT_NEAR(containment({std::sqrt(3), 0, 1}, 2), 0.5, 1e-12);
  EXPECT_TRUE(std::isnan(containment({nan, nan, nan}, 2)));
}

TEST(RadialMoments, AreThoseOfTheLight) {
  const std::vector<double> distance{1, 2, 3};
  const RadialMoments moments = radial_moments(distance, std::vector<float>{1, 2, 1});
  EXPECT_DOUBLE_EQ(moments.stdev, std::sqrt(0.5));
  EXPECT_DOUBLE_EQ(moments.skewness, 0);
  EXPECT_DOUBLE_EQ(moments.excess_kurtosis, -1);
  EXPECT_TRUE(std::isnan(radial_moments(distance, std::vector<float>{1, -2, 1}).stdev));
}

TEST(Completeness, CountsShiningBins) {
  const Circle ring{0, 0, 1};
  std::vector<double> lon, lat;
  std::vector<float> charge;
  for (int i = 0; i < 30; ++i) {
    const double angle = (i + 0.5) * 2 * std::numbers::pi / 30 - std::numbers::pi;
    lon.push_back(std::cos(angle));
    lat.push_back(std::sin(angle));
    charge.push_back(i < 12 ? 31.F : 30.F);
  }
  EXPECT_DOUBLE_EQ(completeness(ring, lon, lat, charge, 30, 30), 0.4);
}

TEST(AnalyseRing, RefusesWhatIsNoRing) {
  RingScratch scratch(camera().n_pixels());
  std::vector<float> image(camera().n_pixels(), 0.F);
  EXPECT_EQ(analyse_ring(image, camera(), {}, scratch).cut, RingCut::pixel_count);
  image.assign(image.size(), 50.F);
  RingResult result = analyse_ring(image, camera(), {}, scratch);
  EXPECT_EQ(result.cut, RingCut::pixel_count);
  EXPECT_EQ(result.bright_pixels, 1855);
  // A blob in the middle.
  for (std::size_t p = 0; p < image.size(); ++p)
    image[p] = std::hypot(camera().lon_deg[p], camera().lat_deg[p]) < 0.6 ? 40.F : -0.6F;
  result = analyse_ring(image, camera(), {}, scratch);
  EXPECT_EQ(result.cut, RingCut::radial_stdev);
  EXPECT_FALSE(result.good());
  EXPECT_TRUE(std::isnan(result.fit.nll));
  // Nothing survives the cleaning: no ring, and no crash.
  for (std::size_t p = 0; p < image.size(); ++p) image[p] = p % 20 == 0 ? 11.F : -14.F;
  result = analyse_ring(image, camera(), {}, scratch);
  EXPECT_EQ(result.cut, RingCut::radial_stdev);
  EXPECT_TRUE(std::isnan(result.ring.radius));
}

TEST(AnalyseRing, IsThePeersForRingsKeptHere) {
  std::ifstream file(ALISIO_SOURCE_DIR "/test/unit/reco/muon/golden_rings.txt");
  ASSERT_TRUE(file.good());
  RingScratch scratch(camera().n_pixels());
  std::string line;
  std::getline(file, line);
  int rings = 0, good = 0;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string name, value;
    Golden golden;
    words >> name;
    while (words >> name >> value) golden.value[name] = std::stod(value);
    for (int charge; golden.image.size() < camera().n_pixels() && file >> charge;)
      golden.image.push_back(float(charge) / 8);
    std::getline(file, line);
    const RingResult result = analyse_ring(golden.image, camera(), {}, scratch);
    compare(golden, result);
    EXPECT_EQ(result.good(), golden.at("good") != 0);
    if (!std::isnan(golden.at("nll"))) {
      compare_fit(golden, result);
      EXPECT_NEAR(result.completeness, golden.at("completeness"), 1e-12);
      compare_likelihood(golden, result, scratch);
    }
    ++rings;
    good += result.good() ? 1 : 0;
  }
  EXPECT_EQ(rings, 4);
  EXPECT_EQ(good, 2);
}

TEST(AnalyseRing, IsThePeersForAllReferenceRings) {
  const char* shared = std::getenv("ALISIO_SHARED");
  const fs::path folder = fs::path(shared != nullptr ? shared : ALISIO_SOURCE_DIR "/../shared") /
                          "data" / "reference" / "muons";
  if (!fs::exists(folder)) GTEST_SKIP() << folder << " is not there";
  std::vector<std::size_t> shape;
  const std::vector<double> images =
      hdf5::File::open(folder / "muon_images.h5").read_array("/image", &shape);
  std::ifstream file(folder / "muon_golden.csv");
  std::string line, cell;
  std::getline(file, line);
  std::vector<std::string> names;
  for (std::istringstream cells(line); std::getline(cells, cell, ',');) names.push_back(cell);
  const std::map<std::string, std::string> renamed{
      {"cx", "lon"},     {"cy", "lat"},         {"npix_ring", "pixels"}, {"mq", "around"},
      {"rstd", "stdev"}, {"rskew", "skewness"}, {"rkurt", "kurtosis"},   {"eff", "efficiency"}};
  RingScratch scratch(camera().n_pixels());
  RingOptions all;  // the golden values were made of untagged images as well
  all.min_bright = 0;
  all.max_bright = shape[1];
  int fits = 0, deeper = 0, good_differs = 0;
  for (std::size_t i = 0; i < shape[0]; ++i) {
    SCOPED_TRACE("ring " + std::to_string(i));
    ASSERT_TRUE(std::getline(file, line));
    Golden golden;
    std::istringstream cells(line);
    for (const std::string& name : names) {
      std::getline(cells, cell, ',');
      const auto other = renamed.find(name);
      golden.value[other == renamed.end() ? name : other->second] = cell.empty()     ? nan
                                                                    : cell == "True" ? 1
                                                                    : cell == "False"
                                                                        ? 0
                                                                        : std::stod(cell);
    }
    golden.value["width"] /= deg;
    golden.value["phi"] = std::atan2(golden.at("impact_y"), golden.at("impact_x"));
    for (std::size_t p = 0; p < shape[1]; ++p)
      golden.image.push_back(float(images[i * shape[1] + p]));
    EXPECT_EQ(may_be_ring(count_bright(golden.image, {}), {}), golden.at("tag") != 0);
    const RingResult result = analyse_ring(golden.image, camera(), all, scratch);
    compare(golden, result);
    if (std::isnan(golden.at("nll"))) {
      EXPECT_FALSE(result.good());
      continue;
    }
    ++fits;
    compare_fit(golden, result);
    compare_likelihood(golden, result, scratch);
    const bool is_deeper = result.fit.nll < golden.at("nll") - 5;
    deeper += is_deeper ? 1 : 0;
    if (result.good() != (golden.at("good") != 0)) {
      // Only where MIGRAD stopped far above the minimum.
      EXPECT_TRUE(is_deeper);
      ++good_differs;
    }
  }
  EXPECT_EQ(fits, 180);
  EXPECT_LE(deeper, 20);
  EXPECT_EQ(good_differs, 4);
}

TEST(FitIntensity, DoesNotDependOnWhatWasFittedBefore) {
  std::vector<float> image(camera().n_pixels());
  std::vector<std::uint8_t> mask(image.size());
  const Circle ring{0.1, -0.2, 1.1};
  for (std::size_t p = 0; p < image.size(); ++p) {
    const double off =
        std::hypot(camera().lon_deg[p] - ring.lon, camera().lat_deg[p] - ring.lat) - ring.radius;
    mask[p] = std::abs(off) < 0.25 * ring.radius;
    image[p] = float(6 * std::exp(-off * off / (2 * 0.06 * 0.06)) + 0.3 * std::sin(double(p)));
  }
  LikelihoodScratch fresh, used;
  const IntensityFit first = fit_intensity(image, mask, ring, camera(), fresh);
  const std::vector<float> other(image.size(), 3.F);
  (void)fit_intensity(other, mask, {0, 0, 0.9}, camera(), used);
  const IntensityFit again = fit_intensity(image, mask, ring, camera(), used);
  EXPECT_EQ(first.nll, again.nll);
  EXPECT_EQ(first.light.impact, again.light.impact);
  EXPECT_EQ(first.evaluations, again.evaluations);
  EXPECT_NEAR(first.light.width * deg, 0.05, 0.02);
  // A dark ring has no light to fit, and says so by its efficiency.
  const std::vector<float> dark(image.size(), 0.F);
  EXPECT_LT(fit_intensity(dark, mask, ring, camera(), used).light.efficiency, 0.01);
}

}  // namespace
}  // namespace alisio::muon
