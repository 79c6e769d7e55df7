#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>

#include "lib/base/error.hpp"
#include "lib/base/interruption.hpp"
#include "lib/flow/ordered_pipeline.hpp"
#include "lib/flow/scratch_pool.hpp"
#include "lib/flow/thread_pool.hpp"

namespace alisio::flow {
namespace {

class Threads : public testing::TestWithParam<int> {};

TEST_P(Threads, ParallelForRunsEveryIndexOnce) {
  ThreadPool pool(GetParam());
  std::vector<std::atomic<int>> seen(1000);
  for (int round = 0; round < 20; ++round)
    pool.parallel_for(1000, [&](std::size_t i) { ++seen[i]; });
  for (const auto& n : seen) EXPECT_EQ(n, 20);
}

TEST_P(Threads, ParallelForRethrowsAndLeavesThePoolUsable) {
  ThreadPool pool(GetParam());
  EXPECT_THROW(pool.parallel_for(50,
                                 [](std::size_t i) {
                                   if (i == 7) throw std::runtime_error("seven");
                                 }),
               std::runtime_error);
  std::atomic<int> n{0};
  pool.parallel_for(50, [&](std::size_t) { ++n; });
  EXPECT_EQ(n, 50);
}

TEST_P(Threads, WaitReturnsWhatTheTaskThrew) {
  ThreadPool pool(GetParam());
  const auto task = pool.submit([] { throw std::logic_error("no"); });
  EXPECT_THROW(pool.wait(task), std::logic_error);
  EXPECT_TRUE(ThreadPool::done(task));
}

struct Block {
  int number = 0;
  int result = 0;
};

TEST_P(Threads, PipelineKeepsTheOrder) {
  ThreadPool pool(GetParam());
  std::vector<Block> blocks(5);
  int produced = 0;
  std::vector<int> results;
  Stages<Block> stages;
  stages.produce = [&](Block& block) {
    block.number = produced;
    return produced++ < 100;
  };
  stages.process = [](Block& block) {
    // Early blocks take longest, so that they would be overtaken.
    std::this_thread::sleep_for(std::chrono::microseconds((block.number % 5 == 0) ? 500 : 10));
    block.result = block.number * 2;
  };
  stages.consume = [&](Block& block) { results.push_back(block.result); };
  run_ordered(pool, blocks, stages);
  ASSERT_EQ(results.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)], 2 * i);
}

TEST_P(Threads, ProductionRunsAheadByNoMoreThanTheBlocks) {
  ThreadPool pool(GetParam());
  std::vector<Block> blocks(3);
  int produced = 0, consumed = 0, ahead = 0;
  Stages<Block> stages;
  stages.produce = [&](Block&) {
    if (produced == 50) return false;
    ahead = std::max(ahead, ++produced - consumed);
    return true;
  };
  stages.process = [](Block&) {};
  stages.consume = [&](Block&) { ++consumed; };
  run_ordered(pool, blocks, stages);
  EXPECT_EQ(consumed, 50);
  EXPECT_LE(ahead, 3);
}

TEST_P(Threads, FirstFailureInBlockOrderStopsThePipeline) {
  ThreadPool pool(GetParam());
  std::vector<Block> blocks(4);
  int produced = 0, consumed = 0;
  std::atomic<int> running{0};
  Stages<Block> stages;
  stages.produce = [&](Block& block) {
    block.number = produced;
    return produced++ < 1000;
  };
  stages.process = [&](Block& block) {
    ++running;
    std::this_thread::sleep_for(std::chrono::microseconds(100));
    --running;
    if (block.number >= 10) throw std::runtime_error(std::to_string(block.number));
  };
  stages.consume = [&](Block&) { ++consumed; };
  try {
    run_ordered(pool, blocks, stages);
    FAIL() << "nothing thrown";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "10");
  }
  EXPECT_EQ(consumed, 10);
  EXPECT_EQ(running, 0);
  EXPECT_LT(produced, 20);
}

TEST_P(Threads, FailureOfTheSinkStopsThePipeline) {
  ThreadPool pool(GetParam());
  std::vector<Block> blocks(4);
  int produced = 0;
  Stages<Block> stages;
  stages.produce = [&](Block&) { return produced++ < 1000; };
  stages.process = [](Block&) {};
  stages.consume = [](Block&) { throw std::runtime_error("disk full"); };
  EXPECT_THROW(run_ordered(pool, blocks, stages), std::runtime_error);
  EXPECT_LT(produced, 10);
}

TEST_P(Threads, ASignalEndsItBetweenTwoBlocks) {
  const StopOnSignal signals;
  ThreadPool pool(GetParam());
  std::vector<Block> blocks(4);
  int produced = 0;
  std::atomic<int> working{0};
  Stages<Block> stages;
  stages.produce = [&](Block&) {
    if (++produced == 8) std::raise(SIGTERM);
    return produced < 1000;
  };
  stages.process = [&](Block&) {
    ++working;
    std::this_thread::sleep_for(std::chrono::microseconds(100));
    --working;
  };
  stages.consume = [](Block&) {};
  try {
    run_ordered(pool, blocks, stages);
    FAIL() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::interrupted);
  }
  EXPECT_EQ(produced, 8);
  EXPECT_EQ(working, 0);
}

INSTANTIATE_TEST_SUITE_P(Flow, Threads, testing::Values(1, 2, 4));

TEST(ThreadPool, OneThreadRunsEverythingOnTheCaller) {
  ThreadPool pool(1);
  const auto caller = std::this_thread::get_id();
  std::thread::id ran;
  pool.wait(pool.submit([&] { ran = std::this_thread::get_id(); }));
  EXPECT_EQ(ran, caller);
}

TEST(ScratchPool, LendsOneToEachPieceOfWorkAtATime) {
  int made = 0;
  ScratchPool<int> pool([&] { return std::make_unique<int>(made++); });
  const int sum = pool.with_scratch([&](int& outer) {
    return pool.with_scratch([&](int& inner) {
      EXPECT_NE(&outer, &inner);
      return outer + inner;
    });
  });
  EXPECT_EQ(sum, 1);
  pool.with_scratch([](int&) {});
  EXPECT_EQ(made, 2);
}

TEST(ScratchPool, TakesAScratchBackFromWorkThatThrows) {
  int made = 0;
  ScratchPool<int> pool([&] { return std::make_unique<int>(made++); });
  for (int i = 0; i < 2; ++i)
    EXPECT_THROW(pool.with_scratch([](int&) { throw std::runtime_error("no"); }),
                 std::runtime_error);
  EXPECT_EQ(made, 1);
}

}  // namespace
}  // namespace alisio::flow
