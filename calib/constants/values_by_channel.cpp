#include "calib/constants/values_by_channel.hpp"

#include <limits>

namespace alisio::calib {

void ValuesByChannel::add(std::span<const float> values, std::span<const std::uint8_t> mask) {
  const std::size_t first = latest_.size();
  latest_.resize(first + n_channels_);
  constexpr float none = std::numeric_limits<float>::quiet_NaN();
  for (std::size_t c = 0; c < n_channels_; ++c)
    latest_[first + c] = mask[c] == 0 ? values[c] : none;
  if (latest_.size() == settled_at_once * n_channels_) settle();
}

void ValuesByChannel::clear() {
  n_settled_ = 0;
  chunks_.clear();
  latest_.clear();
}

void ValuesByChannel::settle() {
  const std::size_t at = n_settled_ % chunk_events;
  if (at == 0)
    chunks_.push_back(std::make_unique_for_overwrite<float[]>(n_channels_ * chunk_events));
  float* const chunk = chunks_.back().get();
  // A channel at a time: a line of the chunk is written whole.
  for (std::size_t c = 0; c < n_channels_; ++c)
    for (std::size_t e = 0; e < settled_at_once; ++e)
      chunk[c * chunk_events + at + e] = latest_[e * n_channels_ + c];
  n_settled_ += settled_at_once;
  latest_.clear();
}

}  // namespace alisio::calib
