#pragma once
#include <map>
#include <string>

#include "lib/night/state.hpp"

/// Productions of a night share what is made for all of them: constants, run summaries, levels of
/// cleaning.
namespace alisio::night {

/// By path, the production; of several, any.
using FilesOfOthers = std::map<std::string, std::string>;

/// Return the files that other productions of a night made or read.
[[nodiscard]] FilesOfOthers files_of_other_productions(State& state, const NightKey& night);

/// Return those of productions that are not closed.
[[nodiscard]] FilesOfOthers files_of_other_open_productions(State& state, const NightKey& night);

}  // namespace alisio::night
