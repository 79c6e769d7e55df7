#pragma once
#include <cstdint>
#include <deque>
#include <optional>

#include "lib/event/event_type.hpp"

/// Times and triggers of events in the old (ProtoR1) format, as the event source of the peers
/// (ctapipe_io_lst) derives them.
namespace alisio::calib {

/// One pair of module counter and absolute time, from which the times of a run follow.
struct ReferenceTime {
  std::uint64_t time_tai_ns = 0;
  std::uint64_t counter_ns = 0;
  std::size_t module_index = 0;  ///< position of the module in the read-out order
};

/// Return seconds and tenths of microseconds of a module, in ns.
[[nodiscard]] constexpr std::uint64_t combine_counters(std::uint64_t pps,
                                                       std::uint64_t ten_mhz) noexcept {
  return 1'000'000'000 * pps + 100 * ten_mhz;
}

/// What UCTS and TIB said of one event.
struct TriggerData {
  bool has_tib = false, has_ucts = false;
  std::uint8_t tib_type = 0;
  std::uint8_t ucts_type = 0;
  std::uint64_t ucts_time_tai_ns = 0;
};

/// Gives each event its time and repairs the UCTS data. When UCTS data of one event are lost, those
/// of all later events belong to their successors; a queue as long as the number of losses puts
/// them right. Call once per event, in order.
class EventClock {
 public:
  explicit EventClock(std::optional<ReferenceTime> reference) : reference_(reference) {}

  [[nodiscard]] bool has_reference() const noexcept { return reference_.has_value(); }
  void set_reference(const ReferenceTime& reference) noexcept { reference_ = reference; }
  [[nodiscard]] std::size_t module_index() const noexcept { return reference_->module_index; }

  struct Result {
    std::int64_t time_tai_ns = 0;
    bool ucts_jump = false;
    bool ucts_behind = false;  ///< UCTS is more than 1 us behind the module's clock
  };
  /// @param counter_ns of the reference module.
  /// @param trigger    gets the repaired UCTS time and type.
  /// @pre has_reference().
  Result next(std::uint64_t counter_ns, TriggerData& trigger);

 private:
  struct Ucts {
    std::uint64_t time;
    std::uint8_t type;
  };
  std::optional<ReferenceTime> reference_;
  std::deque<Ucts> late_;
};

/// Which device decides the event type when both are present.
enum class TriggerSource { ucts, tib };

/// Return what the trigger bits mean: 1 mono, 2 stereo, 4 calibration, 8 single p.e., 16 software,
/// 32 pedestal, 64 slow control.
[[nodiscard]] EventType event_type_of_bits(std::uint8_t bits) noexcept;
[[nodiscard]] EventType event_type_of(const TriggerData& trigger, TriggerSource preferred) noexcept;

}  // namespace alisio::calib
