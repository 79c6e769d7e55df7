#include "lib/report/long_term.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "lib/base/error.hpp"
#include "lib/instrument/telescope.hpp"
#include "lib/io/hdf5/table.hpp"
#include "lib/pipeline/datacheck_file.hpp"
#include "lib/pipeline/muon_file.hpp"
#include "lib/report/long_term_collect.hpp"
#include "lib/report/long_term_file.hpp"
#include "lib/report/long_term_page.hpp"
#include "lib/report/long_term_stage.hpp"

namespace alisio::report {
namespace {

namespace fs = std::filesystem;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// A folder of its own for each test.
class LongTermFiles : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::temp_directory_path() /
              (std::string("alisio_long_term_") + std::to_string(::getpid()) + test->name());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path folder_;
};

constexpr std::size_t n_pixels = 1855;

/// A subrun whose pixels all have the same charges: `value` minus and plus `spread`, evenly.
check::ClassCheck subrun_of(int run, int subrun, std::int64_t events, double value, double spread) {
  check::ClassCheck row(n_pixels);
  row.run = run;
  row.subrun = subrun;
  row.num_events = events;
  row.num_cleaned_events = events / 2;
  row.elapsed_time = 10;
  row.num_ucts_jumps = subrun;
  row.trigger_types = {{1, events - 1}, {0, 1}};
  row.ucts_trigger_types = {{1, events - 2}, {32, 2}};
  row.alt_tel = 1.2;
  row.az_tel = subrun == 0 ? 6.2 : 0.1;
  row.ra_tel = subrun == 0 ? 359.0 : 3.0;
  row.dec_tel = 22;
  row.dragon_time.assign(check::n_samples, 1.6e9 + 10 * subrun);
  row.ucts_time = row.tib_time = row.dragon_time;
  row.sampled_event_ids.assign(check::n_samples, 1);
  for (std::size_t i = 0; i < n_pixels; ++i) {
    for (check::Moments* moments : {&row.charge, &row.time, &row.relative_time}) {
      moments->count[i] = events;
      moments->sum[i] = double(events) * value;
      moments->sum2[i] = double(events) * (value * value + spread * spread);
    }
    row.pulses_above[0][i] = events / 10;
  }
  return row;
}

LongTerm collected(const fs::path& folder, const std::vector<fs::path>& muons = {}) {
  pipeline::DataCheck check;
  for (int subrun = 0; subrun < 2; ++subrun)
    for (const check::EventClass c : check::event_classes)
      check[c].push_back(subrun_of(7, subrun, subrun == 0 ? 100 : 300, subrun == 0 ? 10 : 14, 3));
  const fs::path path = folder / "datacheck_dl1_LST-1.Run00007.h5";
  pipeline::write_datacheck(path, check, {}, "merge_datacheck");
  LongTerm table = empty_long_term();
  add_run(table, {.run = 7, .datachecks = {path}, .datacheck_of_run = true, .muons = muons});
  return table;
}

double value_of(const LongTermTable& table, const char* name, std::size_t row = 0) {
  const auto column = table.column(name);
  EXPECT_GT(column.size(), row) << name;
  return row < column.size() ? column[row] : nan;
}

TEST(TrendBand, is_the_median_and_the_robust_spread) {
  const std::vector<double> values{1, 2, 3, 4, 100, nan};
  const TrendBand band = trend_band(values, 2);
  EXPECT_EQ(band.n, 5u);
  EXPECT_DOUBLE_EQ(band.median, 3);
  EXPECT_DOUBLE_EQ(band.spread, 1.4826);  // of the deviations 2, 1, 0, 1, 97
  EXPECT_DOUBLE_EQ(band.high, 3 + 2 * 1.4826);
  EXPECT_DOUBLE_EQ(band.low, 3 - 2 * 1.4826);
  EXPECT_DOUBLE_EQ(trend_band(std::vector<double>{4, 1, 2, 3}).median, 2.5);
}

TEST(TrendBand, of_nothing_is_nothing_and_of_equal_values_as_wide_as_rounding) {
  EXPECT_TRUE(std::isnan(trend_band({}).median));
  EXPECT_TRUE(std::isnan(trend_band(std::vector<double>{nan, nan}).low));
  const TrendBand band = trend_band(std::vector<double>{0.1 + 0.2, 0.3, 0.3});
  EXPECT_LE(band.low, 0.3);
  EXPECT_GE(band.high, 0.1 + 0.2);
  EXPECT_LT(band.high, 0.3001);
}

TEST(Outliers, are_named_with_run_value_and_band_if_there_are_five_runs) {
  LongTerm table = empty_long_term();
  const auto fill = [&](int n) {
    for (std::size_t c = 0; c < table.runs.columns.size(); ++c) {
      auto& values = table.runs.values[c];
      values.assign(std::size_t(n), nan);
      if (table.runs.columns[c].name == "runnumber")
        for (int i = 0; i < n; ++i) values[std::size_t(i)] = 100 + i;
      if (table.runs.columns[c].name == "ff_charge_mean")
        for (int i = 0; i < n; ++i) values[std::size_t(i)] = i == 2 ? 99 : 70 + 0.1 * i;
      if (table.runs.columns[c].name == "elapsed_time") values[0] = 1e9;  // not followed
    }
  };
  fill(6);
  const std::vector<Outlier> found = outliers_of(table.runs);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].run, 102);
  EXPECT_EQ(found[0].quantity, "ff_charge_mean");
  EXPECT_EQ(found[0].unit, "p.e.");
  EXPECT_EQ(found[0].value, 99);
  EXPECT_LT(found[0].band.high, 99);
  EXPECT_GT(found[0].band.low, 60);
  fill(4);
  EXPECT_TRUE(outliers_of(table.runs).empty());
}

