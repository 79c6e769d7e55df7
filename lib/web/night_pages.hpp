#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "lib/night/state.hpp"
#include "lib/web/check_plots.hpp"
#include "lib/web/fragments.hpp"
#include "lib/web/http.hpp"
#include "lib/web/state_watcher.hpp"

namespace alisio::web {

/// What the pages of nights are made from.
struct NightSource {
  std::filesystem::path state_folder;
  bool actions = false;  ///< offer retry and veto (see actions.hpp)
  bool closing = false;  ///< offer to close the night
  CheckPlotSource plots = {};
  std::shared_ptr<NightsMemory> memory = std::make_shared<NightsMemory>();
};

/// Return the pages `/`, `/nights/DATE`, `/nights/DATE/PROD` and below it `run/RUN[/SUBRUN]`,
/// `log/STAGE/RUN[/SUBRUN]`, `plot/RUN[/SUBRUN]/NAME.svg`, `file/NAME`, and
/// `/events[?night=DATE/PROD]`. They refer to the source. Logs and files are those that the state
/// names, nothing else.
[[nodiscard]] Router night_pages(const NightSource& source);

/// Draw what the listeners of a topic see, for a StateWatcher.
[[nodiscard]] std::optional<Fragments> topic_view(const NightSource& source, night::State& state,
                                                  const std::string& topic);

}  // namespace alisio::web
