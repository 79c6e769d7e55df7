#pragma once
#include <cstddef>
#include <exception>
#include <functional>
#include <vector>

#include "lib/base/interruption.hpp"
#include "lib/flow/thread_pool.hpp"

namespace alisio::flow {

/// What happens to each block of a stream.
template <typename Block>
struct Stages {
  /// Fill the block; false at the end. Called in order by the thread that drives the pipeline; may
  /// use the pool for parallel slices.
  std::function<bool(Block&)> produce;
  /// Work on a filled block. Called for several blocks at once, in any order.
  std::function<void(Block&)> process;
  /// Take the result. Called in the order of produce, by the thread that drives the pipeline.
  std::function<void(Block&)> consume;
};

/// Drive blocks through the stages until produce returns false. The blocks are used in turn, so
/// their number bounds the memory and how far production runs ahead of consumption.
/// @param blocks at least one; with one, everything happens on the calling thread.
/// @throws the first exception of a stage, in block order, or Error(interrupted), once no other
/// block is being processed.
template <typename Block>
void run_ordered(ThreadPool& pool, std::vector<Block>& blocks, const Stages<Block>& stages) {
  std::vector<ThreadPool::Handle> tasks(blocks.size());
  std::size_t produced = 0, consumed = 0;
  const auto consume_next = [&] {
    const std::size_t slot = consumed % blocks.size();
    pool.wait(tasks[slot], true);
    ++consumed;
    stages.consume(blocks[slot]);
  };
  try {
    bool complete = false;
    while (!complete) {
      throw_if_interrupted();
      while (consumed < produced && ThreadPool::done(tasks[consumed % blocks.size()])) {
        consume_next();
      }
      if (produced - consumed == blocks.size()) consume_next();
      Block& block = blocks[produced % blocks.size()];
      if (stages.produce(block)) {
        tasks[produced % blocks.size()] = pool.submit([&stages, &block] { stages.process(block); });
        ++produced;
      } else {
        complete = true;
      }
    }
    while (consumed < produced) consume_next();
  } catch (...) {
    for (; consumed < produced; ++consumed) {
      try {
        pool.wait(tasks[consumed % blocks.size()]);
      } catch (...) {
        // A later block's failure adds nothing to the first one's.
      }
    }
    throw;
  }
}

}  // namespace alisio::flow
