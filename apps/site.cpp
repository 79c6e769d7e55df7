#include "apps/site.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "lib/web/state_watcher.hpp"

namespace alisio::apps {

Site::Site(SiteOptions options, const Program& program)
    : options_(std::move(options)),
      definition_(prov::Definition::load(program.cfg_folder / "provenance/definition.yaml")),
      provenance_{.open = options_.open_index,
                  .definition = &definition_,
                  .give_files = options_.give_files,
                  .most_nodes = options_.most_nodes},
      nights_{.state_folder = options_.state_folder},
      api_{.state_folder = options_.state_folder,
           .openapi = program.cfg_folder / "web/openapi.yaml"},
      router_(web::night_pages(nights_)) {
  for (web::Router& more : std::vector{web::night_api(api_), web::provenance_pages(provenance_)})
    router_.insert(router_.end(), more.begin(), more.end());
}

void Site::serve(web::ServerOptions server, const std::function<void(std::uint16_t port)>& ready,
                 const std::function<bool()>& stop) {
  server.hub = std::make_shared<web::EventHub>();
  const web::StateWatcher watcher(options_.state_folder, server.hub,
                                  [this](night::State& state, const std::string& topic) {
                                    return web::topic_view(nights_, state, topic);
                                  });
  web::serve(router_, server, ready, stop);
}

web::ServerOptions server_options(const config::Configuration& configuration) {
  return {.address = configuration.text("web.address"),
          .port = static_cast<std::uint16_t>(configuration.integer("web.port")),
          .max_connections = static_cast<int>(configuration.integer("web.max_connections")),
          .max_connections_per_address =
              static_cast<int>(configuration.integer("web.max_connections_per_address"))};
}

std::string server_address(const web::ServerOptions& server, std::uint16_t port) {
  const bool v6 = server.address.find(':') != std::string::npos;
  return fmt::format("http://{}{}{}:{}/", v6 ? "[" : "", server.address, v6 ? "]" : "", port);
}

void warn_if_open(const web::ServerOptions& server) {
  if (!server.address.starts_with("127.") && server.address != "::1" &&
      server.address != "localhost")
    spdlog::warn("{} can be reached by others: they see everything on record, without an account",
                 server.address);
}

}  // namespace alisio::apps
