#include "lib/night/slurm_pack.hpp"

#include <gtest/gtest.h>

namespace alisio::night {
namespace {

/// Requests of one stage and run for subruns from 0 on.
std::vector<JobRequest> requests(const std::string& stage, int count) {
  std::vector<JobRequest> requests(static_cast<std::size_t>(count));
  for (int subrun = 0; subrun < count; ++subrun)
    requests[static_cast<std::size_t>(subrun)].jobs = {{stage, 101, subrun}};
  return requests;
}

std::vector<PackItem> items_of(const std::vector<JobRequest>& requests) {
  std::vector<PackItem> items;
  for (const JobRequest& request : requests)
    items.push_back({&request, {.memory_bytes = 1'000, .time_s = 60}, {}});
  return items;
}

using Tasks = std::map<int, std::vector<std::size_t>>;

TEST(SlurmPack, IndicesAreSaidInRanges) {
  EXPECT_EQ(array_text({0}), "0");
  EXPECT_EQ(array_text({0, 1, 2, 5, 7, 8}), "0-2,5,7-8");
}

TEST(SlurmPack, ArraysAreFilledInOrderAndSplit) {
  std::vector<JobRequest> asked = requests("r0_to_dl1", 5);
  const auto arrays = pack(items_of(asked), {.processes_per_task = 2, .tasks_per_array = 2});
  ASSERT_EQ(arrays.size(), 2u);
  EXPECT_EQ(arrays[0].tasks, (Tasks{{0, {0, 1}}, {1, {2, 3}}}));
  EXPECT_EQ(arrays[0].submission.time_s, 120) << "two, one after the other";
  EXPECT_EQ(arrays[0].submission.dependency, "");
  EXPECT_EQ(arrays[1].tasks, (Tasks{{0, {4}}}));
  EXPECT_EQ(arrays[1].submission.time_s, 60);
  for (JobRequest& request : asked) request.attempt = 2;
  EXPECT_EQ(pack(items_of(asked), {.processes_per_task = 5, .tasks_per_array = 9})[0].tasks.size(),
            5u)
      << "what is tried again goes alone";
}

TEST(SlurmPack, EachTaskFollowsItsOwn) {
  const std::vector<JobRequest> asked = requests("dl1ab", 4);
  std::vector<PackItem> items = items_of(asked);
  items[0].after = {{"12", 3}};
  items[1].after = {{"12", 7}};
  items[2].after = {{"13", 3}};
  const auto arrays = pack(items, {.processes_per_task = 2, .tasks_per_array = 9});
  ASSERT_EQ(arrays.size(), 3u) << "what need not wait does not";
  EXPECT_EQ(arrays[0].submission.dependency, "");
  EXPECT_EQ(arrays[0].tasks, (Tasks{{0, {3}}}));
  EXPECT_EQ(arrays[1].submission.dependency, "aftercorr:12");
  EXPECT_EQ(arrays[1].submission.indices, (std::vector<int>{3, 7}));
  EXPECT_EQ(arrays[2].submission.dependency, "aftercorr:13");
}

TEST(SlurmPack, WhatGathersWaitsForAllThatItGathers) {
  const std::vector<JobRequest> asked = requests("merge_dl2", 1);
  std::vector<PackItem> items = items_of(asked);
  items[0].after = {{"12", 0}, {"12", 2}, {"14", 1}};
  const auto arrays = pack(items, {});
  ASSERT_EQ(arrays.size(), 1u);
  EXPECT_EQ(arrays[0].submission.dependency, "afterok:12_0:12_2:14_1");
  EXPECT_EQ(arrays[0].tasks, (Tasks{{0, {0}}}));
}

}  // namespace
}  // namespace alisio::night
