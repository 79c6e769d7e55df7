#include "lib/web/server.hpp"

#include <fmt/format.h>
#include <httplib.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <thread>

#include "lib/base/error.hpp"

namespace alisio::web {
namespace {

void send_file(const std::filesystem::path& file, httplib::Response& out) {
  auto stream = std::make_shared<std::ifstream>(file, std::ios::binary);
  std::error_code problem;
  const auto size = std::filesystem::file_size(file, problem);
  if (!*stream || problem) {
    out.status = 404;
    return;
  }
  out.set_content_provider(
      size, "application/octet-stream",
      [stream](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
        std::string block(std::min<std::size_t>(length, std::size_t{1} << 20), '\0');
        stream->seekg(static_cast<std::streamoff>(offset));
        stream->read(block.data(), static_cast<std::streamsize>(block.size()));
        if (stream->gcount() <= 0) return false;
        return sink.write(block.data(), static_cast<std::size_t>(stream->gcount()));
      });
}

}  // namespace

void serve(const Router& router, const ServerOptions& options,
           const std::function<void(std::uint16_t port)>& ready,
           const std::function<bool()>& stop) {
  httplib::Server server;
  const int threads = options.threads;
  server.new_task_queue = [threads] {
    return new httplib::ThreadPool(static_cast<std::size_t>(threads));
  };
  // Its usual options let a second server take the same port.
  server.set_socket_options([](socket_t socket) {
    const int on = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  });
  server.set_payload_max_length(64 << 10);
  server.set_read_timeout(10);
  server.set_write_timeout(60);
  server.set_keep_alive_max_count(100);
  server.Get(".*", [&router](const httplib::Request& in, httplib::Response& out) {
    Request request{.path = in.path, .query = {}, .if_none_match = {}};
    for (const auto& [name, value] : in.params) request.query.emplace_back(name, value);
    request.if_none_match = in.get_header_value("If-None-Match");
    Response response = answer(router, request);
    out.status = response.status;
    for (const auto& [name, value] : response.headers) out.set_header(name, value);
    if (!response.file.empty())
      send_file(response.file, out);
    else
      out.set_content(std::move(response.body), response.content_type);
  });
  int port = options.port;
  if (port == 0)
    port = server.bind_to_any_port(options.address);
  else if (!server.bind_to_port(options.address, port))
    port = -1;
  if (port <= 0)
    throw Error(ErrorKind::resource, "the address cannot be had",
                fmt::format("{}:{}", options.address, options.port),
                "is another server running there? choose another --port");
  std::jthread listener([&server] { server.listen_after_bind(); });
  ready(static_cast<std::uint16_t>(port));
  while (!stop()) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  server.stop();
}

}  // namespace alisio::web
