#include "lib/sim/constants.hpp"

#include <algorithm>
#include <deque>

#include "lib/base/file.hpp"
#include "lib/base/version.hpp"
#include "lib/io/hdf5/table.hpp"

namespace alisio::sim {
namespace {

using hdf5::ColumnSpec;
using hdf5::ScalarType;
using hdf5::Transform;

constexpr int charge_window = 12, charge_window_shift = 5;
constexpr int calibration_compression = 5;

/// One row of a table, gathered column by column.
class OneRow {
 public:
  OneRow(std::string path, std::string title, const CameraModel& camera) : camera_(camera) {
    spec_.path = std::move(path);
    spec_.title = std::move(title);
    spec_.chunk_rows = 1;
    spec_.compression_level = calibration_compression;
  }
  void time(const std::string& name, double value, const std::string& description) {
    spec_.columns.push_back(hdf5::quantity_column(name, "s", description));
    numbers_.push_back({value});
    sources_.push_back({numbers_.back().data(), 0});
  }
  void count(const std::string& name, std::int64_t value, const std::string& description) {
    spec_.columns.push_back(hdf5::plain_column(name, ScalarType::int64, description));
    counts_.push_back(value);
    sources_.push_back({&counts_.back(), 0});
  }
  void values(const std::string& name, std::vector<double> data, const std::string& description,
              const std::string& unit = "") {
    const std::vector<std::size_t> shape{drs4::gains, camera_.n_pixels};
    spec_.columns.push_back(unit.empty()
                                ? hdf5::plain_column(name, ScalarType::float64, description, shape)
                                : hdf5::quantity_column(name, unit, description, shape));
    numbers_.push_back(std::move(data));
    sources_.push_back({numbers_.back().data(), 0});
  }
  void flags(const std::string& name, std::vector<std::uint8_t> data,
             const std::string& description) {
    spec_.columns.push_back(hdf5::plain_column(name, ScalarType::boolean, description,
                                               {drs4::gains, camera_.n_pixels}));
    flags_.push_back(std::move(data));
    sources_.push_back({flags_.back().data(), 0});
  }
  void write(hdf5::File& file, const std::string& description) {
    hdf5::TableWriter table(file, spec_);
    table.append(1, sources_);
    table.write_attribute("config", description);
    table.finish();
  }

