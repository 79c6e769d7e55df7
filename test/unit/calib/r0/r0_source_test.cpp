#include "calib/r0/r0_source.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "lib/base/error.hpp"

namespace alisio::calib {
namespace {

namespace fs = std::filesystem;

/// A folder with links to some streams of the sample subruns.
class Streams : public testing::Test {
 protected:
  void SetUp() override {
    const char* set = std::getenv("ALISIO_SHARED");
    data_ =
        fs::absolute(set != nullptr ? fs::path(set) : fs::path(ALISIO_SOURCE_DIR "/../shared")) /
        "data/night/R0/20221215";
    if (!fs::exists(data_)) GTEST_SKIP() << "no sample data";
    folder_ =
        fs::path(testing::TempDir()) /
        (std::string("streams_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }
  static std::string name(int stream, int subrun) {
    return "LST-1." + std::to_string(stream) + ".Run11220.000" + std::to_string(subrun) +
           ".fits.fz";
  }
  void add(int stream, int subrun = 0) {
    fs::create_symlink(data_ / name(stream, subrun), folder_ / name(stream, subrun));
  }
  [[nodiscard]] fs::path first() const { return folder_ / name(1, 0); }

  fs::path data_, folder_;
};

TEST_F(Streams, AreMergedInTheOrderOfTheirIds) {
  for (const int stream : {1, 2, 3, 4}) add(stream);
  R0Source source(first(), {});
  EXPECT_EQ(source.files().size(), 4u);
  EXPECT_EQ(source.camera().run, 11220);
  flow::ThreadPool pool(2);
  RawBlock block;
  std::int64_t next = 1;
  while (source.next_block(block, pool)) {
    EXPECT_EQ(block.first_index, std::size_t(next - 1));
    for (const auto& event : block.events) EXPECT_EQ(event.event_id, next++);
  }
  EXPECT_EQ(next, 201);
  EXPECT_FALSE(source.next_block(block, pool));
}

TEST_F(Streams, GapIsAnErrorThatNamesTheFile) {
  for (const int stream : {1, 3, 4}) add(stream);
  try {
    const R0Source source(first(), {});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::missing_input);
    EXPECT_EQ(error.where(), (folder_ / name(2, 0)).string());
  }
}

TEST_F(Streams, ALostLastStreamIsAnError) {
  for (const int stream : {1, 2, 3}) add(stream);
  try {
    const R0Source source(first(), {});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::missing_input);
    EXPECT_EQ(error.where(), (folder_ / name(4, 0)).string());
  }
}

TEST_F(Streams, OneStreamIsEnoughUnlessOtherSubrunsHaveMore) {
  add(1);
  EXPECT_EQ(R0Source(first(), {}).files().size(), 1u);
  for (const int stream : {1, 2, 3, 4}) add(stream, 1);
  EXPECT_THROW(R0Source(first(), {}), Error);
}

TEST_F(Streams, AnyStreamMeansTheWholeSubrun) {
  for (const int stream : {1, 2, 3, 4}) add(stream);
  const R0Source source(folder_ / name(2, 0), {});
  EXPECT_EQ(source.files().size(), 4u);
  EXPECT_EQ(source.event_count(), 200u);
}

TEST_F(Streams, ACopyOfAnotherStreamIsAnError) {
  for (const int stream : {1, 3, 4}) add(stream);
  fs::create_symlink(data_ / name(1, 0), folder_ / name(2, 0));
  EXPECT_THROW(R0Source(first(), {}), Error);
}

TEST_F(Streams, AbandonedWhileDecodingIsNoHarm) {
  for (const int stream : {1, 2, 3, 4}) add(stream);
  flow::ThreadPool pool(3);
  for (int i = 0; i < 3; ++i) {
    R0Source source(first(), {});
    RawBlock block;
    ASSERT_TRUE(source.next_block(block, pool));
    // Another takes its place.
    source = R0Source(first(), {});
    ASSERT_TRUE(source.next_block(block, pool));
  }
}

TEST_F(Streams, DamageAheadIsToldWhereItIsWithAnyNumberOfThreads) {
  for (const int stream : {1, 3, 4}) add(stream);
  fs::copy_file(data_ / name(2, 0), folder_ / name(2, 0));
  fs::permissions(folder_ / name(2, 0), fs::perms::owner_write, fs::perm_options::add);
  // The end of the last tile's largest block, its waveforms.
  const auto middle = static_cast<std::streamoff>(fs::file_size(folder_ / name(2, 0)) * 9 / 10);
  std::fstream file(folder_ / name(2, 0), std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(middle);
  for (int i = 0; i < 20'000; ++i) file.put('\xff');
  file.close();
  std::string said;
  for (const int threads : {1, 2, 4}) {
    flow::ThreadPool pool(threads);
    R0Source source(first(), {});
    RawBlock block;
    std::size_t blocks = 0;
    try {
      while (source.next_block(block, pool)) ++blocks;
      FAIL() << "the damage is not seen";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_input);
      EXPECT_NE(error.where().find(name(2, 0)), std::string::npos) << error.what();
      EXPECT_GT(blocks, 0U) << "what comes before is read";
      if (said.empty()) said = error.what();
      EXPECT_EQ(error.what(), said) << threads;
    }
  }
}

TEST_F(Streams, TimesWithoutARunSummaryComeFromTheFirstEvent) {
  for (const int stream : {1, 2, 3, 4}) add(stream);
  R0Options options;
  options.max_events = 3;
  R0Source source(first(), options);
  flow::ThreadPool pool(1);
  RawBlock block;
  ASSERT_TRUE(source.next_block(block, pool));
  ASSERT_EQ(block.events.size(), 3u);
  EXPECT_EQ(block.events[0].time_tai_ns, std::int64_t(block.events[0].trigger.ucts_time_tai_ns));
}

TEST_F(Streams, AbsentFileIsMissingInput) {
  try {
    const R0Source source(first(), {});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::missing_input);
  }
}

}  // namespace
}  // namespace alisio::calib
