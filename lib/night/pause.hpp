#pragma once
#include <optional>
#include <string>
#include <vector>

#include "lib/config/configuration.hpp"

namespace alisio::night {

/// A time of each day in which the telescope observes, and processing pauses or slows down.
struct PauseWindow {
  int start_s = 0,
      end_s = 0;  ///< s since midnight UTC; one that ends before it starts goes past it
};

/// Read "18:00-07:00", or several separated by commas; empty: none.
/// @throws Error(configuration) for what is no such time.
[[nodiscard]] std::vector<PauseWindow> parse_pause(const std::string& text);

/// When and how much processing pauses.
struct Pause {
  std::vector<PauseWindow> windows;
  int jobs = 0;  ///< processes at a time meanwhile; what runs already is left alone
};
[[nodiscard]] Pause pause_of(const config::Configuration& configuration);

/// Return, within a pause, in words until when and how: "no new job starts until 07:00 UTC
/// (night.pause)"; nothing outside.
/// @param unix_utc_s the instant
[[nodiscard]] std::optional<std::string> pause_text(const Pause& pause, double unix_utc_s);
/// The same, of this moment.
[[nodiscard]] std::optional<std::string> pause_text(const Pause& pause);

}  // namespace alisio::night
