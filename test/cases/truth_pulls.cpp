// Compares constants and DL1 of a simulated night with what was simulated (truth/camera.ecsv).
// Usage: truth_pulls KIND TRUTH FILE [CALIBRATION], KIND one of drs4, time, calibration, dl1.
// Prints lines "quantity gain n mean spread worst": of pulls, (measured - true) / statistical
// error, where the name ends in "pull", else of plain differences or ratios; over pixels in good
// order.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "calib/constants/constants.hpp"
#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/io/hdf5/table.hpp"
#include "lib/pipeline/dl1_layout.hpp"

namespace alisio {
namespace {

/// Of the median of normal numbers, in units of that of their mean.
constexpr double error_of_median = 1.2533;
constexpr double excess_noise_squared = 1.222;
constexpr double window_samples = 12;

/// The truth, column by column, [gain][pixel].
struct CameraTruth {
  std::map<std::string, std::vector<double>> columns;
  std::vector<std::string> state;
  std::size_t n_pixels = 0;

  [[nodiscard]] const std::vector<double>& operator[](const std::string& name) const {
    return columns.at(name);
  }
  [[nodiscard]] bool good(std::size_t channel) const { return state[channel] == "ok"; }
};

std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  std::istringstream text(line);
  for (std::string word; std::getline(text, word, ',');) words.push_back(word);
  return words;
}

CameraTruth read_truth(const std::string& file) {
  CameraTruth truth;
  std::istringstream text(read_text_file(file));
  std::vector<std::string> names;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("#")) continue;
    const std::vector<std::string> words = words_of(line);
    if (names.empty()) {
      names = words;
      continue;
    }
    for (std::size_t i = 0; i + 1 < words.size(); ++i)
      truth.columns[names[i]].push_back(std::stod(words[i]));
    truth.state.push_back(words.back());
  }
  truth.n_pixels = truth.state.size() / 2;
  return truth;
}

