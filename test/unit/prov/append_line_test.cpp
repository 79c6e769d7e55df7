#include "prov/append_line.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"

namespace alisio::prov {
namespace {

namespace fs = std::filesystem;

class AppendLine : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / ("append_line_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    journal_ = folder_ / "notes.log";
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path folder_, journal_;
};

TEST_F(AppendLine, EndsWhatWasLeftOfALine) {
  std::ofstream(journal_) << "one\nhal";
  append_line(journal_, "two\n");
  append_line(journal_, "three\n");
  EXPECT_EQ(read_text_file(journal_), "one\nhal\ntwo\nthree\n");
}

/// A limit of the file's size stands for a disk that is full in the middle of the line.
TEST_F(AppendLine, LeavesNothingOfALineThatFindsNoRoom) {
  append_line(journal_, "one\n");
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto* const handler = ::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small { 7, before.rlim_max };
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_THROW(append_line(journal_, "another line\n"), Error);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, handler);
  EXPECT_EQ(read_text_file(journal_), "one\n");
}

}  // namespace
}  // namespace alisio::prov
