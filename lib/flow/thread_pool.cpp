#include "lib/flow/thread_pool.hpp"

#include <atomic>
#include <utility>

namespace alisio::flow {

class ThreadPool::Task {
 public:
  enum State : int { queued, running, finished };
  explicit Task(std::function<void()> w) : work(std::move(w)) {}

  std::function<void()> work;
  std::atomic<int> state{queued};
  std::exception_ptr error;  ///< read only after finished
};

ThreadPool::ThreadPool(int threads) {
  for (int i = 1; i < threads; ++i) {
    workers_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
}

ThreadPool::~ThreadPool() {
  for (auto& worker : workers_) worker.request_stop();
  queued_.notify_all();
}

ThreadPool::Handle ThreadPool::submit(std::function<void()> work) {
  auto task = std::make_shared<Task>(std::move(work));
  if (!workers_.empty()) {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(task);
    }
    queued_.notify_one();
  }
  return task;
}

bool ThreadPool::done(const Handle& task) {
  return task->state.load(std::memory_order_acquire) == Task::finished;
}

void ThreadPool::cancel(const Handle& task) {
  int expected = Task::queued;
  if (task->state.compare_exchange_strong(expected, Task::finished)) return;
  // std::atomic::wait needs no pool, which may be gone by now.
  for (; expected != Task::finished; expected = task->state.load(std::memory_order_acquire)) {
    task->state.wait(expected);
  }
}

bool ThreadPool::run(Task& task) {
  int expected = Task::queued;
  if (!task.state.compare_exchange_strong(expected, Task::running)) return false;
  try {
    task.work();
  } catch (...) {
    task.error = std::current_exception();
  }
  task.work = nullptr;
  {
    // The lock orders the change of state before a waiter's look at it, so no wake-up is lost.
    const std::lock_guard lock(mutex_);
    task.state.store(Task::finished, std::memory_order_release);
  }
  task.state.notify_all();
  finished_.notify_all();
  return true;
}

void ThreadPool::wait(const Handle& task, bool help) {
  if (!run(*task)) {
    std::unique_lock lock(mutex_);
    while (task->state.load(std::memory_order_acquire) != Task::finished) {
      if (help && !queue_.empty()) {
        const Handle other = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        run(*other);
        lock.lock();
      } else {
        finished_.wait(lock);
      }
    }
  }
  if (task->error) std::rethrow_exception(task->error);
}

void ThreadPool::work(const std::stop_token& stop) {
  for (;;) {
    Handle task;
    {
      std::unique_lock lock(mutex_);
      if (!queued_.wait(lock, stop, [this] { return !queue_.empty(); })) return;
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    run(*task);
  }
}

void ThreadPool::parallel_for(std::size_t n, const std::function<void(std::size_t)>& body) {
  if (workers_.empty() || n < 2) {
    for (std::size_t i = 0; i < n; ++i) body(i);
    return;
  }
  std::atomic<std::size_t> next{0};
  const auto loop = [&next, &body, n] {
    try {
      for (std::size_t i = next.fetch_add(1); i < n; i = next.fetch_add(1)) body(i);
    } catch (...) {
      next.store(n);
      throw;
    }
  };
  std::vector<Handle> helpers;
  {
    // In front of the queue: others wait for what is ordered, nobody for what is queued.
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < workers_.size() && i + 1 < n; ++i) {
      helpers.push_back(std::make_shared<Task>(loop));
      queue_.push_front(helpers.back());
    }
  }
  queued_.notify_all();
  std::exception_ptr error;
  try {
    loop();
  } catch (...) {
    error = std::current_exception();
  }
  for (const auto& helper : helpers) {
    try {
      wait(helper);
    } catch (...) {
      if (!error) error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace alisio::flow
