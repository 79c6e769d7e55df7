#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <numbers>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/io/hdf5/table.hpp"
#include "lib/io/text/drive_log.hpp"
#include "lib/io/text/ecsv.hpp"
#include "lib/io/text/log_part.hpp"
#include "lib/io/text/row_part.hpp"
#include "lib/io/text/run_summary.hpp"
#include "test/unit/folder_test.hpp"

namespace alisio::text {
namespace {
namespace fs = std::filesystem;

class Text : public FolderTest {
 protected:
  fs::path write(const std::string& name, const std::string& content) const {
    write_file_atomically(folder_ / name, content);
    return folder_ / name;
  }
  static fs::path shared_data() {
    const char* shared = std::getenv("ALISIO_SHARED");
    return fs::path(shared != nullptr ? shared : ALISIO_SOURCE_DIR "/../shared") / "data";
  }
  template <typename Call>
  static std::string message(Call&& call) {
    try {
      call();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_input);
      return error.what();
    }
    return "no error";
  }
};

constexpr double to_rad = std::numbers::pi / 180;

TEST_F(Text, pointing_is_interpolated_and_corrected) {
  const auto file = write("DrivePosition_log_20221215.txt", "100 10 20\n110 20 40\n\n120 20 40\n");
  DriveLog log = read_drive_log(file);
  EXPECT_TRUE(log.bending_file.empty());
  EXPECT_EQ(pointing_at(log, 105).azimuth, 15 * to_rad);
  EXPECT_EQ(pointing_at(log, 105).altitude, 60 * to_rad);
  EXPECT_EQ(pointing_at(log, 100).azimuth, 10 * to_rad);
  EXPECT_EQ(pointing_at(log, 120).azimuth, 20 * to_rad);
  EXPECT_TRUE(std::isnan(pointing_at(log, 99.999).altitude));
  EXPECT_TRUE(std::isnan(pointing_at(log, 120.001).azimuth));
  EXPECT_TRUE(std::isnan(pointing_at(log, std::nan("")).azimuth));

  // The longer log is cut to the shorter one.
  write("BendingModelCorrection_log_20221215.txt", "100 1 -2\n110 1 -2\n");
  log = read_drive_log(file);
  EXPECT_EQ(log.bending_file.filename(), "BendingModelCorrection_log_20221215.txt");
  EXPECT_EQ(log.time.size(), 2u);
  EXPECT_EQ(pointing_at(log, 105).azimuth, 16 * to_rad);
  EXPECT_EQ(pointing_at(log, 105).altitude, 62 * to_rad);
  write("BendingModelCorrection_log_20221215.txt", "100 1 -2\n111 1 -2\n");
  EXPECT_NE(message([&] { static_cast<void>(read_drive_log(file)); }).find("20221215.txt:2"),
            std::string::npos);
}

TEST_F(Text, azimuth_goes_the_short_way_past_north) {
  const auto up = read_drive_log(write("DrivePosition_log_1.txt", "0 359 20\n10 1 20\n"));
  EXPECT_NEAR(pointing_at(up, 2.5).azimuth, 359.5 * to_rad, 1e-12);
  EXPECT_NEAR(pointing_at(up, 7.5).azimuth, 0.5 * to_rad, 1e-12);
  const auto down = read_drive_log(write("DrivePosition_log_2.txt", "0 1 20\n10 359 20\n"));
  EXPECT_NEAR(pointing_at(down, 2.5).azimuth, 0.5 * to_rad, 1e-12);
  EXPECT_NEAR(pointing_at(down, 7.5).azimuth, 359.5 * to_rad, 1e-12);
}

TEST_F(Text, drive_lines_out_of_order_are_sorted) {
  const auto log = read_drive_log(write("DrivePosition_log_1.txt", "10 2 20\n0 1 20\n20 3 20\n"));
  EXPECT_EQ(log.time, (std::vector<double>{0, 10, 20}));
  EXPECT_EQ(log.azimuth, (std::vector<double>{1, 2, 3}));
}

TEST_F(Text, a_part_of_a_drive_log_is_what_a_span_of_time_takes) {
  const std::string lines = "100 10 30\n110 20 30\n120 30 30\n130 40 30\n140 50 30\n";
  const auto part = [&](const std::string& content, double from = 112, double to = 118) {
    return log_part(read_log_samples(write("DrivePosition_log_1.txt", content)), from, to);
  };
  const std::string taken = part(lines);
  EXPECT_TRUE(is_log_part(taken));
  EXPECT_TRUE(taken.starts_with("span 112 118 "));
  EXPECT_EQ(part(lines + "150 60 30\n"), taken);
  EXPECT_EQ(part("100 11 30\n" + lines.substr(10)), taken);
  EXPECT_NE(part("100 10 30\n110 20 31\n120 30 30\n"), taken);
  EXPECT_NE(part("100 10 30\n110 20 30\n"), taken) << "it ended before";
  EXPECT_NE(part(lines, 112, 125), taken);
  const auto now = read_log_samples(write("DrivePosition_log_1.txt", lines + "150 60 30\n"));
  EXPECT_EQ(log_part_like(now, taken), taken);
  EXPECT_NE(part(lines, 135, 160), log_part_like(now, part(lines, 135, 160))) << "it ended within";
}

TEST_F(Text, a_part_of_a_run_summary_is_the_reference_time_of_a_run) {
  RunSummaryRow row;
  row.run_id = 11220;
  row.n_subruns = 1;
  row.dragon_reference_time = 1705363200000000001;
  row.dragon_reference_module_index = 132;
  row.dragon_reference_counter = 18446744073709551615U;
  const std::string taken = row_part({row}, 11220);
  EXPECT_TRUE(is_row_part(taken));
  EXPECT_FALSE(is_log_part(taken));
  EXPECT_TRUE(taken.starts_with("rows 11220 "));
  EXPECT_EQ(row_part({row}, 11221), "rows 11221 none");

  RunSummaryRow other = row;
  other.run_id = 11221;
  other.dragon_reference_time = 1;
  EXPECT_EQ(row_part_like({other, row}, taken), taken) << "other runs, in any order";
  EXPECT_EQ(row_part_like({other}, taken), "rows 11220 none");
  EXPECT_EQ(row_part_like({row}, row_part({}, 11220)), taken) << "a row that came later";
  RunSummaryRow taken_on = row;
  taken_on.n_subruns = 7;
  taken_on.run_type = "ERROR";
  EXPECT_EQ(row_part({taken_on}, 11220), taken) << "what no reference time depends on";
  for (const auto& change : std::vector<std::function<void(RunSummaryRow&)>>{
           [](RunSummaryRow& r) { ++r.dragon_reference_time; },
           [](RunSummaryRow& r) { ++r.dragon_reference_module_index; },
           [](RunSummaryRow& r) { --r.dragon_reference_counter; }}) {
    RunSummaryRow changed = row;
    change(changed);
    EXPECT_NE(row_part({changed}, 11220), taken);
  }
  const auto file = write("RunSummary_20240115.ecsv", run_summary_text({other, row}, "2024-01-15"));
  EXPECT_EQ(row_part_like(read_run_summary(file), taken), taken);
  EXPECT_THROW(static_cast<void>(row_part_like({row}, "rows")), Error);
}

TEST_F(Text, drive_logs_of_before_2022_are_read) {
  const auto file = write(
      "drive_log_20_02_18.txt",
      "Tue Feb 18 20:13:02 2020 1582056782 Az 97.5 97.4 97.6 0.01 El 25.0 24.9 25.1 0.02 Ra 83.63 "
      "Dec 22.01\n"
      "Tue Feb  8 20:13:04 2020 1582056784 Az 98.5 98.4 98.6 0.01 El 26.0 25.9 26.1 0.02 Ra 83.63 "
      "Dec 22.01\n");
  DriveLog log = read_drive_log(file);
  EXPECT_TRUE(log.bending_file.empty());
  EXPECT_EQ(log.time, (std::vector<double>{1582056782, 1582056784}));
  EXPECT_EQ(log.azimuth, (std::vector<double>{97.5, 98.5}));
  EXPECT_EQ(log.altitude, (std::vector<double>{65, 64}));
  write("bendingmodelcorrection_log_20_02_18.txt",
        "Tue Feb 18 20:13:02 2020 1582056782 Az 0.25 El -0.5\n"
        "Tue Feb 18 20:13:04 2020 1582056784 Az 0.5 El -0.25\n");
  log = read_drive_log(file);
  EXPECT_EQ(log.bending_file.filename(), "bendingmodelcorrection_log_20_02_18.txt");
  EXPECT_EQ(log.azimuth, (std::vector<double>{97.75, 99}));
  EXPECT_EQ(log.altitude, (std::vector<double>{65.5, 64.25}));
  EXPECT_TRUE(target_log_of(file).empty());

  const NightDate date = NightDate::parse("20200218");
  EXPECT_EQ(drive_log_of(folder_, date), file);
  EXPECT_EQ(drive_log_of(folder_, NightDate::parse("20200219")), fs::path());
  const auto newer = write("DrivePosition_log_20200218.txt", "1 2 3\n");
  EXPECT_EQ(drive_log_of(folder_, date), newer);
  const auto mixed = write("drive_log_20_02_19.txt",
                           "Tue Feb 18 20:13:02 2020 1582056782 Az 97.5 97.4 97.6 0.01 El 25.0 "
                           "24.9 25.1 0.02 Ra 83.63 Dec 22.01\n1 2 3\n");
  EXPECT_NE(message([&] { static_cast<void>(read_drive_log(mixed)); }).find("19.txt:2"),
            std::string::npos);
}

TEST_F(Text, odd_drive_logs_are_refused_with_their_line) {
  for (const char* content : {"1 2 3\n4 5\n", "1 2 3\n4 5 six\n", "1 2 3\n4 5 6 7\n"})
    EXPECT_NE(message([&] {
                static_cast<void>(read_drive_log(write("DrivePosition_log_1.txt", content)));
              }).find("DrivePosition_log_1.txt:2"),
              std::string::npos)
        << content;
  EXPECT_NE(
      message([&] { static_cast<void>(read_drive_log(write("DrivePosition_log_1.txt", "\n"))); }),
      "no error");
  EXPECT_THROW(static_cast<void>(read_drive_log(folder_ / "none.txt")), Error);
}

TEST_F(Text, run_summary_round_trip) {
  RunSummaryRow row;
  row.run_id = 17000;
  row.n_subruns = 3;
  row.run_type = "DATA";
  row.data_format = "R1v1.Event";
  row.dragon_reference_counter = ~std::uint64_t{0};
  row.dragon_reference_source = "None";
  RunSummaryRow other = row;
  other.run_id = 17001;
  other.dragon_reference_time = 1671136540000098249;
  other.dragon_reference_counter = 3000098200;
  other.dragon_reference_source = "ucts";
  const auto file = write("RunSummary_20240215.ecsv", run_summary_text({row, other}, "2024-02-15"));
  const auto rows = read_run_summary(file);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].dragon_reference_time, -1);
  EXPECT_EQ(rows[0].dragon_reference_counter, ~std::uint64_t{0});
  EXPECT_EQ(rows[0].dragon_reference_source, "None");
  EXPECT_EQ(rows[1].dragon_reference_time, 1671136540000098249);
  EXPECT_EQ(rows[1].dragon_reference_counter, 3000098200u);
  EXPECT_EQ(find_run(rows, 17001)->run_type, "DATA");
  EXPECT_FALSE(find_run(rows, 17002).has_value());
}

