// How nights that were rebuilt or imported look to those who look on.
#include "lib/night/show_records.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "lib/night/status.hpp"

namespace alisio::night {
namespace {

namespace fs = std::filesystem;

JobRecord job(const std::string& stage, int run, int subrun, JobStatus status) {
  JobRecord record;
  record.key = {stage, run, subrun};
  record.status = status;
  record.message = status == JobStatus::failed ? "the tile is cut short" : "";
  record.events = 100;
  return record;
}

TEST(ShowRecords, TellsOfANightThatNoPassHasLookedAt) {
  const fs::path folder =
      fs::temp_directory_path() / fmt::format("alisio_show_records_{}", ::getpid());
  fs::remove_all(folder);
  State state = State::open(folder);
  const NightKey key{1, {2022, 12, 15}, "v1_v00"};
  const std::vector<JobRecord> jobs{job("drs4_pedestal", 90, whole_run, JobStatus::done),
                                    job("r0_to_dl1", 101, 0, JobStatus::done),
                                    job("dl1_to_dl2", 101, 0, JobStatus::done)};
  state.restore_night(key, jobs, {}, {});
  EXPECT_FALSE(read_status(state, key).has_value());
  show_records(state, key, folder, jobs, {});
  auto status = read_status(state, key);
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(status->complete());
  EXPECT_EQ(status->jobs.size(), 3u);
  ASSERT_EQ(status->summary.runs.size(), 2u);
  EXPECT_EQ(status->summary.runs[0].type, "DRS4");
  EXPECT_EQ(status->summary.runs[1].type, "DATA");
  EXPECT_EQ(status->summary.runs[1].subruns, 1);
  EXPECT_EQ(status->summary.runs[1].events, 100);

  std::vector<JobRecord> more = jobs;
  more.push_back(job("r0_to_dl1", 101, 1, JobStatus::failed));
  Completeness found;
  found.runs.push_back({.run = 102,
                        .expected_subruns = 2,
                        .missing = {{1, "", "ended with code 10"}},
                        .failed_gates = {}});
  state.restore_night(key, more, {}, {});
  show_records(state, key, folder, more, found);
  status = read_status(state, key);
  ASSERT_TRUE(status.has_value());
  EXPECT_FALSE(status->complete());
  ASSERT_EQ(status->summary.troubles.size(), 2u);
  EXPECT_EQ(status->summary.troubles[0].reason, "the tile is cut short");
  EXPECT_EQ(status->summary.troubles[1].key, (JobKey{"r0_to_dl1", 102, 1}));
  EXPECT_EQ(status->summary.runs[2].expected_subruns, 2);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace alisio::night
