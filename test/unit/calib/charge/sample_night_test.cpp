#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>

#include "calib/charge/image_producer.hpp"
#include "lib/instrument/telescope.hpp"
#include "lib/io/hdf5/file.hpp"
#include "lib/io/hdf5/table.hpp"
#include "lib/io/text/run_summary.hpp"
#include "lib/sim/night.hpp"
#include "test/unit/folder_test.hpp"

namespace alisio::calib {
namespace {

namespace fs = std::filesystem;

fs::path shared_folder() {
  const char* set = std::getenv("ALISIO_SHARED");
  return set != nullptr ? fs::path(set) : fs::path(ALISIO_SOURCE_DIR "/../shared");
}

/// One subrun and what the peers made of it.
struct Sample {
  const char* name;
  std::string night;  ///< folder, of which the next three are relative
  std::string raw, constants;
  std::string date;
  std::string reference;  ///< DL1 file of the peers
};

void PrintTo(const Sample& sample, std::ostream* out) {
  *out << sample.name;
}

Sample shared_sample(const char* name, const char* night, const char* raw, const char* date,
                     const char* reference) {
  const fs::path data = shared_folder() / "data";
  return {name, data / night, raw, "../calibration", date, data / "reference" / reference};
}

const Sample proto_r1 =
    shared_sample("proto_r1_subrun_0", "night", "R0/20221215/LST-1.1.Run11220.0000.fits.fz",
                  "20221215", "dl1/dl1_LST-1.Run11220.0000.h5");

const Sample samples[] = {
    proto_r1,
    shared_sample("proto_r1_subrun_1", "night", "R0/20221215/LST-1.1.Run11220.0001.fits.fz",
                  "20221215", "dl1/dl1_LST-1.Run11220.0001.h5"),
    shared_sample("r1v1", "night_r1v1", "R0/20240215/LST-1.1.Run17000.0000.fits.fz", "20240215",
                  "dl1_r1v1/dl1_LST-1.Run17000.0000.h5"),
};

/// All that a job puts out, copied from its blocks.
struct Output {
  EventBlock events;
  std::vector<MonitoringRow> rows;
  ImageProducer::Counters counters;
};

struct Job {
  int threads = 1;
  std::size_t block_events = 32;
  std::optional<std::int64_t> max_events;
};

const instrument::Telescope& telescope() {
  static const auto loaded = instrument::load_telescope(ALISIO_SOURCE_DIR "/cfg");
  return loaded;
}

CalibrationConstants load_constants(const Sample& sample) {
  const fs::path night = sample.night;
  const auto constants = [&](const std::string& name) {
    for (const auto& entry : fs::recursive_directory_iterator(night / sample.constants))
      if (entry.path().filename() == name) return entry.path();
    throw std::runtime_error("no " + name);
  };
  const std::size_t n = telescope().geometry.n_pixels;
  CalibrationConstants out;
  out.drs4_pedestal = std::make_shared<Drs4Pedestal>(
      read_drs4_pedestal(constants("drs4_pedestal.Run11218.0000.h5"), n));
  out.camera = std::make_shared<CameraCalibration>(
      read_camera_calibration(constants("calibration_filters_52.Run11219.0000.h5"), n));
  out.time = std::make_shared<TimeCalibration>(
      read_time_calibration(constants("time_calibration.Run11219.0000.h5"), n));
  out.drive_log = std::make_shared<text::DriveLog>(text::read_drive_log(
      night / "monitoring/DrivePositioning" / ("DrivePosition_log_" + sample.date + ".txt")));
  return out;
}

R0Options r0_options(const Sample& sample, const Job& job) {
  R0Options options;
  options.block_events = job.block_events;
  options.max_events = job.max_events;
  const fs::path summary =
      fs::path(sample.night) / "monitoring/RunSummary" / ("RunSummary_" + sample.date + ".ecsv");
  if (!fs::exists(summary)) return options;
  const auto run = text::find_run(text::read_run_summary(summary), 11220);
  if (run && run->dragon_reference_time > 0) {
    options.reference_time =
        ReferenceTime{std::uint64_t(run->dragon_reference_time), run->dragon_reference_counter,
                      std::size_t(run->dragon_reference_module_index)};
  }
  return options;
}

Output run_job(const Sample& sample, const Job& job) {
  R0Source source(fs::path(sample.night) / sample.raw, r0_options(sample, job));
  ImageProducer producer(source, load_constants(sample), telescope().geometry,
                         telescope().readout.sampling_rate, {});
  Output out;
  const std::size_t n = telescope().geometry.n_pixels;
  out.events.reserve(source.event_count(), n);
  flow::ThreadPool pool(job.threads);
  producer.run(
      pool, [](WorkBlock&) {},
      [&](WorkBlock& block) {
        const EventBlock& from = block.events;
        EventBlock& to = out.events;
        const auto copy = [&](const auto& a, auto& b, std::size_t items = 1) {
          std::copy_n(a.begin(), from.size * items, b.begin() + std::ptrdiff_t(to.size * items));
        };
        copy(from.event_id, to.event_id);
        copy(from.time_tai_ns, to.time_tai_ns);
        copy(from.time_unix_s, to.time_unix_s);
        copy(from.event_type, to.event_type);
        copy(from.tib_trigger_type, to.tib_trigger_type);
        copy(from.ucts_trigger_type, to.ucts_trigger_type);
        copy(from.ucts_jump, to.ucts_jump);
        copy(from.alt_tel, to.alt_tel);
        copy(from.az_tel, to.az_tel);
        copy(from.calibration_id, to.calibration_id);
        copy(from.image, to.image, n);
        copy(from.peak_time, to.peak_time, n);
        copy(from.selected_gain, to.selected_gain, n);
        to.size += from.size;
      });
  out.rows = producer.monitoring().rows();
  out.counters = producer.counters();
  return out;
}

template <typename T>
std::size_t count_different(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return std::size_t(-1);
  std::size_t n = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    n += std::memcmp(&a[i], &b[i], sizeof(T)) != 0 ? 1 : 0;
  }
  return n;
}

/// Largest |a - b| / max(1, |b|), counting NaN against NaN as equal.
double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    const double d = std::abs(a[i] - b[i]) / std::max(1.0, std::abs(b[i]));
    largest = std::max(largest, std::isnan(d) ? std::numeric_limits<double>::infinity() : d);
  }
  return largest;
}

