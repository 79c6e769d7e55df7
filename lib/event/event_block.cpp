#include "lib/event/event_block.hpp"

namespace alisio {

void EventBlock::reserve(std::size_t events, std::size_t pixels) {
  sequence = size = 0;
  capacity = events;
  n_pixels = pixels;
  event_id.resize(events);
  time_tai_ns.resize(events);
  time_unix_s.resize(events);
  event_type.resize(events);
  tib_trigger_type.resize(events);
  ucts_trigger_type.resize(events);
  ucts_jump.resize(events);
  alt_tel.resize(events);
  az_tel.resize(events);
  calibration_id.resize(events);
  parameters.resize(events);
  image.resize(events * pixels);
  peak_time.resize(events * pixels);
  selected_gain.resize(events * pixels);
  image_mask.resize(events * pixels);
}

}  // namespace alisio
