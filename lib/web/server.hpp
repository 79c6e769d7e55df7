#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "lib/web/event_hub.hpp"
#include "lib/web/http.hpp"

namespace alisio::web {

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8642;  ///< 0: any that is free
  int threads = 4;            ///< that answer; event streams need none of their own
  int max_connections = 512;
  int max_connections_per_address = 256;
  /// How long a client may take over one request, or over a piece of an answer, seconds.
  double patience_s = 15;
  /// Pieces of an event stream that may wait for a client before it is hung up on.
  std::size_t max_waiting_events = 32;
  /// Where answers with `events` listen; null: they are refused.
  std::shared_ptr<EventHub> hub = {};
};

/// Answer requests until `stop` returns true; it is asked several times a second. GET, HEAD, and
/// POST where the router has it. Clients that are slow, send too much or come too many at once are
/// hung up on; the others do not notice.
/// @param ready called once with the port, when the server takes connections.
/// @throws Error(resource) if the address cannot be had.
void serve(const Router& router, const ServerOptions& options,
           const std::function<void(std::uint16_t port)>& ready, const std::function<bool()>& stop);

}  // namespace alisio::web