class SampleNight : public testing::TestWithParam<Sample> {
 protected:
  void SetUp() override {
    if (!fs::exists(fs::path(GetParam().night) / GetParam().raw)) GTEST_SKIP() << "no sample data";
  }
};

void expect_images_of_peers(const Sample& sample) {
  const Output out = run_job(sample, {});
  const hdf5::File file = hdf5::File::open(sample.reference);
  const auto images = hdf5::TableReader(file, "/dl1/event/telescope/image/LST_LSTCam").read_all();
  const auto parameters =
      hdf5::TableReader(file, "/dl1/event/telescope/parameters/LST_LSTCam").read_all();
  ASSERT_EQ(out.events.size, images.size());
  const auto& e = out.events;
  EXPECT_EQ(count_different(e.event_id, images.column<std::int64_t>("event_id")), 0u);
  EXPECT_EQ(count_different(e.selected_gain, images.arrays<std::int8_t>("selected_gain_channel")),
            0u);
  EXPECT_EQ(count_different(e.image, images.arrays<float>("image")), 0u);
  EXPECT_EQ(count_different(e.peak_time, images.arrays<float>("peak_time")), 0u);

  std::vector<std::int64_t> types;
  for (const auto type : e.event_type) types.push_back(std::int64_t(type));
  EXPECT_EQ(count_different(types, parameters.column<std::int64_t>("event_type")), 0u);
  EXPECT_EQ(count_different(e.tib_trigger_type, parameters.column<std::uint8_t>("trigger_type")),
            0u);
  EXPECT_EQ(
      count_different(e.ucts_trigger_type, parameters.column<std::uint8_t>("ucts_trigger_type")),
      0u);
  EXPECT_EQ(count_different(e.ucts_jump, parameters.column<std::uint8_t>("ucts_jump")), 0u);
  EXPECT_EQ(count_different(e.time_unix_s, parameters.column<double>("dragon_time")), 0u);
  EXPECT_EQ(count_different(e.alt_tel, parameters.column<double>("alt_tel")), 0u);
  EXPECT_EQ(count_different(e.az_tel, parameters.column<double>("az_tel")), 0u);
  EXPECT_EQ(count_different(e.calibration_id, parameters.column<std::int64_t>("calibration_id")),
            0u);
  EXPECT_EQ(out.counters.outside_drive_log, 0u);
}

