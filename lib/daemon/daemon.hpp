#pragma once
#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/ids.hpp"
#include "lib/config/configuration.hpp"

namespace alisio::daemon {

/// What the daemon works with besides the state and the raw data.
struct DaemonServices {
  std::filesystem::path executable;   ///< runs passes: `alisio night DATE --pass …`
  std::filesystem::path config_file;  ///< handed to them; may be empty
  /// Read the configuration anew. @throws Error(configuration).
  std::function<config::Configuration()> load;
  /// Serve the page, until what is returned is destroyed; null: there is no page.
  std::function<std::shared_ptr<void>(const config::Configuration&)> serve;
  std::vector<NightDate> nights;  ///< to take care of besides the last ones
  /// Set from any thread to have all nights looked at anew: something was decided.
  std::shared_ptr<std::atomic<bool>> woken = std::make_shared<std::atomic<bool>>(false);
};

/// Take care of the nights until SIGTERM or SIGINT: watch the raw data, start passes as subruns
/// become complete, one at a time, the latest night first; open nights are passed over again every
/// daemon.pass_every_s. SIGHUP reads the configuration anew; a wrong one is refused and the old one
/// kept. On SIGTERM the pass under way hands its jobs back and is waited for.
/// Must be called before other threads exist: it blocks these signals for all of them.
/// @returns 0. @throws Error(resource) if another daemon works on the same state.
[[nodiscard]] int run_daemon(const DaemonServices& services);

}  // namespace alisio::daemon
