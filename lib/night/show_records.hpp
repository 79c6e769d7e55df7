#pragma once
#include <filesystem>
#include <vector>

#include "lib/night/completeness.hpp"
#include "lib/night/state.hpp"

namespace alisio::night {

/// Write into the state how a night stands by what is recorded of it, for those who look on: of
/// nights that were rebuilt or imported, whose raw data may be gone and which no pass looks at if
/// they are closed. The next pass over an open one tells more.
/// @param products root of the tree
/// @param found what its runs should have, where it is known; may be empty
void show_records(State& state, const NightKey& night, const std::filesystem::path& products,
                  const std::vector<JobRecord>& jobs, const Completeness& found);

}  // namespace alisio::night