TEST_F(Text, edited_run_summaries_are_told) {
  RunSummaryRow row;
  row.run_id = 11219;
  row.run_type = "DATA";
  row.dragon_reference_source = "ucts";
  const std::string text = run_summary_text({row}, "2022-12-15");
  EXPECT_EQ(origin_of(write("s.ecsv", text)), SummaryOrigin::ours);
  std::string edited = text;
  edited.replace(edited.rfind("DATA"), 4, "DRS4");
  EXPECT_EQ(origin_of(write("s.ecsv", edited)), SummaryOrigin::edited);
  std::string peer = text;
  for (std::size_t at = 0; (at = peer.find("alisio", at)) != peer.npos;)
    peer.replace(at, 6, "lstchain");
  EXPECT_EQ(origin_of(write("s.ecsv", peer)), SummaryOrigin::foreign);
  EXPECT_EQ(origin_of(write("s.ecsv", "something else")), SummaryOrigin::foreign);
}

TEST_F(Text, overrides_change_rows) {
  std::vector<RunSummaryRow> rows(2);
  rows[0].run_id = 11218;
  rows[1].run_id = 11219;
  const auto file = write("o.yaml",
                          "runs:\n  11219: {run_type: PEDCALIB, evb_preprocessing: 7,\n"
                          "          dragon_reference_counter: 18446744073709551615}\n");
  apply_override(read_run_summary_override(file), file, rows);
  EXPECT_EQ(rows[0].run_type, "");
  EXPECT_EQ(rows[1].run_type, "PEDCALIB");
  EXPECT_EQ(rows[1].evb_preprocessing, 7);
  EXPECT_EQ(rows[1].dragon_reference_counter, ~std::uint64_t{0});
  EXPECT_TRUE(read_run_summary_override(write("none.yaml", "runs:\n")).empty());
}

