#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace alisio::calib {

/// In which state raw data come: what the event builder and off-line reduction have done to them.
struct InputState {
  bool r1v1 = false;            ///< the format of 2023 and later; else ProtoR1
  bool gain_selected = false;   ///< physics events hold one gain (R0G)
  bool volume_reduced = false;  ///< pixels without signal are left out (R0V)
  /// Corrections that the event builder has made, bits of calib::preprocessing: of triggers that
  /// are not listed, and by trigger bits (1 mono, 4 calibration, 32 pedestal …).
  std::uint32_t default_actions = 0;
  std::map<std::uint32_t, std::uint32_t> actions_of_trigger;
};

/// Look at the head of one raw file: header, camera configuration and the first events, no
/// waveforms. The state is that of the whole run: the telescope does not change it within.
/// @throws Error(missing_input, bad_input).
[[nodiscard]] InputState read_input_state(const std::filesystem::path& file);

/// Return the state in words: "R1v1, gain-selected (R0G); event builder: baseline, spikes".
[[nodiscard]] std::string to_string(const InputState& state);

}  // namespace alisio::calib
