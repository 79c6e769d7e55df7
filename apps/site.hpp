#pragma once
#include <functional>
#include <memory>
#include <string>

#include "apps/commands.hpp"
#include "lib/config/configuration.hpp"
#include "lib/web/actions.hpp"
#include "lib/web/api.hpp"
#include "lib/web/night_pages.hpp"
#include "lib/web/provenance_pages.hpp"
#include "lib/web/server.hpp"

namespace alisio::apps {

/// What the server serves: nights from the state, provenance from its index.
struct SiteOptions {
  std::filesystem::path state_folder;
  std::function<prov::Store()> open_index;
  bool give_files = true;
  std::size_t most_nodes = 2000;      ///< of a walk through provenance
  std::string token;                  ///< that allows to act; empty: the pages are read-only
  std::filesystem::path config_file;  ///< handed to the commands that act
  std::function<void()> acted = {};   ///< called after each that was done
};

/// All pages of the program, for `alisio web` and the daemon. Neither copied nor moved: the pages
/// refer to it.
class Site {
 public:
  Site(SiteOptions options, const Program& program);
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  /// Serve until `stop` returns true; prints nothing. @throws Error(resource), as web::serve().
  void serve(web::ServerOptions server, const std::function<void(std::uint16_t port)>& ready,
             const std::function<bool()>& stop);

 private:
  SiteOptions options_;
  prov::Definition definition_;
  web::ProvenanceSource provenance_;
  web::NightSource nights_;
  web::ApiSource api_;
  web::ActionSource actions_;
  web::Router router_;
};

/// Return what the section `web` of a configuration says of the server.
[[nodiscard]] web::ServerOptions server_options(const config::Configuration& configuration);

/// Return the token that `web.token_file` holds, or nothing if none is configured.
/// @throws Error, as web::read_token().
[[nodiscard]] std::string token_of(const config::Configuration& configuration);

/// Return the address of a server for a browser: "http://127.0.0.1:8642/".
[[nodiscard]] std::string server_address(const web::ServerOptions& server, std::uint16_t port);

/// Warn if others than this machine can reach an address.
void warn_if_open(const web::ServerOptions& server);

}  // namespace alisio::apps