void expect_monitoring_of_peers(const Sample& sample) {
  const Output out = run_job(sample, {});
  const hdf5::File file = hdf5::File::open(sample.reference);
  const std::string folder = "/dl1/event/telescope/monitoring/";
  const auto calibration = hdf5::TableReader(file, folder + "calibration").read_all();
  const auto pedestal = hdf5::TableReader(file, folder + "pedestal").read_all();
  const auto flatfield = hdf5::TableReader(file, folder + "flatfield").read_all();
  ASSERT_EQ(out.rows.size(), calibration.size());

  const auto rows_of = [&](const auto& member) {
    std::decay_t<decltype(member(out.rows[0]))> all;
    for (const auto& row : out.rows) {
      const auto& part = member(row);
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  };
  const auto values_of = [&](const auto& member) {
    std::vector<double> all;
    for (const auto& row : out.rows) all.push_back(double(member(row)));
    return all;
  };
#define EXPECT_ARRAY(table, group, name)                                                     \
  EXPECT_LE(largest_difference(rows_of([](const MonitoringRow& r) { return r.group.name; }), \
                               table.arrays<double>(#name)),                                 \
            1e-12)                                                                           \
      << #group "." #name
#define EXPECT_FLAGS(table, group, name)                                                  \
  EXPECT_EQ(count_different(rows_of([](const MonitoringRow& r) { return r.group.name; }), \
                            table.arrays<std::uint8_t>(#name)),                           \
            0u)                                                                           \
      << #group "." #name
#define EXPECT_NUMBER(table, group, name)                                                      \
  EXPECT_LE(largest_difference(values_of([](const MonitoringRow& r) { return r.group.name; }), \
                               table.arrays<double>(#name)),                                   \
            1e-15)                                                                             \
      << #group "." #name
  EXPECT_NUMBER(calibration, calibration, time);
  EXPECT_NUMBER(calibration, calibration, time_min);
  EXPECT_NUMBER(calibration, calibration, time_max);
  EXPECT_ARRAY(calibration, calibration, dc_to_pe);
  EXPECT_ARRAY(calibration, calibration, pedestal_per_sample);
  EXPECT_ARRAY(calibration, calibration, time_correction);
  EXPECT_ARRAY(calibration, calibration, n_pe);
  EXPECT_FLAGS(calibration, calibration, unusable_pixels);
  EXPECT_NUMBER(pedestal, pedestal, n_events);
  EXPECT_NUMBER(pedestal, pedestal, sample_time);
  EXPECT_NUMBER(pedestal, pedestal, sample_time_min);
  EXPECT_NUMBER(pedestal, pedestal, sample_time_max);
  EXPECT_ARRAY(pedestal, pedestal, charge_mean);
  EXPECT_ARRAY(pedestal, pedestal, charge_median);
  EXPECT_ARRAY(pedestal, pedestal, charge_std);
  EXPECT_FLAGS(pedestal, pedestal, charge_median_outliers);
  EXPECT_FLAGS(pedestal, pedestal, charge_std_outliers);
  EXPECT_NUMBER(flatfield, flatfield, n_events);
  EXPECT_NUMBER(flatfield, flatfield, sample_time);
  EXPECT_ARRAY(flatfield, flatfield, charge_mean);
  EXPECT_ARRAY(flatfield, flatfield, charge_median);
  EXPECT_ARRAY(flatfield, flatfield, charge_std);
  EXPECT_ARRAY(flatfield, flatfield, time_mean);
  EXPECT_ARRAY(flatfield, flatfield, time_median);
  EXPECT_ARRAY(flatfield, flatfield, time_std);
  EXPECT_ARRAY(flatfield, flatfield, relative_gain_mean);
  EXPECT_ARRAY(flatfield, flatfield, relative_gain_median);
  EXPECT_ARRAY(flatfield, flatfield, relative_gain_std);
  EXPECT_ARRAY(flatfield, flatfield, relative_time_median);
  EXPECT_FLAGS(flatfield, flatfield, charge_median_outliers);
  EXPECT_FLAGS(flatfield, flatfield, charge_std_outliers);
  EXPECT_FLAGS(flatfield, flatfield, time_median_outliers);
#undef EXPECT_ARRAY
#undef EXPECT_FLAGS
#undef EXPECT_NUMBER
}

TEST_P(SampleNight, ImagesAndEventColumnsEqualThePeers) {
  expect_images_of_peers(GetParam());
}

TEST_P(SampleNight, MonitoringRowsEqualThePeers) {
  expect_monitoring_of_peers(GetParam());
}

TEST_P(SampleNight, ThreadsAndBlockSizesChangeNothing) {
  const Output one = run_job(GetParam(), {});
  for (const Job& job : {Job{2, 32, {}}, Job{4, 7, {}}}) {
    const Output other = run_job(GetParam(), job);
    EXPECT_EQ(count_different(one.events.image, other.events.image), 0u);
    EXPECT_EQ(count_different(one.events.peak_time, other.events.peak_time), 0u);
    EXPECT_EQ(count_different(one.events.selected_gain, other.events.selected_gain), 0u);
    EXPECT_EQ(count_different(one.events.time_tai_ns, other.events.time_tai_ns), 0u);
    ASSERT_EQ(one.rows.size(), other.rows.size());
    for (std::size_t r = 0; r < one.rows.size(); ++r) {
      EXPECT_EQ(count_different(one.rows[r].calibration.n_pe, other.rows[r].calibration.n_pe), 0u);
      EXPECT_EQ(count_different(one.rows[r].flatfield.time_mean, other.rows[r].flatfield.time_mean),
                0u);
    }
  }
}

TEST_P(SampleNight, MaxEventsEndsEarly) {
  const Output out = run_job(GetParam(), {1, 32, 50});
  EXPECT_EQ(out.events.size, 50u);
}

INSTANTIATE_TEST_SUITE_P(Samples, SampleNight, testing::ValuesIn(samples),
                         [](const auto& test) { return std::string(test.param.name); });

using SimulatedNight = FolderTest;

/// The night of test/peers/make_reference_data.py.
TEST_F(SimulatedNight, ImagesAndMonitoringEqualThePeers) {
  sim::NightOptions options;
  options.output = folder_ / "night";
  options.seed = 5;
  options.data_runs = options.subruns = 1;
  options.events = 30;
  options.calibration_events = 20;
  sim::simulate_night(options, ALISIO_SOURCE_DIR "/cfg");
  const Sample sample{"simulated",
                      options.output,
                      "R0/20240115/LST-1.1.Run11220.0000.fits.fz",
                      "monitoring/PixelCalibration",
                      "20240115",
                      ALISIO_SOURCE_DIR "/test/data/lstchain/dl1_LST-1.Run11220.0000.h5"};
  expect_images_of_peers(sample);
  expect_monitoring_of_peers(sample);
}

class GoldenWaveforms : public testing::Test {};

TEST_F(GoldenWaveforms, CalibratedWaveformsAndTimesEqualThePeers) {
  const Sample& sample = proto_r1;
  const fs::path golden = shared_folder() / "data/reference/waveforms/golden_r1_Run11220.h5";
  if (!fs::exists(golden)) GTEST_SKIP() << "no sample data";
  const auto file = hdf5::File::open(golden);
  const auto events = hdf5::TableReader(file, "/events").read_all();
  const auto ids = events.column<std::int64_t>("event_id");
  const auto tai = events.column<std::int64_t>("tai_ns");
  const auto unix_s = events.column<double>("unix");

  R0Source source(fs::path(sample.night) / sample.raw, r0_options(sample, {1, 16, 40}));
  const CalibrationConstants constants = load_constants(sample);
  ImageProducer producer(source, constants, telescope().geometry, telescope().readout.sampling_rate,
                         {});
  // The peers' waveforms of events in both gains are not converted to p.e.
  Drs4Corrector corrector(constants.drs4_pedestal, source.camera(), {});
  CorrectedBlock corrected;
  flow::ThreadPool pool(1);
  const std::size_t n = telescope().geometry.n_pixels;
  WorkBlock block;
  std::vector<float> in_pe;
  std::size_t seen = 0, two_gain = 0;
  while (producer.next(block, pool)) {
    corrector.prepare(block.raw, corrected);
    for (std::size_t m = 0; m < corrector.module_count(); ++m)
      corrector.correct(block.raw, m, corrected);
    producer.calibrate(block);
    const std::size_t n_samples = block.waveforms.n_samples;
    for (std::size_t e = 0; e < block.events.size; ++e, ++seen) {
      ASSERT_LT(seen, ids.size());
      ASSERT_EQ(block.events.event_id[e], ids[seen]);
      EXPECT_EQ(block.events.time_tai_ns[e], tai[seen]);
      EXPECT_EQ(block.events.time_unix_s[e], unix_s[seen]);
      char group[32];
      std::snprintf(group, sizeof(group), "/event_%05d/", int(ids[seen]));
      std::vector<std::size_t> shape;
      const auto want = file.read_array(group + std::string("r1_reference"), &shape);
      const bool both = shape.size() == 3;
      two_gain += both ? 1 : 0;
      std::size_t different = 0;
      producer.waveforms_in_pe(block, e, in_pe);
      for (std::size_t p = 0; p < n; ++p) {
        for (std::size_t g = 0; g < n_gains; ++g) {
          if (!both && std::size_t(block.events.selected_gain_of(e)[p]) != g) continue;
          const float* const have = both ? corrected.waveform_of(e, g, p) : &in_pe[p * n_samples];
          for (std::size_t s = 0; s < n_samples; ++s) {
            const auto expected = float(want[((both ? g * n : 0) + p) * n_samples + s]);
            different += have[s] != expected ? 1 : 0;
          }
        }
      }
      EXPECT_EQ(different, 0u) << group;
    }
  }
  EXPECT_EQ(seen, 40u);
  EXPECT_GT(two_gain, 0u);
}

}  // namespace
}  // namespace alisio::calib