TEST(Nights, are_counted_over_months_and_leap_days) {
  const auto nights = nights_between({2024, 2, 28}, {2024, 3, 1});
  ASSERT_EQ(nights.size(), 3u);
  EXPECT_EQ(nights[1].compact(), "20240229");
  EXPECT_EQ(spans_text({{2024, 2, 1}, {2024, 2, 28}, {2024, 2, 29}, {2024, 3, 1}}),
            "2024-02-01, 2024-02-28 to 2024-03-01");
  EXPECT_THROW((void)nights_between({2024, 2, 28}, {2024, 2, 27}), Error);
  EXPECT_THROW((void)nights_between({2004, 2, 28}, {2024, 2, 27}), Error);
}

TEST_F(LongTermFiles, means_and_spreads_of_a_run_are_those_of_all_its_events) {
  const LongTerm table = collected(folder_);
  const double mean = (100 * 10 + 300 * 14) / 400.0;
  const double square = (100 * (100 + 9) + 300 * (196 + 9)) / 400.0;
  EXPECT_NEAR(value_of(table.runs, "ped_charge_mean"), mean, 1e-12);
  EXPECT_NEAR(value_of(table.runs, "ped_charge_stddev"), std::sqrt(square - mean * mean), 1e-12);
  EXPECT_GT(value_of(table.runs, "ped_charge_stddev"), 3.4) << "the spread between subruns is lost";
  EXPECT_NEAR(value_of(table.runs, "ff_time_mean"), mean, 1e-12);
  EXPECT_NEAR(value_of(table.runs, "ff_charge_mean_err"), 0, 1e-9);
  EXPECT_DOUBLE_EQ(value_of(table.runs, "num_cosmics"), 400);
  EXPECT_DOUBLE_EQ(value_of(table.runs, "num_pedestals_after_cleaning"), 200);
  EXPECT_DOUBLE_EQ(value_of(table.runs, "elapsed_time"), 20);
  EXPECT_DOUBLE_EQ(value_of(table.runs, "rate_cosmics"), 20);
  EXPECT_DOUBLE_EQ(value_of(table.runs, "cosmics_fraction_pulses_above10"), 0.1);
  EXPECT_TRUE(std::isnan(value_of(table.runs, "mu_effi_mean")));
  EXPECT_DOUBLE_EQ(value_of(table.cosmics, "events", 1), 300);
  EXPECT_NEAR(value_of(table.pedestals, "charge_mean", 1), 14, 1e-12);
  EXPECT_NEAR(value_of(table.flatfield, "charge_stddev", 1), 3, 1e-9);
}

TEST_F(LongTermFiles, angles_are_averaged_on_the_circle_and_tags_by_class) {
  const LongTerm table = collected(folder_);
  EXPECT_NEAR(value_of(table.runs, "mean_ra"), 1, 1e-9);
  EXPECT_NEAR(value_of(table.runs, "mean_azimuth"), (6.2 - 2 * M_PI + 0.1) / 2, 1e-9);
  EXPECT_DOUBLE_EQ(value_of(table.runs, "max_azimuth"), 6.2);
  // Mono triggers are right for cosmics and wrong for pedestals; a pedestal tag the other way
  // round.
  EXPECT_DOUBLE_EQ(value_of(table.runs, "num_wrong_ucts_tags_in_cosmics"), 4);
  EXPECT_DOUBLE_EQ(value_of(table.runs, "num_wrong_ucts_tags_in_pedestals"), 98 + 298);
  EXPECT_DOUBLE_EQ(value_of(table.runs, "num_wrong_tib_tags_in_cosmics"), 0);
  EXPECT_DOUBLE_EQ(value_of(table.runs, "num_unknown_tib_trigger_tags"), 6);
  EXPECT_DOUBLE_EQ(value_of(table.runs, "num_ucts_jumps"), 3);
  EXPECT_DOUBLE_EQ(value_of(table.runs, "night"), 20200913);
}

