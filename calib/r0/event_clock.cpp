#include "calib/r0/event_clock.hpp"

namespace alisio::calib {

EventClock::Result EventClock::next(std::uint64_t counter_ns, TriggerData& trigger) {
  constexpr std::int64_t tolerance_ns = 1000;
  Result result;
  // Wrapping arithmetic gives the signed difference for counters before the reference too.
  const std::uint64_t module_time = reference_->time_tai_ns + (counter_ns - reference_->counter_ns);
  result.time_tai_ns = static_cast<std::int64_t>(module_time);
  if (!trigger.has_ucts) return result;

  if (!late_.empty()) {
    late_.push_back({trigger.ucts_time_tai_ns, trigger.ucts_type});
    trigger.ucts_time_tai_ns = late_.front().time;
    trigger.ucts_type = late_.front().type;
    late_.pop_front();
  }
  const auto delta = static_cast<std::int64_t>(trigger.ucts_time_tai_ns - module_time);
  result.ucts_behind = delta < -tolerance_ns;
  if (delta > tolerance_ns) {
    result.ucts_jump = true;
    late_.push_front({trigger.ucts_time_tai_ns, trigger.ucts_type});
    trigger.ucts_time_tai_ns = module_time;
    trigger.ucts_type = trigger.has_tib ? trigger.tib_type : std::uint8_t{0};
  }
  return result;
}

EventType event_type_of_bits(std::uint8_t bits) noexcept {
  constexpr unsigned physics = 1 | 2, calibration = 4, single_pe = 8, pedestal = 32;
  const unsigned b = bits & 127u;
  if ((b & physics) != 0 && (b & ~physics) == 0) return EventType::subarray;
  if (bits == calibration || bits == (calibration | 1)) return EventType::flatfield;
  if (bits == pedestal) return EventType::sky_pedestal;
  if (bits == single_pe) return EventType::single_pe;
  return EventType::unknown;
}

EventType event_type_of(const TriggerData& trigger, TriggerSource preferred) noexcept {
  if (!trigger.has_tib && !trigger.has_ucts) return EventType::unknown;
  const bool use_ucts = trigger.has_ucts && (!trigger.has_tib || preferred == TriggerSource::ucts);
  return event_type_of_bits(use_ucts ? trigger.ucts_type : trigger.tib_type);
}

}  // namespace alisio::calib
