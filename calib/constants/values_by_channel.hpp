#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace alisio::calib {

/// One value of each channel and event, kept by channel, so that a channel's values are read as
/// they lie; memory grows with the events.
class ValuesByChannel {
 public:
  explicit ValuesByChannel(std::size_t n_channels) : n_channels_(n_channels) {}

  /// Add an event.
  /// @param mask [channel], not 0: NaN takes the value's place
  void add(std::span<const float> values, std::span<const std::uint8_t> mask);
  void clear();
  /// Call visit(value) with each value of a channel, in the order of events.
  template <typename Visit>
  void for_each(std::size_t channel, const Visit& visit) const {
    for (std::size_t first = 0; first < n_settled_; first += chunk_events) {
      const float* const values = &chunks_[first / chunk_events][channel * chunk_events];
      std::for_each_n(values, std::min(chunk_events, n_settled_ - first), visit);
    }
    for (std::size_t at = channel; at < latest_.size(); at += n_channels_) visit(latest_[at]);
  }

 private:
  /// Events of a chunk, and those that go into it at once: a line of the cache of each channel.
  static constexpr std::size_t chunk_events = 128, settled_at_once = 16;
  static_assert(chunk_events % settled_at_once == 0);
  void settle();

  std::size_t n_channels_, n_settled_ = 0;
  std::vector<std::unique_ptr<float[]>> chunks_;  ///< [channel][event of the chunk]
  std::vector<float> latest_;                     ///< [event][channel], not in a chunk yet
};

}  // namespace alisio::calib