TEST_F(Text, wrong_overrides_are_refused_in_one_line) {
  std::vector<RunSummaryRow> rows(1);
  rows[0].run_id = 11218;
  const std::vector<std::pair<const char*, const char*>> wrong{
      {"runs: {11219: {run_type: DATA}}", "run 11219 is not of this night"},
      {"runs: {11218: {run_typ: DATA}}", "did you mean 'run_type'?"},
      {"runs: {11218: {n_subruns: 3}}", "'n_subruns' is no column that can be overridden"},
      {"runs: {11218: {run_type: DATEN}}", "'DATEN' is no type of run"},
      {"runs: {11218: {run_start: soon}}", "'soon' is no integer"},
      {"runs: {11218: {data_format: 'a,b'}}", "cannot stand in the table"},
      {"runs: {11218: [DATA]}", "holds no values"},
      {"runs: {first: {run_type: DATA}}", "'first' is no run number"},
      {"runs: [11218]", "is no list of runs"},
      {"run: {11218: {run_type: DATA}}", "has no key 'runs'"},
      {"runs: {}\nmore: 1\n", "unknown key 'more'"},
      {"runs: {}\n---\nruns: {11218: {run_type: DATA}}\n", "a second YAML document"},
      {"runs: {11218: {run_type: DATA}\n", "o.yaml:"},
      {"- 1\n", "has no key 'runs'"},
  };
  for (const auto& [content, expected] : wrong) {
    const auto file = write("o.yaml", content);
    try {
      apply_override(read_run_summary_override(file), file, rows);
      ADD_FAILURE() << "no error: " << content;
    } catch (const Error& error) {
      const std::string text = error.what();
      EXPECT_EQ(error.kind(), ErrorKind::configuration) << text;
      EXPECT_NE(text.find(expected), std::string::npos) << text;
      EXPECT_NE(text.find("o.yaml"), std::string::npos) << text;
      EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    }
  }
}

