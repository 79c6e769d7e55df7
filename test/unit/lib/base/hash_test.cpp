#include "lib/base/hash.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"

namespace alisio {
namespace {

namespace fs = std::filesystem;

TEST(Hash, KnownAnswers) {
  EXPECT_EQ(hash_text("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash_text("abc", HashMethod::md5), "900150983cd24fb0d6963f7d28e17f72");
}

TEST(Hash, FileEqualsText) {
  const fs::path path = fs::temp_directory_path() / "alisio_hash_test";
  write_file_atomically(path, "abc");
  EXPECT_EQ(hash_file(path), hash_text("abc"));
  fs::remove(path);
  EXPECT_THROW((void)hash_file(path), Error);
}

TEST(Hash, FolderIsNoFile) {
  try {
    (void)hash_file(fs::temp_directory_path());
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::missing_input);
    EXPECT_EQ(error.problem(), "is a folder, not a file");
  }
}

TEST(PendingFile, LeavesNothingUnlessPublished) {
  const fs::path folder = fs::temp_directory_path() / "alisio_pending_test";
  fs::remove_all(folder);
  {
    PendingFile pending(folder / "product");
    std::ofstream(pending.path()) << "half";
    EXPECT_TRUE(fs::exists(pending.path()));
  }
  EXPECT_TRUE(fs::is_empty(folder));
  {
    PendingFile pending(folder / "product");
    std::ofstream(pending.path()) << "whole";
    pending.publish();
  }
  EXPECT_EQ(read_text_file(folder / "product"), "whole");
  fs::remove_all(folder);
}

}  // namespace
}  // namespace alisio
