#include "lib/base/hash_queue.hpp"

#include <chrono>
#include <utility>

namespace alisio {

void HashQueue::add(LargeVector<std::byte> buffer) {
  constexpr std::size_t worth_a_thread = std::size_t{1} << 17, far_behind = std::size_t{32} << 20;
  waiting_bytes_ += buffer.size();
  waiting_.push_back(std::move(buffer));
  const bool is_idle =
      !hashing_.valid() || hashing_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  if ((is_idle && waiting_bytes_ >= worth_a_thread) || waiting_bytes_ >= far_behind) start();
}

void HashQueue::start() {
  if (hashing_.valid()) hashing_.get();
  under_way_ = std::move(waiting_);
  waiting_.clear();
  waiting_bytes_ = 0;
  hashing_ = std::async(std::launch::async, [this] {
    for (const auto& buffer : under_way_) hasher_.update(buffer);
  });
}

std::string HashQueue::finish() {
  start();
  hashing_.get();
  return hasher_.finish();
}

}  // namespace alisio
