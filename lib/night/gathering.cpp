#include "lib/night/gathering.hpp"

namespace alisio::night {

bool Gathering::due(std::size_t count, double now_s) {
  if (count > count_) {
    if (!waiting_) first_s_ = now_s;
    waiting_ = true;
    last_s_ = now_s;
  }
  count_ = count;
  if (!waiting_ || too_soon(now_s)) return false;
  return now_s - last_s_ >= quiet_s_ || now_s - first_s_ >= interval_s_;
}

void Gathering::told(double at_s) {
  waiting_ = false;
  told_s_ = at_s;
}

bool Gathering::too_soon(double now_s) const {
  return told_s_ > 0 && now_s >= told_s_ && now_s - told_s_ < interval_s_;
}

}  // namespace alisio::night