double median(std::vector<double> values) {
  if (values.empty()) return std::nan("");
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

/// Print what the values of the good pixels look like; `value` takes the channel.
template <typename Value>
void print(const CameraTruth& truth, const std::string& name, const Value& value) {
  for (std::size_t gain = 0; gain < 2; ++gain) {
    std::vector<double> values;
    for (std::size_t p = 0; p < truth.n_pixels; ++p)
      if (const std::size_t c = gain * truth.n_pixels + p; truth.good(c))
        values.push_back(value(c));
    double sum = 0, squares = 0, worst = 0;
    for (const double v : values) {
      sum += v;
      worst = std::max(worst, std::abs(v));
    }
    const auto n = static_cast<double>(values.size());
    for (const double v : values) squares += (v - sum / n) * (v - sum / n);
    std::cout << fmt::format("{} {} {} {:.6f} {:.6f} {:.6f}\n", name, gain, values.size(), sum / n,
                             std::sqrt(squares / n), worst);
  }
}

void compare_drs4(const CameraTruth& truth, const std::string& path) {
  const calib::Drs4Pedestal measured = calib::read_drs4_pedestal(path, truth.n_pixels);
  const hdf5::File file = hdf5::File::open(path);
  const std::vector<double> counts = hdf5::TableReader(file, "/r1/monitoring/drs4_baseline/tel_001")
                                         .read_all()
                                         .arrays<double>("baseline_counts");
  constexpr std::size_t cells = calib::n_capacitors;
  const auto readouts = [&](std::size_t c) {
    double sum = 0;
    for (std::size_t i = 0; i < cells; ++i) sum += counts[c * cells + i];
    return sum;
  };
  // Values are rounded to counts: 1/12 of variance each.
  print(truth, "baseline_pull", [&](std::size_t c) {
    double sum = 0, expected = 0;
    for (std::size_t i = 0; i < cells; ++i) sum += measured.baseline[c * measured.row + i];
    for (const char* part : {"baseline_0", "baseline_1", "baseline_2", "baseline_3"})
      expected += truth[part][c] / 4;
    const double noise = truth["noise"][c];
    const double error =
        std::sqrt(noise * noise / readouts(c) + 1.0 / 12 / static_cast<double>(cells));
    return (sum / static_cast<double>(cells) - expected) / error;
  });
  for (std::size_t i = 0; i < 3; ++i)
    print(truth, fmt::format("spike_{}", i), [&](std::size_t c) {
      return measured.spike_height[c * 3 + i] - truth[fmt::format("spike_{}", i)][c];
    });
}

void compare_time(const CameraTruth& truth, const std::string& path) {
  const calib::TimeCalibration measured = calib::read_time_calibration(path, truth.n_pixels);
  for (std::size_t h = 1; h <= 5; ++h) {
    print(truth, fmt::format("delay_cos_{}", h), [&](std::size_t c) {
      return measured.fan[c * measured.n_harmonics + h] - truth[fmt::format("delay_cos_{}", h)][c];
    });
    print(truth, fmt::format("delay_sin_{}", h), [&](std::size_t c) {
      return measured.fbn[c * measured.n_harmonics + h] - truth[fmt::format("delay_sin_{}", h)][c];
    });
  }
  // There is no tenth harmonic: what is found there is the statistical error.
  print(truth, "no_delay_10",
        [&](std::size_t c) { return measured.fan[c * measured.n_harmonics + 10]; });
}

void compare_calibration(const CameraTruth& truth, const std::string& path) {
  const calib::CameraCalibration file = calib::read_camera_calibration(path, truth.n_pixels);
  const auto& [calibration, pedestal, flatfield] =
      std::tie(file.row.calibration, file.row.pedestal, file.row.flatfield);
  const auto n_ff = static_cast<double>(flatfield.n_events);
  const auto n_ped = static_cast<double>(pedestal.n_events);
  const auto signal = [&](std::size_t c) {
    return flatfield.charge_median[c] - pedestal.charge_median[c];
  };
  const auto true_gain = [&](std::size_t c) {
    return truth["adc_per_pe"][c] * truth["window_share"][c];
  };
  print(truth, "gain_pull", [&](std::size_t c) {
    const double variance = flatfield.charge_std[c] * flatfield.charge_std[c] -
                            pedestal.charge_std[c] * pedestal.charge_std[c];
    return (variance / excess_noise_squared / signal(c) / true_gain(c) - 1) / std::sqrt(2 / n_ff);
  });
  print(truth, "photoelectrons_pull", [&](std::size_t c) {
    return (calibration.n_pe[c] / truth["flat_field_pe"][c] - 1) / std::sqrt(2 / n_ff);
  });
  print(truth, "signal_pull", [&](std::size_t c) {
    return (signal(c) - true_gain(c) * truth["flat_field_pe"][c]) /
           (error_of_median * flatfield.charge_std[c] / std::sqrt(n_ff));
  });
  print(truth, "pedestal_pull", [&](std::size_t c) {
    return pedestal.charge_mean[c] / (pedestal.charge_std[c] / std::sqrt(n_ped));
  });
  std::vector<double> offsets;
  for (std::size_t p = 0; p < truth.n_pixels; ++p) offsets.push_back(truth["time_offset"][p]);
  const double camera_offset = median(offsets);
  print(truth, "time_offset_pull", [&](std::size_t c) {
    return (-calibration.time_correction[c] - (truth["time_offset"][c] - camera_offset)) /
           (error_of_median * flatfield.time_std[c] / std::sqrt(n_ff));
  });
  print(truth, "unusable",
        [&](std::size_t c) { return static_cast<double>(calibration.unusable_pixels[c]); });
  for (std::size_t c = 0; c < truth.state.size(); ++c)
    if (truth.state[c] == "strong" || truth.state[c] == "dead")
      std::cout << fmt::format("{} {} 1 {} 0 0\n", truth.state[c], c / truth.n_pixels,
                               calibration.unusable_pixels[c]);
}

/// Flat fields and pedestals of DL1, brought to photo-electrons by the constants that made it.
void compare_dl1(const CameraTruth& truth, const std::string& path, const std::string& constants) {
  constexpr std::uint8_t flat_field = 0;
  const hdf5::File file = hdf5::File::open(path);
  const auto images = hdf5::TableReader(file, pipeline::images_path).read_all();
  const auto types = hdf5::TableReader(file, pipeline::parameters_path)
                         .read_all()
                         .column<std::uint8_t>("event_type");
  const std::vector<float> charges = images.arrays<float>("image");
  std::vector<double> means;
  for (std::size_t event = 0; event < types.size(); ++event) {
    if (types[event] != flat_field) continue;
    std::vector<double> good;
    for (std::size_t p = 0; p < truth.n_pixels; ++p)
      if (truth.good(p)) good.push_back(charges[event * truth.n_pixels + p]);
    means.push_back(median(good));
  }
  double sum = 0;
  for (const double mean : means) sum += mean;
  std::cout << fmt::format("flat_field_image 0 {} {:.6f} 0 0\n", means.size(),
                           sum / static_cast<double>(means.size()));

  const calib::CameraCalibration used = calib::read_camera_calibration(constants, truth.n_pixels);
  const auto charge = [&](const char* table, const char* column) {
    const auto rows = hdf5::TableReader(file, table).read_all();
    const std::vector<double> all = rows.arrays<double>(column);
    return std::vector<double>(all.end() - static_cast<std::ptrdiff_t>(2 * truth.n_pixels),
                               all.end());
  };
  const auto in_pe = [&](const std::vector<double>& adc, std::size_t c) {
    const auto& calibration = used.row.calibration;
    return (adc[c] - window_samples * calibration.pedestal_per_sample[c]) * calibration.dc_to_pe[c];
  };
  const std::vector<double> flat = charge(pipeline::flatfield_path, "charge_mean");
  // Photo-electrons of the night sky make the charges of pedestals skewed; the constants set their
  // median to 0.
  const std::vector<double> dark = charge(pipeline::pedestal_path, "charge_median");
  print(truth, "flat_field_pe", [&](std::size_t c) { return in_pe(flat, c); });
  print(truth, "pedestal_pe", [&](std::size_t c) { return in_pe(dark, c); });
}

int run(const std::vector<std::string>& words) {
  if (words.size() < 3)
    throw Error(ErrorKind::usage, "usage: truth_pulls KIND TRUTH FILE [CALIBRATION]");
  const CameraTruth truth = read_truth(words[1]);
  if (words[0] == "drs4")
    compare_drs4(truth, words[2]);
  else if (words[0] == "time")
    compare_time(truth, words[2]);
  else if (words[0] == "calibration")
    compare_calibration(truth, words[2]);
  else if (words[0] == "dl1" && words.size() == 4)
    compare_dl1(truth, words[2], words[3]);
  else
    throw Error(ErrorKind::usage, "unknown kind '" + words[0] + "'");
  return 0;
}

}  // namespace
}  // namespace alisio

int main(int argc, char** argv) {
  try {
    return alisio::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
