#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lib/event/event_type.hpp"
#include "lib/event/image_parameters.hpp"

namespace alisio {

/// A fixed number of consecutive events in columns: what calib fills, reco completes and the
/// writers store. Blocks come from a pool and are moved, never copied, so that nothing is allocated
/// per event. Pixels are in camera-geometry order.
struct EventBlock {
  /// Make room for `capacity` events of `n_pixels` pixels; contents are undefined, size is 0.
  void reserve(std::size_t capacity, std::size_t n_pixels);

  std::size_t sequence = 0;  ///< position of the block in the file, from 0
  std::size_t size = 0;      ///< events filled
  std::size_t capacity = 0;
  std::size_t n_pixels = 0;

  // One value per event.
  std::vector<std::int64_t> event_id;
  std::vector<std::int64_t> time_tai_ns;  ///< TAI unix time, ns
  std::vector<double> time_unix_s;        ///< UTC unix time, s
  std::vector<EventType> event_type;
  std::vector<std::uint8_t> tib_trigger_type;   ///< TIB masked trigger bits
  std::vector<std::uint8_t> ucts_trigger_type;  ///< UCTS trigger bits, after repair of jumps
  std::vector<std::uint8_t> ucts_jump;          ///< 0 or 1
  std::vector<double> alt_tel, az_tel;          ///< pointing, rad; NaN outside the drive log
  std::vector<std::int64_t> calibration_id;     ///< last monitoring row written before the event
  std::vector<ImageParameters> parameters;

  // One value per event and pixel, [event][pixel].
  std::vector<float> image;                ///< charge, p.e.
  std::vector<float> peak_time;            ///< ns from the first kept sample
  std::vector<std::int8_t> selected_gain;  ///< 0 high, 1 low
  std::vector<std::uint8_t> image_mask;    ///< 1: survives the cleaning

  [[nodiscard]] std::span<float> image_of(std::size_t i) {
    return {&image[i * n_pixels], n_pixels};
  }
  [[nodiscard]] std::span<float> peak_time_of(std::size_t i) {
    return {&peak_time[i * n_pixels], n_pixels};
  }
  [[nodiscard]] std::span<std::int8_t> selected_gain_of(std::size_t i) {
    return {&selected_gain[i * n_pixels], n_pixels};
  }
  [[nodiscard]] std::span<std::uint8_t> image_mask_of(std::size_t i) {
    return {&image_mask[i * n_pixels], n_pixels};
  }
};

}  // namespace alisio
