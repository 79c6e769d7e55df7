// Writes a small DL2 file of simulated events, as dl1-to-dl2 makes it, with what alisio irf reads.
// Usage: monte_carlo FILE KEY=VALUE..., with
//   kind       gamma (diffuse), point (0.4 deg off the pointing), proton or electron
//   events     rows; zenith, azimuth  of the pointing, deg; seed
//   runs       rows of the table of simulated runs; 0: no such table, as in data
//   different  1: the runs' spectral index differs
//   nan        so many of the first rows have no reconstructed energy
//   second     so many of the last rows are of another pointing
//   gammaness  of all events, in place of random ones
//   typed      0: no column tells the particle
//   lost       so many of the first rows have no pointing
//   source     1: alpha and the like in the table of the source-dependent analysis
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>
#include <map>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include "lib/base/error.hpp"
#include "test/cases/column_table.hpp"

namespace alisio {
namespace {

constexpr double deg = std::numbers::pi / 180;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// What the command line says, or else.
struct Wishes {
  std::map<std::string, std::string> words{
      {"kind", "gamma"}, {"events", "2000"},  {"zenith", "20"},   {"azimuth", "180"},
      {"seed", "1"},     {"runs", "1"},       {"different", "0"}, {"nan", "0"},
      {"second", "0"},   {"gammaness", "-1"}, {"source", "0"},    {"typed", "1"},
      {"lost", "0"}};

  [[nodiscard]] double number(const std::string& key) const { return std::stod(words.at(key)); }
  [[nodiscard]] std::size_t count(const std::string& key) const { return std::size_t(number(key)); }
  [[nodiscard]] bool is(const std::string& kind) const { return words.at("kind") == kind; }
};

/// Uniform in [0, 1), the same everywhere.
class Random {
 public:
  explicit Random(std::size_t seed) : bits_(seed) {}
  double operator()() { return double(bits_() >> 11) * 0x1p-53; }

