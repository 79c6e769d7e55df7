#include "calib/r0/raw_camera.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

#include "calib/r0/settings_row.hpp"
#include "lib/base/error.hpp"

namespace alisio::calib {
namespace {

/// The configuration as the protobuf messages of ProtoR1 have it.
void read_proto_r1(const zfits::File& file, RawCamera& camera) {
  SettingsRow settings(file, "CameraConfig");
  camera.telescope = static_cast<int>(settings.integer("1"));
  camera.run = static_cast<std::int64_t>(settings.integer("3"));
  camera.run_start_utc_s = static_cast<double>(settings.integer("4"));
  camera.n_samples = settings.integer("6");
  camera.pixel_ids = settings.words("7");
  camera.module_ids = settings.words("10.4");
  if (settings.has("10.1"))
    camera.event_builder_version = std::strtoll(settings.text("10.1").c_str(), nullptr, 10);
}

void read_r1v1(const zfits::File& file, RawCamera& camera) {
  SettingsRow settings(file, "CameraConfiguration");
  camera.telescope = static_cast<int>(settings.integer("1"));
  camera.run = static_cast<std::int64_t>(settings.integer("2"));
  camera.run_start_utc_s = settings.real<double>("3");
  camera.pixel_ids = settings.words("5");
  camera.module_ids = settings.words("6");
  camera.n_samples = settings.integer("13");
  SettingsRow stream(file, "DataStream");
  camera.waveform_scale = stream.real<float>("4");
  camera.waveform_offset = stream.has("5") ? stream.real<float>("5") : 0.F;
  if (!std::isfinite(camera.waveform_scale) || camera.waveform_scale <= 0 ||
      !std::isfinite(camera.waveform_offset))
    throw Error(ErrorKind::bad_input,
                fmt::format("samples are stored with scale {} and offset {}, which are none",
                            camera.waveform_scale, camera.waveform_offset),
                file.path() + ", DataStream", "restore the file of the event builder");
}

}  // namespace

RawCamera read_raw_camera(const zfits::File& file, bool r1v1) {
  RawCamera camera;
  camera.r1v1 = r1v1;
  if (r1v1)
    read_r1v1(file, camera);
  else
    read_proto_r1(file, camera);
  return camera;
}

}  // namespace alisio::calib
