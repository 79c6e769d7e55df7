#include "calib/r0/input_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "calib/r0/r0_source.hpp"
#include "lib/base/error.hpp"
#include "lib/io/zfits/zfits.hpp"

namespace alisio::calib {
namespace {

/// Tiles whose events are looked at: gain-selected data begin with an interleaved event now and
/// then, which keeps both gains.
constexpr std::size_t tiles_looked_at = 2;

/// Return the 16-bit items of a camera configuration's field, none if the file has not got it.
std::vector<std::uint16_t> words(const zfits::Table& table, const char* field) {
  const auto column = table.find_field(field);
  if (!column || table.row_count() == 0) return {};
  zfits::DecodedColumn decoded;
  table.decode(0, *column, decoded);
  std::vector<std::uint16_t> out(decoded.item_count<std::uint16_t>(0));
  decoded.copy_row<std::uint16_t>(0, out);
  return out;
}

/// Whether a pixel of some event has exactly one gain.
bool has_one_gain(const zfits::Table& events, const char* status_field) {
  const auto column = events.find_field(status_field);
  if (!column) return false;
  const std::size_t width = zfits::item_size(events.columns()[*column].type);
  constexpr std::uint8_t both = pixel_status::high_gain_stored | pixel_status::low_gain_stored;
  zfits::DecodedColumn decoded;
  zfits::DecodeScratch scratch;
  for (std::size_t tile = 0; tile < std::min(tiles_looked_at, events.tile_count()); ++tile) {
    events.decode(tile, *column, decoded, scratch);
    for (std::size_t row = 0; row < decoded.row_count(); ++row) {
      const std::span<const std::byte> status = decoded.row(row);
      for (std::size_t p = 0; p < status.size(); p += width) {
        const auto gains = std::uint8_t(std::uint8_t(status[p]) & both);
        if (gains != 0 && gains != both) return true;
      }
    }
  }
  return false;
}

/// Whether events name what was done to them; their own word counts in r0-to-dl1.
std::uint32_t actions_of_first_event(const zfits::Table& events) {
  const auto column = events.find_field("17.10");
  if (!column || events.row_count() == 0) return 0;
  zfits::DecodedColumn decoded;
  events.decode(0, *column, decoded);
  std::uint32_t actions = 0;
  const auto row = decoded.row(0);
  std::memcpy(&actions, row.data(), std::min(row.size(), sizeof actions));
  return actions;
}

std::string actions_text(std::uint32_t actions) {
  struct Name {
    std::uint32_t bit;
    const char* name;
  };
  constexpr Name names[] = {{preprocessing::gain_selection, "gain selection"},
                            {preprocessing::baseline_subtraction, "baseline"},
                            {preprocessing::time_lapse, "time lapse"},
                            {preprocessing::spikes, "spikes"},
                            {preprocessing::pedestal, "pedestal"},
                            {preprocessing::pe_calibration, "p.e. calibration"}};
  std::string text;
  for (const Name& name : names)
    if ((actions & name.bit) != 0) text += (text.empty() ? "" : ", ") + std::string(name.name);
  return text.empty() ? "nothing" : text;
}

std::string trigger_name(std::uint32_t bits) {
  switch (bits) {
    case 1:
      return "mono";
    case 2:
      return "stereo";
    case 4:
      return "calibration";
    case 32:
      return "pedestal";
    default:
      return fmt::format("trigger {}", bits);
  }
}

}  // namespace

InputState read_input_state(const std::filesystem::path& path) {
  const zfits::File file = zfits::File::open(path, tiles_looked_at);
  const zfits::Table& events = file.table("Events");
  InputState state;
  state.r1v1 = file.has_table("CameraConfiguration");
  state.volume_reduced = events.header().logical("LSTDVR").value_or(false);
  state.gain_selected = has_one_gain(events, state.r1v1 ? "12" : "8");
  if (!state.r1v1) return state;
  // The event builder puts its actions where the trigger patterns should be, and the patterns where
  // the types should be; only the low byte means something.
  const zfits::Table& camera = file.table("CameraConfiguration");
  const std::vector<std::uint16_t> triggers = words(camera, "15.4"),
                                   actions = words(camera, "15.6");
  constexpr std::uint32_t known_actions = 0xff;
  if (!actions.empty()) state.default_actions = actions[0] & known_actions;
  for (std::size_t i = 0; i < triggers.size() && i + 1 < actions.size(); ++i)
    if (triggers[i] != 0) state.actions_of_trigger[triggers[i]] = actions[i + 1] & known_actions;
  if (actions.empty()) state.default_actions = actions_of_first_event(events);
  return state;
}

std::string to_string(const InputState& state) {
  std::string text = state.r1v1 ? "R1v1" : "ProtoR1";
  text += state.volume_reduced  ? ", volume-reduced (R0V)"
          : state.gain_selected ? ", gain-selected (R0G)"
                                : ", raw";
  std::string builder;
  if (state.default_actions != 0) builder = actions_text(state.default_actions);
  for (const auto& [trigger, actions] : state.actions_of_trigger)
    if (actions != state.default_actions)
      builder += fmt::format("{}{}: {}", builder.empty() ? "" : "; ", trigger_name(trigger),
                             actions_text(actions));
  if (!builder.empty()) text += "; done by the event builder: " + builder;
  return text;
}

}  // namespace alisio::calib