 private:
  const CameraModel& camera_;
  hdf5::TableSpec spec_;
  std::deque<std::vector<double>> numbers_;  // a deque, because sources point into it
  std::deque<std::int64_t> counts_;
  std::deque<std::vector<std::uint8_t>> flags_;
  std::vector<hdf5::ColumnSource> sources_;
};

void write_origin(hdf5::File& file) {
  file.write_attribute("/", "CONTACT", std::string("simulated"));
  file.write_attribute("/", "ALISIO_VERSION", build_info().version);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  if (n == 0) return 0;
  return n % 2 == 1 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

}  // namespace

void write_drs4_pedestal(const CameraModel& camera, const ConstantsOrigin& origin,
                         const std::filesystem::path& path) {
  PendingFile pending(path);
  hdf5::File file = hdf5::File::create(pending.path());
  write_origin(file);
  const std::size_t channels = drs4::gains * camera.n_pixels;
  std::vector<std::int16_t> spread(channels * drs4::cells);
  for (std::size_t c = 0; c < channels; ++c)
    std::fill_n(&spread[c * drs4::cells], drs4::cells,
                static_cast<std::int16_t>(camera.noise[c] + 0.5F));
  // Samples that the pedestal tool uses: all but ten in front and one at the end.
  const auto entries = static_cast<std::uint16_t>(
      std::max<std::size_t>(1, origin.n_drs4_events * (camera.n_samples - 11) / drs4::cells));
  const std::vector<std::uint16_t> counts(channels * drs4::cells, entries);
  std::vector<std::int16_t> spikes;
  for (const float height : camera.spike)
    spikes.push_back(static_cast<std::int16_t>(height + 0.5F));

  const std::vector<std::int16_t> nothing(origin.baseline_subtracted ? channels * drs4::cells : 0,
                                          0);
  const std::vector<std::int16_t>& baseline =
      origin.baseline_subtracted ? nothing : camera.baseline;

  hdf5::TableSpec spec;
  spec.path = "/r1/monitoring/drs4_baseline/tel_001";
  spec.title = "Storage of DRS4CalibrationContainer";
  spec.chunk_rows = 1;
  spec.compression_level = calibration_compression;
  const std::vector<std::size_t> shape{drs4::gains, camera.n_pixels, drs4::cells};
  spec.columns = {
      hdf5::plain_column("baseline_mean", ScalarType::int16,
                         "Mean baseline of each cell, [gain][pixel][cell], ADC", shape),
      hdf5::plain_column("baseline_std", ScalarType::int16,
                         "Standard deviation of the baseline, [gain][pixel][cell], ADC", shape),
      hdf5::plain_column("baseline_counts", ScalarType::uint16,
                         "Entries of the baseline, [gain][pixel][cell]", shape),
      hdf5::plain_column("spike_height", ScalarType::int16,
                         "Height of the three samples of a spike, [gain][pixel][3], ADC",
                         {drs4::gains, camera.n_pixels, 3})};
  hdf5::TableWriter table(file, spec);
  const std::vector<hdf5::ColumnSource> sources{
      {baseline.data(), 0}, {spread.data(), 0}, {counts.data(), 0}, {spikes.data(), 0}};
  table.append(1, sources);
  table.write_attribute("config", origin.description);
  table.finish();
  file.close();
  pending.publish();
}

void write_charge_calibration(const CameraModel& camera, const PulseTables& tables,
                              const ConstantsOrigin& origin, const std::filesystem::path& path) {
  const std::size_t n = camera.n_pixels, channels = drs4::gains * n;
  std::vector<std::uint8_t> none(channels, 0), noisy(channels, 0), strong(channels, 0);
  for (std::size_t g = 0; g < drs4::gains; ++g) {
    noisy[g * n + camera.noisy_pixel] = 1;
    for (const std::uint16_t p : camera.strong_pixels) strong[g * n + p] = 1;
    // The brighter night sky of a star looks like a failing pedestal.
    for (const std::uint16_t p : camera.star_pixels) noisy[g * n + p] = 1;
  }
  std::vector<std::uint8_t> unusable(channels);
  for (std::size_t c = 0; c < channels; ++c) unusable[c] = noisy[c] | strong[c];

  std::vector<double> charge(channels), charge_std(channels), pedestal_std(channels),
      n_pe(channels), dc_to_pe(channels), time(channels), relative_gain(channels),
      relative_gain_std(channels), relative_time(channels), time_correction(channels);
  const std::vector<double> zeros(channels, 0.0), jitter(channels, 0.6);
  for (std::size_t g = 0; g < drs4::gains; ++g) {
    const double share = window_fraction(camera, tables, g, charge_window, charge_window_shift);
    std::vector<double> good_charges, good_times, good_pe;
    for (std::size_t p = 0; p < n; ++p) {
      const std::size_t c = g * n + p;
      const double pe = flat_field_pe * camera.efficiency[p], area = camera.gain[c] * share;
      const double sky = camera.night_sky[p] * origin.night_sky_scale;
      n_pe[c] = pe;
      charge[c] = pe * area;
      pedestal_std[c] =
          std::sqrt(charge_window * camera.noise[c] * camera.noise[c] +
                    sky * charge_window * camera.sample_ns * excess_noise_squared * area * area);
      // The flash itself varies by a hundredth.
      charge_std[c] = std::sqrt(excess_noise_squared * pe * area * area +
                                1e-4 * charge[c] * charge[c] + pedestal_std[c] * pedestal_std[c]);
      // The extractor takes the mean time of the trace, counted from the first sample it keeps.
      time[c] = signal_time_ns - 3 * camera.sample_ns + camera.transit_time[p];
      if (unusable[c] != 0) continue;
      good_charges.push_back(charge[c]);
      good_times.push_back(time[c]);
      good_pe.push_back(pe);
    }
    const double camera_charge = median(good_charges), camera_time = median(good_times);
    const double camera_pe = median(good_pe);
    std::vector<double> good_factors;
    for (std::size_t p = 0; p < n; ++p) {
      const std::size_t c = g * n + p;
      relative_gain[c] = charge[c] / camera_charge;
      relative_gain_std[c] = charge_std[c] / camera_charge;
      relative_time[c] = time[c] - camera_time;
      dc_to_pe[c] = camera_pe / charge[c];
      time_correction[c] = -relative_time[c];
      if (unusable[c] == 0) good_factors.push_back(dc_to_pe[c]);
    }
    const double camera_factor = median(good_factors);
    for (std::size_t c = g * n; c < (g + 1) * n; ++c) {
      if (unusable[c] == 0) continue;
      dc_to_pe[c] = camera_factor;
      time_correction[c] = 0;
    }
  }

  PendingFile pending(path);
  hdf5::File file = hdf5::File::create(pending.path());
  write_origin(file);
  const double middle = 0.5 * (origin.time_min + origin.time_max);

  OneRow calibration("/tel_1/calibration", "Storage of WaveformCalibrationContainer", camera);
  calibration.time("time", middle, "Time of the calibration");
  calibration.time("time_min", origin.time_min, "Valid from");
  calibration.time("time_max", origin.time_max, "Valid to");
  calibration.values("dc_to_pe", dc_to_pe, "Photo-electrons per ADC count");
  calibration.values("pedestal_per_sample", zeros, "Mean pedestal of a sample, ADC");
  calibration.values("time_correction", time_correction, "Time correction", "ns");
  calibration.values("n_pe", n_pe, "Photo-electrons of the flat field");
  calibration.flags("unusable_pixels", unusable, "Pixels that should not be used");
  calibration.write(file, origin.description);

  OneRow flat_field("/tel_1/flatfield", "Storage of FlatFieldContainer", camera);
  flat_field.time("sample_time", middle, "Time of the flat-field events");
  flat_field.time("sample_time_min", origin.time_min, "Time of the first event");
  flat_field.time("sample_time_max", origin.time_max, "Time of the last event");
  flat_field.count("n_events", static_cast<std::int64_t>(origin.n_flat_fields), "Events");
  flat_field.values("charge_mean", charge, "Mean charge, ADC");
  flat_field.values("charge_median", charge, "Median charge, ADC");
  flat_field.values("charge_std", charge_std, "Standard deviation of the charge, ADC");
  flat_field.values("time_mean", time, "Mean arrival time", "ns");
  flat_field.values("time_median", time, "Median arrival time", "ns");
  flat_field.values("time_std", jitter, "Standard deviation of the arrival time", "ns");
  flat_field.values("relative_gain_mean", relative_gain, "Mean charge over the camera's median");
  flat_field.values("relative_gain_median", relative_gain,
                    "Median charge over the camera's median");
  flat_field.values("relative_gain_std", relative_gain_std,
                    "Standard deviation of the charge over the camera's median");
  flat_field.values("relative_time_median", relative_time, "Median arrival time after the camera's",
                    "ns");
  flat_field.flags("charge_median_outliers", strong, "Charge far from the camera's");
  flat_field.flags("charge_std_outliers", none, "Spread of the charge far from the camera's");
  flat_field.flags("time_median_outliers", none, "Arrival time outside the window");
  flat_field.write(file, origin.description);

  OneRow pedestal("/tel_1/pedestal", "Storage of PedestalContainer", camera);
  pedestal.count("n_events", static_cast<std::int64_t>(origin.n_pedestals), "Events");
  pedestal.time("sample_time", middle, "Time of the pedestal events");
  pedestal.time("sample_time_min", origin.time_min, "Time of the first event");
  pedestal.time("sample_time_max", origin.time_max, "Time of the last event");
  pedestal.values("charge_mean", zeros, "Mean charge, ADC");
  pedestal.values("charge_median", zeros, "Median charge, ADC");
  pedestal.values("charge_std", pedestal_std, "Standard deviation of the charge, ADC");
  pedestal.flags("charge_median_outliers", none, "Charge far from the camera's");
  pedestal.flags("charge_std_outliers", noisy, "Spread of the charge far from the camera's");
  pedestal.write(file, origin.description);

  OneRow status("/tel_1/pixel_status", "Storage of PixelStatusContainer", camera);
  status.flags("hardware_failing_pixels", none, "Failing by what the hardware reports");
  status.flags("pedestal_failing_pixels", noisy, "Failing in the pedestal analysis");
  status.flags("flatfield_failing_pixels", strong, "Failing in the flat-field analysis");
  status.write(file, origin.description);
  file.close();
  pending.publish();
}

void write_time_calibration(const CameraModel& camera, const ConstantsOrigin& origin,
                            const std::filesystem::path& path) {
  constexpr std::size_t stored_harmonics = 16;  // the first, a constant, is not used
  const std::size_t channels = drs4::gains * camera.n_pixels;
  std::vector<double> cosine(channels * stored_harmonics, 0.0), sine = cosine;
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t h = 0; h < drs4::harmonics; ++h) {
      cosine[c * stored_harmonics + h + 1] = camera.delay_cos[c * drs4::harmonics + h];
      sine[c * stored_harmonics + h + 1] = camera.delay_sin[c * drs4::harmonics + h];
    }
  PendingFile pending(path);
  hdf5::File file = hdf5::File::create(pending.path());
  write_origin(file);
  const std::vector<std::size_t> shape{drs4::gains, camera.n_pixels, stored_harmonics};
  file.write_array("/fan", cosine, shape);
  file.write_array("/fbn", sine, shape);
  file.write_attribute("/", "n_events", static_cast<std::int64_t>(origin.n_flat_fields));
  file.write_attribute("/", "n_harm", static_cast<std::int64_t>(stored_harmonics));
  file.write_attribute("/", "config", origin.description);
  file.close();
  pending.publish();
}

}  // namespace alisio::sim
