#include "lib/pipeline/significance.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"
#include "lib/io/hdf5/table.hpp"
#include "lib/pipeline/dl1_layout.hpp"
#include "lib/pipeline/run_counts.hpp"
#include "lib/pipeline/significance_result.hpp"
#include "lib/sky/source_track.hpp"

namespace alisio::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr sky::Site lst1{-17.89149701, 28.76152611, 2199.885};
constexpr sky::Equatorial crab{83.6331, 22.0145}, wobble{83.6331, 22.4145};
constexpr double start = 1671145200, step = 0.001;
const double nan = std::nan("");

SignificanceOptions standard() {
  return significance_options(config::Configuration::defaults());
}

/// Notes nothing.
class Nobody : public StageObserver {
 public:
  void started(const ActivityNote&) override {}
  void used(const ActivityNote&, const FileNote&) override {}
  void generated(const ActivityNote&, const FileNote&) override {}
  void finished(const ActivityNote&, const OutcomeNote&) override {}
};

/// Events of a run that follows a place beside the Crab Nebula.
struct Rows {
  std::vector<double> dragon_time, delta_t, alt_tel, az_tel, gammaness, reco_src_x, reco_src_y;
  std::vector<std::int64_t> event_type;

  /// Add an event reconstructed at a distance, m, from the source in the camera.
  void add(double dx, double probability, std::int64_t type = 32) {
    const double time = start + step * double(dragon_time.size());
    const sky::AltAz pointing = sky::icrs_to_altaz(wobble, {{time}}, lst1).front();
    const sky::CameraPoint source = sky::altaz_to_camera(
        sky::icrs_to_altaz(crab, {{time}}, lst1).front(), standard().focal_length, pointing);
    delta_t.push_back(dragon_time.empty() ? 0 : step * (dragon_time.size() % 2 == 0 ? 0.8 : 1));
    dragon_time.push_back(time);
    alt_tel.push_back(pointing.altitude);
    az_tel.push_back(pointing.azimuth);
    gammaness.push_back(probability);
    reco_src_x.push_back(source.x + dx);
    reco_src_y.push_back(source.y);
    event_type.push_back(type);
  }
};

class SignificanceTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("alisio_significance_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path write(const Rows& rows, const char* name, bool simulated = false) const {
    const fs::path path = folder_ / name;
    hdf5::File file = hdf5::File::create(path);
    write_table(file, rows, simulated);
    file.close();
    return path;
  }

  static void write_table(hdf5::File& file, const Rows& rows, bool simulated = false) {
    std::vector<hdf5::ColumnSpec> columns;
    std::vector<hdf5::ColumnSource> sources;
    const auto add = [&](const char* column, const auto& values) {
      hdf5::ColumnSpec spec;
      spec.name = column;
      spec.type = std::is_same_v<std::decay_t<decltype(values.front())>, double>
                      ? hdf5::ScalarType::float64
                      : hdf5::ScalarType::int64;
      columns.push_back(spec);
      sources.push_back(hdf5::ColumnSource::of(values));
    };
    if (!simulated) add("dragon_time", rows.dragon_time);
    add("delta_t", rows.delta_t);
    add("alt_tel", rows.alt_tel);
    add("az_tel", rows.az_tel);
    add("gammaness", rows.gammaness);
    add("reco_src_x", rows.reco_src_x);
    add("reco_src_y", rows.reco_src_y);
    add("event_type", rows.event_type);
    hdf5::TableWriter table(file, {.path = dl2_parameters_path, .title = "", .columns = columns});
    if (!rows.dragon_time.empty()) table.append(rows.dragon_time.size(), sources);
    table.finish();
  }

  /// Write what a source-dependent analysis for a source does.
  fs::path write_alpha(const Rows& rows, const char* name, sky::Equatorial assumed,
                       const std::vector<std::string>& off_positions) const {
    const fs::path path = folder_ / name;
    hdf5::File file = hdf5::File::create(path);
    write_table(file, rows);
    const double focal = telescope().optics.effective_focal_length;
    const std::size_t n = rows.dragon_time.size();
    std::vector<double> x, y;
    const std::vector<sky::AltAz> places = sky::icrs_to_altaz(assumed, rows.dragon_time, lst1);
    for (std::size_t i = 0; i < n; ++i) {
      const sky::CameraPoint at =
          sky::altaz_to_camera(places[i], focal, {rows.alt_tel[i], rows.az_tel[i]});
      x.push_back(at.x), y.push_back(at.y);
    }
    const std::vector<double> near(n, 5), far(n, 40), high(n, 0.9);
    std::vector<hdf5::ColumnSpec> columns;
    std::vector<hdf5::ColumnSource> sources;
    const auto add = [&](const std::string& position, const char* quantity, const auto& values) {
      hdf5::ColumnSpec spec;
      spec.name = "('" + position + "', '" + quantity + "')";
      columns.push_back(spec);
      sources.push_back(hdf5::ColumnSource::of(values));
    };
    add("on", "expected_src_x", x);
    add("on", "expected_src_y", y);
    add("on", "alpha", near);
    add("on", "gammaness", high);
    for (const std::string& off : off_positions)
      add(off, "alpha", far), add(off, "gammaness", high);
    hdf5::TableWriter table(file,
                            {.path = dl2_source_dependent_path, .title = "", .columns = columns});
    table.append(n, sources);
    table.finish();
    file.close();
    return path;
  }

  static const instrument::Telescope& telescope() {
    static const auto loaded = instrument::load_telescope(ALISIO_SOURCE_DIR "/cfg");
    return loaded;
  }

  /// Count runs of a source as the command does.
  SignificanceResult significance_of(const std::vector<fs::path>& files,
                                     sky::Equatorial source = crab,
                                     const std::string& name = "Told") const {
    Nobody nobody;
    const stage::KnownHashes known;
    SignificanceResult result;
    SignificanceRequest request;
    request.inputs = files;
    request.output_dir = folder_;
    request.told = text::Source{name, source.ra_deg, source.dec_deg, {}};
    const auto configuration = config::Configuration::defaults();
    const auto outcome =
        stage::run_stage(significance_activity(request, {}, configuration), nobody, known,
                         [&](stage::StageRun& run) {
                           return significance(run, request, configuration, telescope(), result);
                         });
    if (outcome.error) std::rethrow_exception(outcome.error);
    return result;
  }

  /// Return what the command says of runs that it refuses; empty if it does not.
  std::string refusal_of(const std::vector<fs::path>& files, sky::Equatorial source = crab) const {
    try {
      static_cast<void>(significance_of(files, source));
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  fs::path folder_;
};

/// Expect that a message holds words.
void expect_words(const std::string& message, const std::string& words) {
  EXPECT_NE(message.find(words), std::string::npos) << words << " is not in: " << message;
}

Rows some_rows() {
  Rows rows;
  for (int i = 0; i < 4; ++i) rows.add(0.02, 0.9);
  return rows;
}

TEST_F(SignificanceTest, RunsOfOtherOffPositionsAreRefused) {
  const Rows rows = some_rows();
  const std::vector<fs::path> runs{
      write_alpha(rows, "dl2_LST-1.Run00001.h5", crab, {"off_090", "off_180", "off_270"}),
      write_alpha(rows, "dl2_LST-1.Run00002.h5", crab, {"off_180"})};
  EXPECT_EQ(significance_of({runs[0]}).options.n_off, 3);
  EXPECT_EQ(significance_of({runs[1]}).options.n_off, 1);
  expect_words(refusal_of(runs), "off positions are off_180");
}

TEST_F(SignificanceTest, AlphaCountsForTheSourceOfTheDl2) {
  const Rows rows = some_rows();
  const sky::Equatorial other{crab.ra_deg, crab.dec_deg + 0.3};
  const std::vector<fs::path> runs{write_alpha(rows, "dl2_LST-1.Run00001.h5", crab, {"off_180"}),
                                   write_alpha(rows, "dl2_LST-1.Run00002.h5", other, {"off_180"})};
  expect_words(refusal_of({runs[0]}, other), "assumes a source 0.30 deg away from Told");
  const SignificanceResult both = significance_of(runs);
  ASSERT_EQ(both.sources.size(), 1U);
  EXPECT_EQ(both.sources[0].runs.size(), 1U);
  EXPECT_EQ(both.sources[0].sum.excess.n_on, 4);
  ASSERT_EQ(both.left_out.size(), 1U);
  EXPECT_EQ(both.left_out[0].what, "run 00002");
}

TEST_F(SignificanceTest, WhatHasNoEventsIsNotBlamedOnTheSource) {
  const fs::path nothing = write({}, "dl2_LST-1.Run00001.h5");
  const std::string message = refusal_of({nothing});
  expect_words(message, "holds no DL2 events");
  EXPECT_EQ(message.find("--source-name"), std::string::npos) << message;
  expect_words(refusal_of({write(some_rows(), "dl2_LST-1.Run00002.h5")}, {200, 22}),
               "--source-name");
}

TEST_F(SignificanceTest, ARunCountsOnceWhateverItsFilesAreCalled) {
  const Rows rows = some_rows();
  const fs::path run = write(rows, "dl2_LST-1.Run00001.h5"),
                 copy = write(rows, "dl2_copy_LST-1.Run00001.h5"),
                 first = write(rows, "dl2_LST-1.Run00002.0000.h5"),
                 again = write(rows, "again_LST-1.Run2.0000_1.h5"),
                 second = write(rows, "dl2_LST-1.Run00002.0001.h5"),
                 whole = write(rows, "dl2_LST-1.Run00002.h5"),
                 other = write(rows, "dl2_LST-2.Run00001.h5");
  for (const std::vector<fs::path>& files :
       {std::vector{run, copy}, {first, second, again}, {first, whole}, {whole, second}})
    expect_words(refusal_of(files), "given twice");
  expect_words(refusal_of({run, other}), "is of telescope 2, not 1");
  expect_words(refusal_of({folder_ / "dl2_Run00001.h5"}), "tells no telescope and run");
  EXPECT_EQ(significance_of({second, run, first}).sources.at(0).sum.events, 12);
}

TEST_F(SignificanceTest, TimeNeedsNoOrderAndNotEveryEvent) {
  Rows rows;
  for (int i = 0; i < 21; ++i) rows.add(0.02, 0.9);
  const RunEvents sorted = read_run({write(rows, "dl2_LST-1.Run00001.h5")}, standard(), lst1);
  Rows mixed = rows;
  std::ranges::reverse(mixed.dragon_time);
  std::ranges::reverse(mixed.delta_t);
  const RunEvents reversed = read_run({write(mixed, "dl2_LST-1.Run00001.h5")}, standard(), lst1);
  EXPECT_DOUBLE_EQ(reversed.time.elapsed_s, sorted.time.elapsed_s);
  EXPECT_NEAR(reversed.time.effective_s, sorted.time.effective_s, 1e-12);
  rows.dragon_time[10] = nan;
  const RunEvents holed = read_run({write(rows, "dl2_LST-1.Run00001.h5")}, standard(), lst1);
  EXPECT_EQ(holed.timeless, 1);
  EXPECT_EQ(holed.selected.n, 20U);
  EXPECT_NEAR(holed.time.elapsed_s, 20 * step, 1e-5);
  EXPECT_GT(holed.time.effective_s, 0);
}

TEST_F(SignificanceTest, GapsAreRemarkedUpon) {
  Rows rows;
  for (int i = 0; i < 20; ++i) rows.add(0.02, 0.9);
  for (int i = 0; i < 10; ++i) rows.add(-0.2, 0.9);  // 0.4 deg away: the normalisation off
  for (int i = 0; i < 10; ++i) rows.add(0.45, 0.9);  // 0.9 deg away: that on
  const fs::path file = write(rows, "dl2_LST-1.Run00001.h5");
  EXPECT_EQ(significance_of({file}).sources.at(0).runs.at(0).remark, "");
  for (std::size_t i = 15; i < rows.dragon_time.size(); ++i) rows.dragon_time[i] += 5;
  const fs::path gap = write(rows, "dl2_LST-1.Run00001.h5");
  expect_words(significance_of({gap}).sources.at(0).runs.at(0).remark, "lies in gaps");
}

TEST_F(SignificanceTest, PlotsOfAFormerResultGoWithIt) {
  const std::vector<fs::path> runs{write(some_rows(), "dl2_LST-1.Run00001.h5")};
  static_cast<void>(significance_of(runs, crab, "First"));
  const fs::path first = folder_ / "theta2_First.svg", second = folder_ / "theta2_Second.svg";
  ASSERT_TRUE(fs::exists(first));
  static_cast<void>(significance_of(runs, crab, "Second"));
  EXPECT_FALSE(fs::exists(first));
  ASSERT_TRUE(fs::exists(second));
  std::ofstream(second) << "someone else's";
  static_cast<void>(significance_of(runs, crab, "First"));
  EXPECT_TRUE(fs::exists(first));
  EXPECT_TRUE(fs::exists(second)) << "what others wrote is theirs";
}

TEST_F(SignificanceTest, EventsAreSelectedAndCounted) {
  Rows rows;
  for (int i = 0; i < 4; ++i) rows.add(0.02, 0.9);  // 0.04 deg from the source
  rows.add(0.02, 0.5);                              // a hadron
  rows.add(0.02, 0.9, 2);                           // a pedestal
  rows.add(0.02, nan);
  rows.add(nan, 0.9);
  rows.add(-0.3, 0.9);  // 0.6 deg away, and more than 1 deg from the mirrored position
  const RunEvents run = read_run({write(rows, "dl2_LST-1.Run00001.h5")}, standard(), lst1);
  EXPECT_EQ(run.events, 9);
  EXPECT_EQ(run.selected.n, 6U);
  EXPECT_LT(sky::separation_deg(run.pointing, wobble), 1e-4);
  EXPECT_NEAR(run.time.elapsed_s, 8 * step, 1e-5);
  EXPECT_LT(run.time.effective_s, run.time.elapsed_s);
  const dl3::OnOffCounts counts = count_theta2(run.selected, crab, standard(), lst1);
  EXPECT_EQ(counts.n_on, 4);
  EXPECT_EQ(counts.n_off, 0);
  EXPECT_EQ(counts.on[0], 4);
  // Mirrored, the four are 0.8 deg away: theta2 of 0.7 deg2.
  EXPECT_EQ(counts.norm_off, 4);
}

TEST_F(SignificanceTest, SubrunsAreOneRun) {
  Rows rows;
  for (int i = 0; i < 5; ++i) rows.add(0.02, 0.9);
  const std::vector<fs::path> files{write(rows, "dl2_LST-1.Run00001.0000.h5"),
                                    write(rows, "dl2_LST-1.Run00001.0001.h5")};
  const RunEvents run = read_run(files, standard(), lst1);
  EXPECT_EQ(run.events, 10);
  EXPECT_EQ(run.selected.n, 10U);
}

TEST_F(SignificanceTest, OfNoEventNothingIsKnown) {
  const RunEvents run = read_run({write({}, "dl2_LST-1.Run00001.h5")}, standard(), lst1);
  EXPECT_EQ(run.events, 0);
  EXPECT_TRUE(std::isnan(run.pointing.ra_deg));
  EXPECT_EQ(run.time.effective_s, 0);
  EXPECT_EQ(count_theta2(run.selected, crab, standard(), lst1).n_on, 0);
}

TEST_F(SignificanceTest, OneEventIsCounted) {
  Rows rows;
  rows.add(0.02, 0.9);
  const RunEvents run = read_run({write(rows, "dl2_LST-1.Run00001.h5")}, standard(), lst1);
  EXPECT_EQ(count_theta2(run.selected, crab, standard(), lst1).n_on, 1);
  EXPECT_EQ(run.time.effective_s, 0);
}

TEST_F(SignificanceTest, SimulationsAreRefused) {
  Rows rows;
  rows.add(0.02, 0.9);
  const fs::path file = write(rows, "dl2_LST-1.Run00001.h5", true);
  try {
    static_cast<void>(read_run({file}, standard(), lst1));
    FAIL() << "simulated events have no times";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_input);
    EXPECT_NE(std::string(error.what()).find("simulated"), std::string::npos) << error.what();
  }
}

