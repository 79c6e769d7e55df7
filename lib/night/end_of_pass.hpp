#pragma once
#include <cstddef>
#include <filesystem>
#include <iosfwd>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "lib/night/closing.hpp"
#include "lib/night/messenger.hpp"
#include "lib/night/pass.hpp"

/// What a pass does when nothing is left to run: close the night if it is time, tell people.
namespace alisio::night {

/// Refuse a configuration by which the night could not be closed in the end, before the work. A key
/// that cannot sign is told, and keeps the night open.
/// @throws Error(configuration).
void check_closing(const config::Configuration& configuration);

/// Return whether the end of this pass is the time to close the night, or to go on with a closing
/// that was interrupted.
[[nodiscard]] bool closes_by_itself(const NightOptions& options, const ClosingPolicy& policy,
                                    const Pass& pass, bool complete, State& state,
                                    const NightKey& night);

/// Close a night at the end of a pass. What keeps it open is told with the pass, and seen by those
/// who look on. @returns whether it is closed
bool close_by_itself(const ClosingNight& night, std::ostream& out);

/// Return what becomes of a closing, even a forced one, while processes are under way.
[[nodiscard]] ClosingResult stays_open_for(std::size_t processes);

/// Return a night as its last pass showed it, as summary_json() makes it, when nothing is done
/// about it now: no job ran, and one more note says why.
[[nodiscard]] nlohmann::json shown_night(const std::filesystem::path& state_folder,
                                         const NightKey& night, const std::string& why);

/// Tell that a night is closed and what it lacks: in lines, or as JSON, which is shown_night() with
/// its seal.
/// @param missing as missing_of() returns it
void print_closed(const std::filesystem::path& state_folder, const ClosingRecord& closing,
                  const std::vector<std::string>& missing, bool as_json, std::ostream& out);

/// Return what a closing came to that was done before.
/// @param missing as missing_of() returns it
[[nodiscard]] ClosingResult closed_before(const ClosingRecord& closing,
                                          std::vector<std::string> missing);

/// Tell of a closing that could not be told when it was done, if that was in the last day: it was
/// interrupted then. What was told is not told again.
void tell_owed_closing(State& state, const ClosingRecord& closing,
                       const NotifyOptions& notifications);

/// Tell those who want to know what the night has come to.
void tell_of_end(Messenger& messenger, State& state, const NightKey& night, const PassOptions& how,
                 bool next_pass_follows, const ClosingPolicy& policy);

}  // namespace alisio::night
