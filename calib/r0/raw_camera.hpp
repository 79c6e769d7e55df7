#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/io/zfits/zfits.hpp"

namespace alisio::calib {

/// What raw data files say of the camera and the run.
struct RawCamera {
  bool r1v1 = false;  ///< the format of 2023 and later; else ProtoR1
  int telescope = 0;
  std::int64_t run = 0;
  double run_start_utc_s = 0;            ///< UTC unix
  std::size_t n_samples = 0;             ///< per readout
  std::vector<std::uint16_t> pixel_ids;  ///< [read-out position] → pixel
  std::vector<std::uint16_t> module_ids;
  std::int64_t event_builder_version = 0;         ///< 0 if the file does not tell
  float waveform_scale = 1, waveform_offset = 0;  ///< value = stored / scale - offset
  bool volume_reduced = false;                    ///< pixels without DVR bits are not stored
};

/// Read the camera configuration of a raw data file; volume_reduced stands with the events.
/// @throws Error(bad_input) if it is missing, empty or malformed.
[[nodiscard]] RawCamera read_raw_camera(const zfits::File& file, bool r1v1);

}  // namespace alisio::calib
