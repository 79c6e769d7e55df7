#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lib/config/configuration.hpp"
#include "lib/night/state.hpp"
#include "lib/night/status.hpp"

namespace alisio::night {

/// Something that people want to be told of.
struct NightEvent {
  std::string kind;  ///< job_failed, gates_failed, night_complete, night_incomplete, night_closed
  /// By these it is known that it was told: what has one that is new is told.
  std::vector<std::string> marks;
  std::string text;      ///< a few lines for a person, the first is a subject
  nlohmann::json facts;  ///< for a program
};

/// The kinds, in the order of NightEvent::kind.
[[nodiscard]] const std::vector<std::string>& event_kinds();

/// How people are told.
struct NotifyOptions {
  std::string command;          ///< for the shell; gets the event as JSON; empty: none
  std::string mail;             ///< address; empty: none
  std::string sendmail;         ///< program
  std::vector<std::string> on;  ///< kinds of events
  double time_limit_s = 30;     ///< of each command
};
/// @throws Error(configuration) for an unknown kind of event and an address that is none.
[[nodiscard]] NotifyOptions notify_options(const config::Configuration& configuration);

/// Return what there is to tell of a night at the end of a pass.
/// @param closed_at when it was closed; empty: it is open
[[nodiscard]] std::vector<NightEvent> events_of(const NightStatus& status,
                                                const std::string& closed_at);

/// Tell what has not been told of a night yet, and record that it was. What goes wrong is a
/// warning, and is tried again at the next pass: a night does not fail by its messages.
void notify(State& state, const NightKey& night, const NotifyOptions& options,
            const std::vector<NightEvent>& events);

}  // namespace alisio::night
