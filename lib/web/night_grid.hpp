#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "lib/night/status.hpp"

/// A night in one small document: what programs are told of it, and what its page is drawn from.
namespace alisio::web {

/// Return the letter that stands for a status ("done", "failed", …) in the grid; '~' for a status
/// that it does not know.
[[nodiscard]] char status_letter(std::string_view status);
/// Return the status that a letter stands for, "no such job" for '_'.
[[nodiscard]] std::string_view status_of_letter(char letter);
/// All letters, the gravest first.
inline constexpr std::string_view status_letters = "X?#VDH>Q.:~=_";

/// Return the rows of a run, subrun by subrun, folded into one: of each subrun the gravest letter.
[[nodiscard]] std::string worst_of(const std::vector<std::string>& rows);

/// Return how a night stands: {"night": {…}, "progress": {…}, "stages": […in the order of the
/// work], "runs": [{run, type, subruns, quality, events}], "rows": {"11220 r0_to_dl1": "==>..X"},
/// "troubles": […], "more_troubles": N, "resources": [{stage, …}], "running": […],
/// "decisions": […], "notes": […]}. A row holds one
/// letter a subrun, from subrun 0; jobs of whole runs have one letter, those of the night stand
/// under run 0.
[[nodiscard]] nlohmann::json night_document(const night::NightStatus& status);

}  // namespace alisio::web
