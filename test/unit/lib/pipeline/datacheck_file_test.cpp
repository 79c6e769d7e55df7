#include "lib/pipeline/datacheck_file.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "lib/base/error.hpp"
#include "lib/io/hdf5/table.hpp"

namespace alisio::pipeline {
namespace {

namespace fs = std::filesystem;
using check::ClassCheck;
using check::EventClass;

constexpr std::size_t n_pixels = 5;

class DataCheckFile : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::temp_directory_path() / (std::string("alisio_datacheck_") + test->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  [[nodiscard]] fs::path file(const char* name) const { return folder_ / name; }

 private:
  fs::path folder_;
};

/// A row whose every number differs.
ClassCheck row_of(EventClass c, std::int64_t subrun) {
  ClassCheck row(n_pixels);
  double next = 10.0 * double(c) + double(subrun);
  const auto number = [&] { return next += 1.25; };
  row.run = 11220;
  row.subrun = subrun;
  row.elapsed_time = number();
  row.num_events = 100 + subrun;
  row.num_cleaned_events = 40;
  row.trigger_types = {{1, 60}, {64, 40}};
  row.ucts_trigger_types = {{0, 7}, {32, 93}};
  row.num_ucts_jumps = 2;
  row.alt_tel = number();
  row.az_tel = number();
  row.ra_tel = number();
  row.dec_tel = number();
  for (std::size_t i = 0; i < check::n_samples; ++i) {
    row.sampled_event_ids.push_back(std::int64_t(i));
    row.ucts_time.push_back(number());
    row.tib_time.push_back(number());
    row.dragon_time.push_back(number());
  }
  for (auto& counts : row.histograms.of) std::iota(counts.begin(), counts.end(), subrun);
  for (std::size_t p = 0; p < n_pixels; ++p) {
    row.cog_within_pixel[p] = std::int64_t(p) + 1;
    row.cog_within_pixel_intensity_gt_200[p] = std::int64_t(p);
    for (std::size_t t = 0; t < row.pulses_above.size(); ++t)
      row.pulses_above[t][p] = std::int64_t(10 * t + p);
  }
  const auto fill = [&](check::Moments& m, std::int64_t count) {
    for (std::size_t p = 0; p < n_pixels; ++p) {
      m.count[p] = count;
      m.sum[p] = number();
      m.sum2[p] = m.sum[p] * m.sum[p] / double(count) + number();
    }
  };
  fill(row.charge, row.num_events);
  if (c == EventClass::pedestals) return row;
  fill(row.time, 90);
  fill(row.relative_time, 90);
  if (c == EventClass::flatfield) return row;
  fill(row.time_above_030_pe, 10);
  return row;
}

DataCheck two_subruns() {
  DataCheck check;
  for (std::int64_t subrun : {0, 1}) {
    for (const EventClass c : check::event_classes)
      if (subrun == 0 || c != EventClass::flatfield) check[c].push_back(row_of(c, subrun));
    check::SubrunSummary summary;
    summary.run = 11220;
    summary.subrun = subrun;
    summary.time_start = 1e9 + double(subrun);
    summary.num_events = 300;
    summary.num_class_events = {1, 2, 3};
    summary.num_cleaned_events = {4, 5, 6};
    summary.pedestal_spread = 1.5;
    summary.num_muon_rings = 3;
    summary.num_contained_rings = 2;
    check.summaries.push_back(summary);
  }
  check.configuration_json = R"({"tailcut": {"picture_thresh": 8}})";
  return check;
}

void expect_same(const check::Moments& a, const check::Moments& b) {
  EXPECT_EQ(a.count, b.count);
  EXPECT_EQ(a.sum, b.sum);
  EXPECT_EQ(a.sum2, b.sum2);
}

void expect_same(const ClassCheck& a, const ClassCheck& b) {
  EXPECT_EQ(a.run, b.run);
  EXPECT_EQ(a.subrun, b.subrun);
  EXPECT_EQ(a.elapsed_time, b.elapsed_time);
  EXPECT_EQ(a.num_events, b.num_events);
  EXPECT_EQ(a.num_cleaned_events, b.num_cleaned_events);
  EXPECT_EQ(a.trigger_types, b.trigger_types);
  EXPECT_EQ(a.ucts_trigger_types, b.ucts_trigger_types);
  EXPECT_EQ(a.num_ucts_jumps, b.num_ucts_jumps);
  EXPECT_EQ(a.az_tel, b.az_tel);
  EXPECT_EQ(a.dec_tel, b.dec_tel);
  EXPECT_EQ(a.sampled_event_ids, b.sampled_event_ids);
  EXPECT_EQ(a.tib_time, b.tib_time);
  EXPECT_EQ(a.histograms.of, b.histograms.of);
  EXPECT_EQ(a.cog_within_pixel, b.cog_within_pixel);
  EXPECT_EQ(a.cog_within_pixel_intensity_gt_200, b.cog_within_pixel_intensity_gt_200);
  EXPECT_EQ(a.pulses_above, b.pulses_above);
  EXPECT_EQ(a.exact, b.exact);
  expect_same(a.charge, b.charge);
  expect_same(a.time, b.time);
  expect_same(a.relative_time, b.relative_time);
  expect_same(a.time_above_030_pe, b.time_above_030_pe);
}

TEST_F(DataCheckFile, ReadsWhatItWrote) {
  const DataCheck written = two_subruns();
  write_datacheck(file("datacheck_dl1_LST-1.Run11220.h5"), written, {}, "check_dl1");
  const DataCheck read = read_datacheck(file("datacheck_dl1_LST-1.Run11220.h5"));
  for (const EventClass c : check::event_classes) {
    ASSERT_EQ(read[c].size(), written[c].size());
    for (std::size_t i = 0; i < read[c].size(); ++i) expect_same(read[c][i], written[c][i]);
  }
  EXPECT_EQ(read.configuration_json, written.configuration_json);
  ASSERT_EQ(read.summaries.size(), 2U);
  EXPECT_EQ(read.summaries[1].subrun, 1);
  EXPECT_EQ(read.summaries[1].time_start, 1e9 + 1);
  EXPECT_EQ(read.summaries[1].num_class_events, written.summaries[1].num_class_events);
  EXPECT_EQ(read.summaries[1].num_cleaned_events, written.summaries[1].num_cleaned_events);
  EXPECT_EQ(read.summaries[1].pedestal_spread, 1.5);
  EXPECT_EQ(read.summaries[1].num_muon_rings, 3);
  EXPECT_EQ(read.summaries[1].num_contained_rings, 2);
  EXPECT_TRUE(std::isnan(read.summaries[1].muon_efficiency));
}

TEST_F(DataCheckFile, AddsUpARun) {
  const DataCheck written = two_subruns();
  write_datacheck(file("a.h5"), written, {}, "check_dl1");
  const RunCheck run = read_run_check(file("a.h5"));
  const ClassCheck sum = check::sum_of(written[EventClass::cosmics]);
  expect_same(run[EventClass::cosmics], sum);
  EXPECT_EQ(run[EventClass::cosmics].num_events, 201);
  EXPECT_EQ(run[EventClass::flatfield].n_subruns, 1);
}

TEST_F(DataCheckFile, HasLstchainsTypes) {
  write_datacheck(file("a.h5"), two_subruns(), {}, "check_dl1");
  const hdf5::File h5 = hdf5::File::open(file("a.h5"));
  const auto type = [&](const char* table, const char* column) {
    const hdf5::TableReader reader(h5, std::string("/dl1datacheck/") + table);
    const auto& found = hdf5::find_column(reader.columns(), column, table);
    return std::pair(found.type, found.items);
  };
  using S = hdf5::ScalarType;
  EXPECT_EQ(type("cosmics", "time_mean_above_030_pe"), std::pair(S::float32, n_pixels));
  EXPECT_EQ(type("flatfield", "time_mean"), std::pair(S::float32, n_pixels));
  EXPECT_EQ(type("flatfield", "time_mean_above_030_pe"), std::pair(S::int64, std::size_t{1}));
  EXPECT_EQ(type("pedestals", "time_mean"), std::pair(S::int64, std::size_t{1}));
  EXPECT_EQ(type("pedestals", "hist_width"), std::pair(S::float64, std::size_t{10000}));
  EXPECT_EQ(type("histogram_binning", "hist_width"), std::pair(S::float64, std::size_t{202}));
}

TEST_F(DataCheckFile, WithoutOurSumsAFileIsReadAsLstchains) {
  const DataCheck written = two_subruns();
  write_datacheck(file("whole.h5"), written, {}, "check_dl1");
  {
    hdf5::File source = hdf5::File::open(file("whole.h5"));
    hdf5::File target = hdf5::File::create(file("datacheck_dl1_LST-1.Run11220.h5"));
    source.copy_to(target, "/dl1datacheck");
    target.close();
  }
  const DataCheck read = read_datacheck(file("datacheck_dl1_LST-1.Run11220.h5"));
  const ClassCheck &a = read[EventClass::cosmics][1], &b = written[EventClass::cosmics][1];
  EXPECT_FALSE(a.exact);
  EXPECT_EQ(a.run, 11220) << "from the name";
  for (std::size_t p = 0; p < n_pixels; ++p) {
    EXPECT_NEAR(a.charge.mean(p), b.charge.mean(p), 1e-6 * std::abs(b.charge.mean(p)));
    EXPECT_NEAR(a.charge.stddev(p), b.charge.stddev(p), 1e-6 * b.charge.stddev(p));
    EXPECT_NEAR(a.time.stddev(p), b.time.stddev(p), 1e-6 * b.time.stddev(p));
  }
  ASSERT_EQ(read.summaries.size(), 2U);
  EXPECT_EQ(read.summaries[0].num_class_events, (std::array<std::int64_t, 3>{100, 100, 100}));
  EXPECT_EQ(read.summaries[1].num_class_events, (std::array<std::int64_t, 3>{101, 0, 101}));
  EXPECT_EQ(read.summaries[0].num_mistagged, -1) << "not in lstchain's tables";
}

TEST_F(DataCheckFile, RefusesOtherFiles) {
  hdf5::File::create(file("a.h5")).close();
  EXPECT_THROW((void)read_datacheck(file("a.h5")), Error);
  EXPECT_THROW((void)read_summaries(file("none.h5")), Error);
  DataCheck mixed = two_subruns();
  mixed[EventClass::cosmics][1] = ClassCheck(n_pixels + 1);
  EXPECT_THROW(write_datacheck(file("b.h5"), mixed, {}, "check_dl1"), Error);
}

}  // namespace
}  // namespace alisio::pipeline