TEST_F(Text, ecsv_errors_name_line_and_column) {
  const std::string head =
      "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, datatype: int64}\n"
      "# - {name: b, unit: deg, datatype: float64}\n# schema: astropy-2.0\na b\n";
  const auto table = EcsvTable::read(write("t.ecsv", head + "1 2.5\nx y\n3 \"\"\n"));
  EXPECT_EQ(table.columns()[1].unit, "deg");
  EXPECT_EQ(table.integer(0, "a"), 1);
  EXPECT_EQ(table.number(0, "b"), 2.5);
  EXPECT_TRUE(std::isnan(table.number(2, "b")));
  const std::string text = message([&] { static_cast<void>(table.integer(1, "a")); });
  EXPECT_NE(text.find("t.ecsv:9: a"), std::string::npos) << text;
  EXPECT_NE(message([&] { static_cast<void>(table.number(0, "c")); }).find("'c'"),
            std::string::npos);
  EXPECT_NE(message([&] { EcsvTable::read(write("t.ecsv", head + "1 2 3\n")); }).find(":8"),
            std::string::npos);
  EXPECT_NE(message([&] { EcsvTable::read(write("t.ecsv", "a,b\n1,2\n")); }), "no error");
  EXPECT_NE(message([&] { EcsvTable::read(write("t.ecsv", "# %ECSV 1.0\n# ---\n# {[\na\n")); }),
            "no error");
}

TEST_F(Text, summary_and_models_of_the_sample_read) {
  if (!fs::exists(shared_data())) GTEST_SKIP() << "no sample data";
  const auto rows =
      read_run_summary(shared_data() / "night/monitoring/RunSummary/RunSummary_20221215.ecsv");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].run_type, "DRS4");
  EXPECT_EQ(rows[2].dragon_reference_counter, 3000049900u);
  const auto dirs = EcsvTable::read(shared_data() / "models/small/training_dirs.ecsv");
  EXPECT_EQ(dirs.row_count(), 10u);
  EXPECT_EQ(dirs.number(9, "az"), 58.783);
}

TEST_F(Text, pointing_is_lstchains_to_the_last_bit) {
  if (!fs::exists(shared_data())) GTEST_SKIP() << "no sample data";
  const auto log = read_drive_log(
      shared_data() / "night/monitoring/DrivePositioning/DrivePosition_log_20221215.txt");
  for (const char* name : {"dl1_LST-1.Run11220.0000.h5", "dl1_LST-1.Run11220.0001.h5"}) {
    const auto file = hdf5::File::open(shared_data() / "reference/dl1" / name);
    const auto rows =
        hdf5::TableReader(file, "/dl1/event/telescope/parameters/LST_LSTCam").read_all();
    const auto time = rows.column<double>("dragon_time");
    const auto alt = rows.column<double>("alt_tel"), az = rows.column<double>("az_tel");
    for (std::size_t i = 0; i < rows.size(); ++i) {
      EXPECT_EQ(pointing_at(log, time[i]).altitude, alt[i]) << i;
      EXPECT_EQ(pointing_at(log, time[i]).azimuth, az[i]) << i;
    }
  }
}

}  // namespace
}  // namespace alisio::text
