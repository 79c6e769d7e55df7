#include "lib/base/file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "lib/base/error.hpp"
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

TEST_F(FileTest, WhatIsNoFileIsNotReplaced) {
  const fs::path pipe = folder_ / "pipe", device = folder_ / "device";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  write_file_atomically(pipe, "told");
  char read[5] = {};
  EXPECT_EQ(::read(reader, read, 5), 4);
  EXPECT_STREQ(read, "told");
  ::close(reader);
  EXPECT_EQ(fs::status(pipe).type(), fs::file_type::fifo);
  for (const fs::path& place : {pipe, folder_, fs::path("/proc/self/fd/1")})
    EXPECT_THROW(PendingFile{place}, Error) << place;

  // As /dev/full, which the test must not put at risk.
  if (::mknod(device.c_str(), S_IFCHR | 0600, ::makedev(1, 7)) != 0) GTEST_SKIP() << "not root";
  try {
    write_file_atomically(device, "lost");
    FAIL() << "a full device took it";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource) << error.what();
  }
  EXPECT_EQ(fs::status(device).type(), fs::file_type::character);
  EXPECT_THROW(PendingFile{device}, Error);
}

TEST_F(FileTest, ALinkIsKeptAndItsFileReplaced) {
  const fs::path link = folder_ / "link", chain = folder_ / "chain",
                 dangling = folder_ / "dangling";
  fs::create_directory(folder_ / "below");
  std::ofstream(folder_ / "below/file") << "old";
  fs::create_symlink("below/file", link);
  fs::create_symlink("link", chain);
  fs::create_symlink(folder_ / "below/new", dangling);
  write_file_atomically(chain, "new");
  write_file_atomically(dangling, "made");
  for (const fs::path& path : {link, chain, dangling})
    EXPECT_TRUE(fs::is_symlink(path)) << path << " was replaced";
  EXPECT_EQ(read_text_file(folder_ / "below/file"), "new");
  EXPECT_EQ(read_text_file(folder_ / "below/new"), "made");
}

TEST_F(FileTest, AnOpenFileIsAppendedTo) {
  const fs::path log = folder_ / "log";
  std::ofstream(log) << "before\n";
  const int file = ::open(log.c_str(), O_WRONLY | O_APPEND);
  write_file_atomically(fs::path("/proc/self/fd") / std::to_string(file), "after\n");
  ::close(file);
  EXPECT_EQ(read_text_file(log), "before\nafter\n");
}

}  // namespace
}  // namespace alisio