TEST_F(SignificanceTest, ResultsAreReadAsWritten) {
  SignificanceResult result{.date = "20221215", .prod_id = "v1", .options = standard()};
  SourceSignificance source{.name = "Crab Nebula", .position = crab, .chosen = "as told"};
  source.runs = {{.run = "00001",
                  .pointing = wobble,
                  .separation_deg = 0.4,
                  .events = 100,
                  .selected = 10,
                  .time = {.elapsed_s = 60, .effective_s = 30, .dead_s = 1e-5, .rate_hz = 5000},
                  .norm_on = 7,
                  .norm_off = 14,
                  .excess = dl3::excess_of(20, 10, 0.5)}};
  source.sum = source.runs.front();
  source.sum.run = "all";
  source.sum.separation_deg = nan;
  source.on = {15, 5};
  source.off = {4, 6};
  result.sources = {source};
  result.left_out = {{"run 00002", "no source"}};
  const fs::path file = folder_ / "significance.json";
  std::ofstream(file) << to_json(result);
  const SignificanceResult read = read_significance(file);
  EXPECT_EQ(to_json(read), to_json(result));
  EXPECT_DOUBLE_EQ(per_minute(read.sources[0].sum.excess.excess, read.sources[0].sum), 30);
  const std::string text = to_text(read);
  for (const char* words : {"Crab Nebula", "00001", "run 00002: no source", "1 off position;"})
    EXPECT_NE(text.find(words), std::string::npos) << words << " is not in\n" << text;
  EXPECT_NE(plot::to_svg(significance_plot(read, read.sources[0])).find("theta²"),
            std::string::npos);
}

TEST_F(SignificanceTest, OtherFilesAreNoResults) {
  const fs::path file = folder_ / "significance.json";
  for (const char* text : {"", "{}", R"({"format": "else"})"}) {
    std::ofstream(file) << text;
    EXPECT_THROW(static_cast<void>(read_significance(file)), Error) << text;
  }
  EXPECT_THROW(static_cast<void>(read_significance(folder_ / "absent")), Error);
}

TEST_F(SignificanceTest, CutsMustMakeSense) {
  config::Configuration configuration = config::Configuration::defaults();
  configuration.set("significance.theta2_norm", "[0.01, 1]");
  EXPECT_THROW(static_cast<void>(significance_options(configuration)), Error);
}

TEST(FileWord, HoldsNothingThatAShellKnows) {
  EXPECT_EQ(file_word("LS I +61 303"), "LS_I_+61_303");
  EXPECT_EQ(file_word("../x"), "___x");
  EXPECT_EQ(file_word(""), "source");
}

}  // namespace
}  // namespace alisio::pipeline
