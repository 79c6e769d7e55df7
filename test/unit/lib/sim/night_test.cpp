#include "lib/sim/night.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cmath>
#include <fstream>
#include <set>
#include <sstream>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"
#include "lib/io/hdf5/table.hpp"
#include "lib/io/text/drive_log.hpp"
#include "lib/io/text/run_summary.hpp"
#include "lib/io/zfits/zfits.hpp"
#include "lib/sim/light.hpp"
#include "lib/sim/waveforms.hpp"

namespace alisio::sim {
namespace {

namespace fs = std::filesystem;

const fs::path& cfg_folder() {
  static const fs::path folder = fs::path(ALISIO_SOURCE_DIR) / "cfg";
  return folder;
}

const CameraModel& camera() {
  static const CameraModel model = make_camera(cfg_folder(), 1);
  return model;
}

const PulseTables& tables() {
  static const PulseTables made = make_pulse_tables(camera());
  return made;
}

/// Makes `n` events of one kind and hands the waveforms, baseline taken off, to `look`.
template <typename Look>
void make_events(EventKind kind, int n, double night_sky, Look look) {
  WaveformMaker maker(camera(), tables(), 1, 99, night_sky, {});
  Random random(3, Purpose::run);
  std::vector<std::uint16_t> cells(camera().n_chips),
      out(drs4::gains * camera().n_pixels * camera().n_samples);
  Light light;
  for (int i = 0; i < n; ++i) {
    // So far apart that no time lapse is left.
    for (auto& cell : cells) cell = static_cast<std::uint16_t>(random.below(drs4::cells));
    make_light(camera(), kind, {0.2, 0}, 0.9, 1, 99, static_cast<std::uint64_t>(i), light);
    maker.make(light, cells, static_cast<std::uint64_t>(i + 1) * 133'000'000, out);
    look(i, light, cells, out);
  }
}

double sample_sum(const std::vector<std::uint16_t>& cells, const std::vector<std::uint16_t>& out,
                  std::size_t gain, std::size_t position, std::size_t from, std::size_t to) {
  const std::size_t pixel = camera().pixel_of_position[position];
  const std::size_t chip = position / drs4::module_pixels * drs4::module_chips +
                           chip_in_module(gain, position % drs4::module_pixels);
  double sum = 0;
  for (std::size_t s = from; s < to; ++s) {
    const std::size_t cell = (cells[chip] + s) % drs4::cells;
    sum += out[(gain * camera().n_pixels + position) * camera().n_samples + s];
    sum -= camera().baseline[(gain * camera().n_pixels + pixel) * drs4::cells + cell];
  }
  return sum;
}

TEST(Waveforms, PedestalsAreZeroAndFlatFieldsHaveTheirCharge) {
  double dark = 0, dark_n = 0;
  make_events(EventKind::pedestal, 3, 0,
              [&](int i, const Light&, const auto& cells, const auto& out) {
                if (i > 0) return;  // without a predecessor there are no spikes
                for (std::size_t p = 0; p < camera().n_pixels; ++p) {
                  dark += sample_sum(cells, out, 0, p, 0, camera().n_samples);
                  dark_n += static_cast<double>(camera().n_samples);
                }
              });
  EXPECT_NEAR(dark / dark_n, 0, 0.1);

  double charge = 0, charge_n = 0;
  make_events(EventKind::flat_field, 1, 1,
              [&](int, const Light& light, const auto& cells, const auto& out) {
                for (std::size_t p = 0; p < camera().n_pixels; ++p) {
                  const std::size_t pixel = camera().pixel_of_position[p];
                  charge += sample_sum(cells, out, 1, p, 0, camera().n_samples) /
                            camera().gain[camera().n_pixels + pixel] / light.photoelectrons[pixel];
                  ++charge_n;
                }
              });
  EXPECT_NEAR(charge / charge_n, 1, 0.03);
}

// A stored hash: whatever changes it changes every night that anyone has simulated, so the
// generator's version has to be raised.
TEST(Waveforms, AnEventKeepsItsBytes) {
  std::string hash;
  make_events(EventKind::gamma, 3, 1, [&](int, const Light&, const auto&, const auto& out) {
    Hasher hasher;
    hasher.update(std::as_bytes(std::span(out)));
    hash = hasher.finish();
  });
  EXPECT_EQ(hash, "ae7cd1c846ead2cb38e0f4f26cd6b3212be2f8823f61bc54455397481d796396");
}

TEST(Waveforms, TimeLapseFollowsTheLaw) {
  WaveformMaker maker(camera(), tables(), 1, 98, 0, {});
  const std::vector<std::uint16_t> cells(camera().n_chips, 100);
  std::vector<std::uint16_t> out(drs4::gains * camera().n_pixels * camera().n_samples);
  Light light;
  make_light(camera(), EventKind::drs4, {}, 1, 1, 98, 1, light);
  maker.make(light, cells, 1'000'000, out);
  maker.make(light, cells, 1'000'000 + 133'000, out);  // one ms later
  double sum = 0;
  // Samples 0 to 34 of this pair of first cells hold no spike.
  for (std::size_t p = 0; p < camera().n_pixels; ++p) sum += sample_sum(cells, out, 0, p, 0, 30);
  EXPECT_NEAR(sum / static_cast<double>(camera().n_pixels * 30), 32.99 - 11.9, 0.1);
}

// What the event builder hands on is what it counted, less what its constants say.
TEST(Waveforms, AreWhatTheEventBuilderLeaves) {
  const Preprocessing baseline = Preprocessing::parse("baseline,gain-selection");
  const Preprocessing all = Preprocessing::parse("spikes,time-lapse,baseline,pe");
  WaveformMaker counted(camera(), tables(), 1, 97, 0, {});
  WaveformMaker subtracted(camera(), tables(), 1, 97, 0, {}, baseline);
  WaveformMaker calibrated(camera(), tables(), 1, 97, 0, {}, all);
  Random random(4, Purpose::run);
  const std::size_t n = drs4::gains * camera().n_pixels * camera().n_samples;
  std::vector<std::uint16_t> cells(camera().n_chips), a(n), b(n), c(n);
  Light light;
  double high = 0, low = 0;
  for (std::uint64_t i = 0; i < 4; ++i) {
    for (auto& cell : cells) cell = static_cast<std::uint16_t>(random.below(drs4::cells));
    make_light(camera(), EventKind::flat_field, {0, 0}, 0.9, 1, 97, i, light);
    light.photoelectrons[5] = 3000;
    const std::uint64_t ticks = (i + 1) * 200'000;
    counted.make(light, cells, ticks, a);
    subtracted.make(light, cells, ticks, b);
    calibrated.make(light, cells, ticks, c);
    for (std::size_t position = 0; position < camera().n_pixels; ++position) {
      const std::size_t pixel = camera().pixel_of_position[position];
      const std::size_t chip = position / drs4::module_pixels * drs4::module_chips +
                               chip_in_module(0, position % drs4::module_pixels);
      const std::size_t at = position * camera().n_samples;
      for (std::size_t s = 0; s < camera().n_samples; ++s)
        // An undershoot below the lowest code stays at it.
        EXPECT_EQ(
            b[at + s],
            std::max(0,
                     a[at + s] + 400 -
                         camera().baseline[pixel * drs4::cells + (cells[chip] + s) % drs4::cells]));
      const bool bright = *std::max_element(&a[at + 3], &a[at + camera().n_samples - 1]) > 3900;
      EXPECT_EQ(subtracted.low_gain_chosen()[position] != 0, bright);
      EXPECT_EQ(bright, pixel == 5);
      const auto [scale, offset] = sample_code(all);
      for (std::size_t s = 0; s < camera().n_samples; ++s) {
        const std::size_t in_low = camera().n_pixels * camera().n_samples + at + s;
        if (pixel != 5) high += c[at + s] / scale - offset;
        if (pixel != 5) low += c[in_low] / scale - offset;
      }
    }
  }
  // The factor brings a flash in a window of 12 samples to 75 p.e.
  const double pixels = 4.0 * static_cast<double>(camera().n_pixels - 1);
  EXPECT_NEAR(high / pixels, 75 / window_fraction(camera(), tables(), 0, 12, 5), 1.5);
  EXPECT_NEAR(low / pixels, 75 / window_fraction(camera(), tables(), 1, 12, 5), 1.5);
  EXPECT_EQ(baseline.actions(true), 3U);
  EXPECT_EQ(baseline.actions(false), 2U);
  EXPECT_EQ(all.actions(false), 2U + 4 + 8 + 32 + 64);
  EXPECT_EQ(Preprocessing::parse(all.text()), all);
  EXPECT_THROW((void)Preprocessing::parse("pe"), Error);
  EXPECT_THROW((void)Preprocessing::parse("base"), Error);
}

TEST(Light, GammasPointAwayFromTheSource) {
  Light light;
  for (std::uint64_t i = 0; i < 50; ++i) {
    make_light(camera(), EventKind::gamma, {0.2, 0.1}, 0.92, 4, 1, i, light);
    const Truth& t = light.truth;
    const double angle = std::atan2(t.y - 0.1, t.x - 0.2);
    EXPECT_LT(std::abs(std::remainder(angle - t.psi, 2 * pi)), 0.4);
    EXPECT_GT(t.energy_tev, 0.0199);
    EXPECT_LT(t.energy_tev, 10.001);
    EXPECT_GE(t.size_pe, 60);
    if (std::hypot(t.x, t.y) > 0.7) continue;
    double sum = 0;
    for (const float pe : light.photoelectrons) sum += pe;
    EXPECT_NEAR(sum / t.size_pe, 1, 0.25);
  }
}

TEST(Raw, BytesOfTheDevices) {
  RawEvent event;
  event.id = 258;
  event.time_ns = 3'123'456'789;
  event.trigger = trigger_bit::pedestal;
  std::vector<std::uint8_t> bytes;
  fill_counters(camera(), event, bytes);
  ASSERT_EQ(bytes.size(), camera().n_modules * 22);
  EXPECT_EQ(bytes[0], 3);
  EXPECT_EQ(bytes[2] | bytes[3] << 8 | bytes[4] << 16, 1'234'567);
  EXPECT_EQ(bytes[6] | bytes[7] << 8, 258);
  fill_tib(event, bytes);
  ASSERT_EQ(bytes.size(), 12U);
  EXPECT_EQ(bytes[4], 3);
  EXPECT_EQ(bytes[6] | bytes[7] << 8 | bytes[8] << 16, 1'234'567);
  EXPECT_EQ(bytes[11], trigger_bit::pedestal);
  event.stamp_ns = event.time_ns;
  event.stamp_trigger = event.trigger;
  fill_cdts({1, 1, 0, 5}, event, bytes);
  ASSERT_EQ(bytes.size(), 36U);
  EXPECT_EQ(bytes[0], (3'123'456'794 & 255));
  EXPECT_EQ(bytes[28], trigger_bit::pedestal);
}

class Night : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "alisio-sim-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] NightOptions options(const char* name) const {
    NightOptions options;
    options.output = folder_ / name;
    options.subruns = 2;
    options.events = 12;
    options.calibration_events = 16;
    return options;
  }
  fs::path folder_;
};

TEST_F(Night, IsTheSameForAnyNumberOfThreadsAndIsKept) {
  NightOptions one = options("one"), two = options("two");
  one.threads = 1;
  two.threads = 3;
  const NightResult made = simulate_night(one, cfg_folder());
  EXPECT_FALSE(made.already_there);
  EXPECT_EQ(made.events, 16U + 16U + 24U);
  (void)simulate_night(two, cfg_folder());
  // The marker holds the hash of every file.
  EXPECT_EQ(read_text_file(one.output / "simulation.json"),
            read_text_file(two.output / "simulation.json"));

  EXPECT_TRUE(simulate_night(one, cfg_folder()).already_there);
  NightOptions other = one;
  other.seed = 2;
  EXPECT_THROW((void)simulate_night(other, cfg_folder()), Error);

  std::ofstream(one.output / "truth" / "truth_Run11220.csv") << "damaged";
  EXPECT_EQ(simulate_night(one, cfg_folder()).remade_because_damaged, 1U);
  EXPECT_TRUE(simulate_night(one, cfg_folder()).already_there);

  const auto rows =
      text::read_run_summary(one.output / "monitoring/RunSummary/RunSummary_20240115.ecsv");
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[2].run_type, "DATA");
  EXPECT_EQ(rows[2].n_subruns, 2);
  const auto drive = text::read_drive_log(
      one.output / "monitoring/DrivePositioning/DrivePosition_log_20240115.txt");
  const auto pointing =
      text::pointing_at(drive, static_cast<double>(rows[2].run_start) * 1e-9 - 37);
  EXPECT_NEAR(pointing.altitude * 180 / pi, 67, 1.5);
}

TEST_F(Night, WritesBothFormats) {
  for (const RawFormat format : {RawFormat::r0, RawFormat::r1v1}) {
    NightOptions night = options(to_string(format));
    night.format = format;
    (void)simulate_night(night, cfg_folder());
    std::set<std::uint64_t> ids;
    for (int stream = 1; stream <= 4; ++stream) {
      const zfits::File file =
          zfits::File::open(night.output / "R0" / "20240115" /
                            ("LST-1." + std::to_string(stream) + ".Run11220.0001.fits.fz"));
      const auto& events = file.table("Events");
      EXPECT_EQ(events.message_class(), event_class(format));
      zfits::DecodedColumn column;
      for (std::size_t tile = 0; tile < events.tile_count(); ++tile) {
        events.decode(tile, *events.find_column("event_id"), column);
        for (std::size_t row = 0; row < column.row_count(); ++row)
          EXPECT_TRUE(ids.insert(column.item<std::uint64_t>(row)).second);
      }
    }
    EXPECT_EQ(ids.size(), 12U);
    EXPECT_EQ(*ids.begin(), 13U);
    EXPECT_EQ(*ids.rbegin(), 24U);
  }
}

TEST_F(Night, RefusesForeignFoldersAndOddNumbers) {
  NightOptions night = options("foreign");
  fs::create_directories(night.output / "R0" / "20240115");
  EXPECT_THROW((void)simulate_night(night, cfg_folder()), Error);
  night = options("few");
  night.events = 3;
  EXPECT_THROW((void)simulate_night(night, cfg_folder()), Error);
  EXPECT_FALSE(fs::exists(night.output));
  EXPECT_THROW((void)parse_format("r1"), Error);
}

TEST_F(Night, HoldsNothingButRawFilesIfWanted) {
  NightOptions night = options("raw");
  night.constants = night.run_summary = false;
  night.calibration_runs = 2;
  night.data_runs = 2;
  (void)simulate_night(night, cfg_folder());
  EXPECT_FALSE(fs::exists(night.output / "monitoring/PixelCalibration"));
  EXPECT_FALSE(fs::exists(night.output / "monitoring/RunSummary"));
  EXPECT_TRUE(fs::exists(night.output / "R0/20240115/LST-1.4.Run11222.0001.fits.fz"));
  EXPECT_TRUE(fs::exists(night.output / "truth/camera.ecsv"));
}

TEST_F(Night, GainSelectedShowersHaveOneGain) {
  NightOptions night = options("reduced");
  night.preprocessing = Preprocessing::parse("baseline,gain-selection");
  EXPECT_THROW((void)simulate_night(night, cfg_folder()), Error);  // not in the old format
  night.format = RawFormat::r1v1;
  (void)simulate_night(night, cfg_folder());
  const zfits::File file =
      zfits::File::open(night.output / "R0/20240115/LST-1.1.Run11220.0000.fits.fz");
  const auto& events = file.table("Events");
  zfits::DecodedColumn types, waveforms, gains, actions, status;
  events.decode(0, *events.find_column("event_type"), types);
  events.decode(0, *events.find_column("waveform"), waveforms);
  events.decode(0, *events.find_column("num_channels"), gains);
  events.decode(0, *events.find_column("debug_tdp_action"), actions);
  events.decode(0, *events.find_column("pixel_status"), status);
  std::size_t showers = 0;
  for (std::size_t row = 0; row < types.row_count(); ++row) {
    const bool shower = types.item<std::uint32_t>(row) == 32;
    showers += shower ? 1 : 0;
    EXPECT_EQ(gains.item<std::uint32_t>(row), shower ? 1U : 2U);
    EXPECT_EQ(waveforms.item_count<std::uint16_t>(row), (shower ? 1U : 2U) * 1855 * 40);
    EXPECT_EQ(actions.item<std::uint32_t>(row), shower ? 3U : 2U);
    const std::uint8_t stored = status.item<std::uint8_t>(row, 17);
    EXPECT_EQ(stored == 12, !shower);
  }
  EXPECT_GT(showers, 0U);
}

TEST_F(Night, StreamsAndModulesCanBeMissing) {
  NightOptions night = options("faulty");
  night.faults = {RunFault::parse("11220=missing-modules"), RunFault::parse("11220=missing-stream"),
                  RunFault::parse("11219=few-events")};
  night.calibration_events = 40;
  EXPECT_EQ(simulate_night(night, cfg_folder()).events, 40U + 16U + 24U);
  const fs::path r0 = night.output / "R0/20240115";
  EXPECT_FALSE(fs::exists(r0 / "LST-1.3.Run11220.0000.fits.fz"));
  const zfits::File file = zfits::File::open(r0 / "LST-1.1.Run11220.0000.fits.fz");
  zfits::DecodedColumn column;
  const auto& config = file.table("CameraConfig");
  config.decode(0, *config.find_column("lstcam_expected_modules_id"), column);
  ASSERT_EQ(column.item_count<std::uint16_t>(0), 263U);
  EXPECT_EQ(column.item<std::uint16_t>(0, 6), 6);
  EXPECT_EQ(column.item<std::uint16_t>(0, 7), 8);
  const auto& events = file.table("Events");
  events.decode(0, *events.find_column("waveform"), column);
  EXPECT_EQ(column.item_count<std::uint16_t>(0), 2U * 263 * 7 * 40);
}

TEST(RunPlan, CalibrationRunsStandEvenlyAmongTheDataRuns) {
  const auto kinds = [](int data, int calibration) {
    NightOptions options;
    options.data_runs = data;
    options.calibration_runs = calibration;
    std::string text;
    std::int64_t before = 0;
    int run = options.first_run;
    for (const RunPlan& plan : plan_runs(options)) {
      EXPECT_EQ(plan.run, run++);
      EXPECT_GT(plan.start_utc_s, before);
      before = plan.start_utc_s;
      text += *to_string(plan.kind) == 'P'                                 ? 'c'
              : *to_string(plan.kind) == 'D' && plan.kind == RunKind::drs4 ? '4'
                                                                           : 'd';
    }
    return text;
  };
  EXPECT_EQ(kinds(1, 1), "4cd");
  EXPECT_EQ(kinds(1, 2), "4ccd");
  EXPECT_EQ(kinds(2, 2), "4cdcd");
  EXPECT_EQ(kinds(5, 2), "4cddcddd");
}

TEST(RunPlan, FaultsMustFitTheirRuns) {
  NightOptions options;
  options.faults = {{11219, Fault::lamp_off}};
  EXPECT_TRUE(plan_runs(options)[1].has(Fault::lamp_off));
  for (const char* wrong : {"11218=lamp-off", "11219=mistagged-pedestals", "11221=dead-pixel"}) {
    options.faults = {RunFault::parse(wrong)};
    EXPECT_THROW((void)plan_runs(options), Error) << wrong;
  }
  for (const char* wrong : {"lamp-off", "11219=lampoff", "=lamp-off", "x=lamp-off", "1x=lamp-off"})
    EXPECT_THROW((void)RunFault::parse(wrong), Error) << wrong;
}

}  // namespace
}  // namespace alisio::sim
