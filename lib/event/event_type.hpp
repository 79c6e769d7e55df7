#pragma once
#include <cstdint>

namespace alisio {

/// What triggered an event; the values are those of ctapipe's EventType and of the DL1 column.
enum class EventType : std::uint8_t {
  flatfield = 0,
  single_pe = 1,
  sky_pedestal = 2,
  dark_pedestal = 3,
  electronic_pedestal = 4,
  other_calibration = 15,
  muon = 16,
  hardware_stereo = 17,
  daq = 24,
  subarray = 32,  ///< physics
  unknown = 255
};

}  // namespace alisio
