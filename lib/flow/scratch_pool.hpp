#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace alisio::flow {

/// Scratch spaces that threads borrow for a piece of work: as many as ever worked at once, none
/// allocated per event.
template <typename Scratch>
class ScratchPool {
 public:
  /// @param make returns a new one, for when all are lent
  explicit ScratchPool(std::function<std::unique_ptr<Scratch>()> make) : make_(std::move(make)) {}

  /// Return work(scratch). Any thread may call it.
  template <typename Work>
  auto with_scratch(const Work& work) {
    std::unique_ptr<Scratch> scratch;
    {
      const std::scoped_lock lock(mutex_);
      if (!free_.empty()) {
        scratch = std::move(free_.back());
        free_.pop_back();
      }
    }
    if (!scratch) scratch = make_();
    const Lent lent{*this, std::move(scratch)};
    return work(*lent.scratch);
  }

 private:
  struct Lent {
    ScratchPool& pool;
    std::unique_ptr<Scratch> scratch;
    ~Lent() {
      const std::scoped_lock lock(pool.mutex_);
      pool.free_.push_back(std::move(scratch));
    }
  };

  std::function<std::unique_ptr<Scratch>()> make_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Scratch>> free_;
};

}  // namespace alisio::flow
