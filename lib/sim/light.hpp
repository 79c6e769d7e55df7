#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "lib/sim/camera_model.hpp"
#include "lib/sky/frames.hpp"

namespace alisio::sim {

enum class EventKind { drs4, flat_field, pedestal, gamma, hadron, muon };

[[nodiscard]] const char* to_string(EventKind kind) noexcept;

/// Trigger bits as TIB and UCTS report them.
namespace trigger_bit {
constexpr std::uint8_t mono = 1, calibration = 4, pedestal = 32;
}
[[nodiscard]] std::uint8_t trigger_of(EventKind kind) noexcept;

/// What was simulated. Quantities that have no meaning for a kind are 0.
struct Truth {
  EventKind kind = EventKind::drs4;
  double energy_tev = 0;              ///< of the primary particle
  double size_pe = 0;                 ///< light in the camera; for flat fields, per pixel
  double x = 0, y = 0;                ///< centre of the image or of the ring, m
  double length = 0;                  ///< of the image, or radius of the ring, m
  double width = 0;                   ///< m
  double psi = 0;                     ///< orientation, rad; the source lies backwards along it
  double gradient = 0;                ///< arrival time along psi, ns/m
  double source_x = 0, source_y = 0;  ///< direction of the primary in the camera, m
  double impact_m = 0;                ///< distance of the shower axis
};

/// Light of one event, per pixel.
struct Light {
  Truth truth;
  std::vector<float> photoelectrons;  ///< [pixel], expected
  std::vector<float> time;            ///< [pixel], ns in the read-out window
};

/// Return the kind of the next event of a data run: 28 % gammas, 50 % hadrons, 10 % muons, 6 % each
/// interleaved flat fields and pedestals.
[[nodiscard]] EventKind choose_kind(double uniform) noexcept;

/// Make the light of one event; arrays are resized once and reused. Energies follow E^-1.5 (to have
/// bright events in small samples), sizes the energy, the impact distance and the zenith angle.
/// @param source place of the gamma-ray source in the camera, m
/// @param cos_zenith of the pointing
void make_light(const CameraModel& camera, EventKind kind, sky::CameraPoint source,
                double cos_zenith, std::uint64_t seed, std::uint64_t run, std::uint64_t event,
                Light& light);

}  // namespace alisio::sim
