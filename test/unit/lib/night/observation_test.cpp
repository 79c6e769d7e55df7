#include "lib/night/observation.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "lib/base/error.hpp"
#include "lib/base/observer.hpp"

namespace alisio::night {
namespace {

namespace fs = std::filesystem;

class ObservationTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path write(const char* name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }

  static RunEntry run(int number, double start_s, const char* type = "DATA") {
    RunEntry entry;
    entry.run = number;
    entry.type = type;
    entry.start_unix_s = start_s;
    return entry;
  }

  static std::string told(const std::vector<Observation>& observations) {
    std::string text;
    for (const Observation& one : observations) {
      text += one.source + ':';
      for (const int number : one.runs) text += ' ' + std::to_string(number);
      text += "; ";
    }
    return text;
  }

  fs::path folder_ = fs::temp_directory_path() / ("alisio-observation-" + new_uuid7());
};

TEST_F(ObservationTest, RunsOfOneTargetAreOne) {
  const fs::path log = write("Target_log_20240115.txt",
                             "1000 TrackStart 83.6 22.0 Crab Nebula\n1900 TrackEnd\n"
                             "not a line\n2000 TrackStart 166.1 38.2 Mrk421\n2900 TrackEnd\n"
                             "3000 TrackStart 83.6 22.0 Crab Nebula\n");
  const std::vector<RunEntry> runs{run(1, 900),  run(2, 1100, "PEDCALIB"),
                                   run(3, 1200), run(4, 1950),
                                   run(5, 2100), run(6, 3100),
                                   run(7, 0),    run(8, 3200)};
  EXPECT_EQ(told(find_observations(runs, log)),
            "Crab_Nebula: 1 3; Mrk421: 4 5; Crab_Nebula_2: 6 8; ");
}

TEST_F(ObservationTest, TheRunCatalogueIsBelievedFirst) {
  const fs::path log = write("Target_log_20240115.txt", "1000 TrackStart 83.6 22.0 Crab\n");
  const RunCatalogue catalogue =
      read_run_catalogue(write("RunCatalog_20240115.ecsv",
                               "# %ECSV 1.0\n# ---\n# datatype:\n"
                               "# - {name: run_id, datatype: int64}\n"
                               "# - {name: source_name, datatype: string}\n"
                               "# delimiter: ','\n# schema: astropy-2.0\n"
                               "run_id,source_name\n2,../Mrk421\n"));
  const std::vector<RunEntry> runs{run(1, 1100), run(2, 1200), run(3, 1300)};
  EXPECT_EQ(told(find_observations(runs, log, catalogue)), "Crab: 1; _._Mrk421: 2; Crab_2: 3; ");
  EXPECT_EQ(told(find_observations(runs, {}, catalogue)), "_._Mrk421: 2; ");
}

TEST_F(ObservationTest, WithoutTargetsThereIsNone) {
  const fs::path log = write("Target_log_20240115.txt", "5000 TrackStart 83.6 22.0 Crab\n");
  EXPECT_EQ(told(find_observations({run(1, 1100)}, log)), "");
  EXPECT_EQ(told(find_observations({run(1, 1100)}, {})), "");
  EXPECT_THROW((void)find_observations({}, folder_ / "none.txt"), Error);
}

}  // namespace
}  // namespace alisio::night
