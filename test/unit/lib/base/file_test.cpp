#include "lib/base/file.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "test/unit/folder_test.hpp"

namespace alisio {
namespace {
namespace fs = std::filesystem;

class FileTest : public FolderTest {
 protected:
  [[nodiscard]] int count() const {
    return static_cast<int>(std::distance(fs::directory_iterator(folder_), {}));
  }
};

TEST_F(FileTest, RemovesWhatAKilledProcessLeft) {
  const fs::path target = folder_ / "a.h5";
  // A process that dies in the middle of writing, and one that lives.
  const pid_t child = ::fork();
  if (child == 0) {
    PendingFile left(target);
    std::ofstream(left.path()) << "half";
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(count(), 1);
  std::ofstream(folder_ / ".a.h5.part-1-0-elsewhere-1") << "of another machine";
  std::ofstream(folder_ / "b.h5") << "whole";
  PendingFile mine(target);
  std::ofstream(mine.path()) << "mine";
  EXPECT_EQ(count(), 3);
  PendingFile second(target);
  EXPECT_TRUE(fs::exists(mine.path())) << "a living process lost its file";
  mine.publish();
  EXPECT_TRUE(fs::exists(target));
  EXPECT_TRUE(fs::exists(folder_ / "b.h5"));
}

}  // namespace
}  // namespace alisio