TEST_F(LongTermFiles, muon_rings_that_are_whole_and_clean_count) {
  pipeline::MuonTable muons;
  for (int i = 0; i < 4; ++i) {
    pipeline::MuonRing ring;
    ring.good_ring = true;
    ring.ring_containment = i == 0 ? 0.9 : 1;
    ring.size_outside = i == 1 ? 5 : 0;
    ring.muon_efficiency = 0.1 * i;
    ring.ring_width = 0.04;
    muons.rings.push_back(ring);
  }
  muons.candidates = muons.rings;
  const fs::path path = folder_ / "muons_LST-1.Run00007.0001.fits";
  pipeline::write_muons(path, muons, {});
  const LongTerm table = collected(folder_, {path});
  EXPECT_DOUBLE_EQ(value_of(table.runs, "num_contained_mu_rings"), 2);
  EXPECT_NEAR(value_of(table.runs, "mu_effi_mean"), 0.25, 1e-12);
  EXPECT_NEAR(value_of(table.runs, "mu_effi_stddev"), 0.1 / std::sqrt(2), 1e-12);
  EXPECT_DOUBLE_EQ(value_of(table.cosmics, "num_contained_mu_rings", 0), 0);
  EXPECT_DOUBLE_EQ(value_of(table.cosmics, "num_contained_mu_rings", 1), 2);
}

TEST_F(LongTermFiles, the_file_is_read_back_and_the_text_has_units) {
  const LongTerm table = collected(folder_);
  const fs::path path = folder_ / "longterm_dl1_check.h5";
  write_long_term(path, table, {});
  const LongTerm read = read_long_term(path);
  ASSERT_EQ(read.runs.rows(), 1u);
  for (std::size_t c = 0; c < table.runs.columns.size(); ++c) {
    const double a = table.runs.values[c][0], b = read.runs.values[c][0];
    EXPECT_TRUE(a == b || (std::isnan(a) && std::isnan(b))) << table.runs.columns[c].name;
  }
  const hdf5::File file = hdf5::File::open(path);
  EXPECT_EQ(file.text_attribute("/runsummary", "pandas_type"), "frame_table");
  const hdf5::TableReader pixels(file, "/pixwise_runsummary");
  ASSERT_EQ(pixels.row_count(), 1u);
  EXPECT_NEAR(pixels.read_all().arrays<double>("ff_pix_charge_mean")[17], 13, 1e-5);

  const std::string csv = long_term_csv(table.runs);
  EXPECT_EQ(csv.substr(0, csv.find(',')), "runnumber");
  EXPECT_NE(csv.find("ff_charge_mean [p.e.]"), std::string::npos);
  const auto second = csv.find('\n') + 1;
  EXPECT_EQ(csv.substr(second, 2), "7,");
  EXPECT_EQ(csv.find("nan"), std::string::npos);
  EXPECT_THROW((void)read_long_term(folder_ / "datacheck_dl1_LST-1.Run00007.h5"), Error);
}

TEST_F(LongTermFiles, the_page_names_outliers_and_what_was_left_out) {
  LongTerm table = empty_long_term();
  for (int run = 0; run < 6; ++run) {
    LongTerm one = collected(folder_);
    const auto set = [&](const char* name, double value) {
      for (std::size_t c = 0; c < one.runs.columns.size(); ++c)
        if (one.runs.columns[c].name == name) one.runs.values[c][0] = value;
    };
    set("runnumber", 100 + run);
    set("ff_charge_mean", run == 3 ? 99 : 70 + 0.1 * run);
    append_runs(table, std::move(one));
  }
  EXPECT_EQ(table.runs.rows(), 6u);
  EXPECT_EQ(table.pixels.front().values.size(), 6u);
  const auto telescope = instrument::load_telescope(std::string(ALISIO_SOURCE_DIR) + "/cfg");
  const std::string page = long_term_page(
      table, {"2020-09-01", "2020-09-30", {"run 00099: <broken>"}, {{2020, 9, 2}}, 5},
      telescope.geometry);
  EXPECT_NE(page.find("ff_charge_mean"), std::string::npos);
  EXPECT_NE(page.find(">103<"), std::string::npos) << "the odd run is not in the table of outliers";
  EXPECT_NE(page.find("run 00099: &lt;broken&gt;"), std::string::npos);
  EXPECT_NE(page.find("2020-09-02"), std::string::npos);
}

TEST_F(LongTermFiles, a_run_that_cannot_be_read_leaves_the_tables_as_they_are) {
  LongTerm table = collected(folder_);
  const fs::path broken = folder_ / "datacheck_dl1_LST-1.Run00008.h5";
  fs::copy_file(folder_ / "datacheck_dl1_LST-1.Run00007.h5", broken);
  fs::resize_file(broken, fs::file_size(broken) / 2);
  EXPECT_THROW(
      add_run(table, {.run = 8, .datachecks = {broken}, .datacheck_of_run = true, .muons = {}}),
      Error);
  EXPECT_EQ(table.runs.rows(), 1u);
  EXPECT_EQ(table.cosmics.rows(), 2u);
}

}  // namespace
}  // namespace alisio::report
