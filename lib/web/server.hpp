#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "lib/web/http.hpp"

namespace alisio::web {

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8642;  ///< 0: any that is free
  int threads = 4;
};

/// Answer requests until `stop` returns true; it is asked several times a second. GET and HEAD
/// only.
/// @param ready called once with the port, when the server takes connections.
/// @throws Error(resource) if the address cannot be had.
void serve(const Router& router, const ServerOptions& options,
           const std::function<void(std::uint16_t port)>& ready, const std::function<bool()>& stop);

}  // namespace alisio::web