 private:
  std::mt19937_64 bits_;
};

/// Give the direction at a distance from (altitude, azimuth), all rad.
std::pair<double, double> displaced(double altitude, double azimuth, double distance,
                                    double angle) {
  const double up = std::sin(altitude), out = std::cos(altitude);
  const double across = std::sin(distance) * std::sin(angle);
  const double forward = out * std::cos(distance) - up * std::sin(distance) * std::cos(angle);
  return {std::asin(up * std::cos(distance) + out * std::sin(distance) * std::cos(angle)),
          azimuth + std::atan2(across, forward)};
}

Columns make_events(const Wishes& wishes) {
  Random random(wishes.count("seed"));
  Columns columns;
  const std::size_t n = wishes.count("events");
  const bool gammas = wishes.is("gamma") || wishes.is("point");
  const double pointing_altitude = (90 - wishes.number("zenith")) * deg;
  const auto add = [&](const char* name, double value) { columns[name].push_back(value); };
  for (std::size_t i = 0; i < std::max<std::size_t>(n, 1); ++i) {
    const bool other = i + wishes.count("second") >= n;
    const double altitude = pointing_altitude - (other ? 5 * deg : 0);
    const double azimuth = wishes.number("azimuth") * deg;
    const double radius = wishes.is("point") ? 0.4 : (gammas ? 2.0 : 6.0) * std::sqrt(random());
    const auto [true_altitude, true_azimuth] =
        displaced(altitude, azimuth, radius * deg, 2 * std::numbers::pi * random());
    const double theta = 0.1 * std::sqrt(-2 * std::log(1 - random()));
    const auto [reco_altitude, reco_azimuth] =
        displaced(true_altitude, true_azimuth, theta * deg, 2 * std::numbers::pi * random());
    const double energy = 0.01 * std::pow(5000.0, random());
    const double spread = random();
    add("mc_energy", energy);
    add("mc_alt", true_altitude);
    add("mc_az", true_azimuth);
    const bool lost = i < wishes.count("lost");
    add("mc_alt_tel", lost ? nan : altitude);
    add("mc_az_tel", lost ? nan : azimuth);
    add("reco_energy", i < wishes.count("nan") ? nan : energy * (0.7 + 0.6 * random()));
    add("reco_alt", reco_altitude);
    add("reco_az", reco_azimuth);
    const double given = wishes.number("gammaness");
    add("gammaness", given >= 0 ? given : gammas ? 1 - 0.5 * spread * spread : spread * spread);
    add("disp_sign", 1);
    add("reco_disp_sign", random() < 0.9 ? 1 : -1);
    if (wishes.count("typed") != 0) add("mc_type", gammas ? 0 : wishes.is("electron") ? 1 : 101);
    add("tel_id", 1);
    add("event_type", 32);
    add("r", 0.5);
    add("wl", 0.4);
    add("leakage_intensity_width_2", 0);
    add("intensity", 200);
    add("length", 0.2);
    add("width", 0.08);
  }
  // A table without rows has its columns all the same.
  for (auto& [name, values] : columns) values.resize(n);
  return columns;
}

/// The runs of CORSIKA and sim_telarray that the events are of.
Columns make_runs(const Wishes& wishes) {
  Columns columns;
  const bool point = wishes.is("point");
  const double cone = point ? 0.4 : wishes.is("gamma") ? 2 : 6;
  for (std::size_t run = 0; run < wishes.count("runs"); ++run) {
    const auto add = [&](const char* name, double value) { columns[name].push_back(value); };
    add("obs_id", double(run + 1));
    add("run_number", double(run + 1));
    add("n_showers", 1e5);
    add("shower_reuse", 10);
    add("energy_range_min", 0.01);
    add("energy_range_max", 50);
    add("spectral_index", -2 - (wishes.count("different") != 0 ? 0.1 * double(run) : 0));
    add("max_scatter_range", 800);
    add("min_viewcone_radius", point ? 0.4 : 0);
    add("max_viewcone_radius", cone);
    add("min_alt", (90 - wishes.number("zenith")) * deg);
    add("min_az", wishes.number("azimuth") * deg);
    add("prod_site_B_total", 38.6);
    add("prod_site_B_declination", -0.0845);
    add("prod_site_B_inclination", 0.6522);
    add("corsika_bunchsize", nan);
  }
  return columns;
}

void make(const std::string& path, const Wishes& wishes) {
  hdf5::File file = hdf5::File::create(path);
  Columns events = make_events(wishes);
  const std::string folder = "/dl2/event/telescope/";
  if (wishes.count("source") != 0) {
    Columns of_source;
    for (const char* name : {"reco_energy", "gammaness"}) {
      of_source[fmt::format("('on', '{}')", name)] = events.at(name);
      events.erase(name);
    }
    std::vector<double>& alpha = of_source["('on', 'alpha')"];
    Random random(wishes.count("seed") + 1);
    for (std::size_t i = 0; i < events.at("tel_id").size(); ++i) alpha.push_back(30 * random());
    write_table(file, folder + "parameters_src_dependent/LST_LSTCam", of_source);
  }
  write_table(file, folder + "parameters/LST_LSTCam", events);
  if (wishes.count("runs") > 0) write_table(file, "/simulation/run_config", make_runs(wishes));
  file.close();
}

}  // namespace
}  // namespace alisio

int main(int argc, char** argv) {
  try {
    alisio::Wishes wishes;
    const std::vector<std::string> words(argv + 1, argv + argc);
    for (std::size_t i = 1; i < words.size(); ++i) {
      const std::size_t equals = words[i].find('=');
      if (equals == std::string::npos) throw std::runtime_error(words[i] + " is not KEY=VALUE");
      wishes.words.at(words[i].substr(0, equals)) = words[i].substr(equals + 1);
    }
    alisio::make(words.at(0), wishes);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "monte_carlo: " << error.what() << "\n";
    return 1;
  }
}
