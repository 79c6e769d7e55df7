#include "lib/night/machine.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace alisio::night {
namespace {

namespace fs = std::filesystem;

class MachineTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / ("alisio_machine_" + std::to_string(::getpid()));
    fs::remove_all(root_);
    write("proc/meminfo", "MemTotal:       16000000 kB\nMemFree: 1 kB\n");
    write("proc/self/cgroup", "9:name=systemd:/\n0::/site/night\n");
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const fs::path& file, const std::string& text) const {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text;
  }

  fs::path root_;
};

TEST_F(MachineTest, WithoutControlGroupsTheMachineIsOurs) {
  const Machine machine = this_machine(root_);
  EXPECT_GE(machine.processors, 1);
  EXPECT_EQ(machine.memory_bytes, 16'384'000'000u);
}

TEST_F(MachineTest, TheNarrowestLimitOfAllGroupsAboveHolds) {
  write("sys/fs/cgroup/site/cpu.max", "150000 100000\n");
  write("sys/fs/cgroup/site/night/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/site/memory.max", "4000000000\n");
  write("sys/fs/cgroup/site/night/memory.max", "max\n");
  const Machine machine = this_machine(root_);
  EXPECT_EQ(machine.processors, 1);
  EXPECT_EQ(machine.memory_bytes, 4'000'000'000u);
}

TEST_F(MachineTest, TheLoadIsThatOfTheLastMinute) {
  EXPECT_EQ(load_average(root_), 0) << "not known";
  write("proc/loadavg", "3.25 1.50 0.75 2/345 6789\n");
  EXPECT_EQ(load_average(root_), 3.25);
}

TEST(MemoryExpectation, ConfigurationGoesBeforeExperienceBeforeTheDefault) {
  const auto memory =
      memory_expectation(2, {{"dl1ab", 0.5}}, {{"dl1ab", 3'000'000'000}, {"cat_b", 1'000'000'000}});
  EXPECT_EQ(memory("dl1ab"), 500'000'000u);
  EXPECT_EQ(memory("cat_b"), 1'200'000'000u);
  EXPECT_EQ(memory("r0_to_dl1"), 2'000'000'000u);
}

}  // namespace
}  // namespace alisio::night
