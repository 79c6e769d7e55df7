#pragma once
#include <string>

#include "lib/night/state.hpp"

namespace alisio::night {

/// Put a line among the notes that the night's last pass showed, in the place of an earlier one of
/// its kind. Nothing happens if no pass has shown the night yet.
/// @param kind key of the line in the summary: late_raw_files, stays_open
/// @param text empty: there is no such line any more
void show_note(State& state, const NightKey& night, const std::string& kind,
               const std::string& text);

/// Take back from what the last pass showed that more raw files may come: the night is closed.
void show_over(State& state, const NightKey& night);

}  // namespace alisio::night
