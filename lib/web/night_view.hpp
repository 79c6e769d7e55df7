#pragma once
#include <optional>
#include <string>

#include "lib/night/state.hpp"
#include "lib/night/status.hpp"
#include "lib/web/fragments.hpp"
#include "lib/web/state_watcher.hpp"

/// How nights look on a page.
namespace alisio::web {

/// Return the address of a night's page: "/nights/20240115/v1".
[[nodiscard]] std::string night_path(const night::NightKey& night);

/// Return the list of all nights. @param memory see nights_document().
[[nodiscard]] Fragments nights_view(night::State& state, NightsMemory& memory);

/// Return a night: progress, the grid of runs × subruns by stage, failures, what runs, resources,
/// products, notes. @param actions offer retry and veto.
[[nodiscard]] Fragments night_view(night::State& state, const night::NightStatus& status,
                                   bool actions);

/// Return a row of the grid as HTML: one letter a subrun, by tens, in the colours of its states.
[[nodiscard]] std::string grid_row(const std::string& id, const std::string& name,
                                   const std::string& letters);

/// Return the explanation of the letters.
[[nodiscard]] std::string grid_legend();

}  // namespace alisio::web
