#pragma once
#include <optional>
#include <string>
#include <vector>

#include "lib/config/configuration.hpp"
#include "lib/config/forms.hpp"

namespace alisio::night {

/// When and how much processing pauses.
struct Pause {
  std::vector<config::DayWindow> windows;  ///< in which the telescope observes
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
