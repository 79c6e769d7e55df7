#pragma once
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace alisio::flow {

/// A few threads and one queue. The calling thread counts as one of them: a pool of one has no
/// thread of its own, and every piece of work runs where it is waited for, without any hand-over.
class ThreadPool {
 public:
  class Task;
  using Handle = std::shared_ptr<Task>;

  /// @param threads that may work at once, the caller included; less than 1 counts as 1.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] int threads() const noexcept { return static_cast<int>(workers_.size()) + 1; }

  /// Queue work for any thread. What it throws is kept for wait().
  Handle submit(std::function<void()> work);
  /// Return true when the work has run or failed.
  [[nodiscard]] static bool done(const Handle& task);
  /// Return when the work has run, or make sure that it never will. Errors are dropped.
  static void cancel(const Handle& task);
  /// Return when the work has run: here, if no thread has begun it. While another thread runs it,
  /// take other work from the queue if `help`. @throws what the work threw.
  void wait(const Handle& task, bool help = false);
  /// Run body(0) … body(n - 1), each once, on all threads and the caller.
  /// @throws the first exception that a body threw; bodies not begun by then are skipped.
  void parallel_for(std::size_t n, const std::function<void(std::size_t)>& body);

 private:
  void work(const std::stop_token& stop);
  /// Run a task unless another thread has begun it; return whether it ran here.
  bool run(Task& task);

  std::mutex mutex_;
  std::condition_variable_any queued_;
  std::condition_variable finished_;
  std::deque<Handle> queue_;
  std::vector<std::jthread> workers_;
};

}  // namespace alisio::flow
