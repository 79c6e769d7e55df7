#pragma once
#include <chrono>
#include <optional>
#include <string>

/// What systemd is told and asks for, by its plain protocol: datagrams of "KEY=VALUE" lines to the
/// socket that $NOTIFY_SOCKET names (see sd_notify(3)).
namespace alisio::daemon {

/// Tell the supervisor something: "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=…". Nothing
/// happens where there is no supervisor; that it cannot be reached is no reason to stop working.
/// @returns whether it was sent.
bool tell_supervisor(const std::string& lines);

/// Return how often the supervisor wants to hear WATCHDOG=1 from this process, half of its limit;
/// nothing if it does not ask.
[[nodiscard]] std::optional<std::chrono::microseconds> watchdog_period();

/// Return "RELOADING=1" with the time that goes with it.
[[nodiscard]] std::string reloading_lines();

}  // namespace alisio::daemon
