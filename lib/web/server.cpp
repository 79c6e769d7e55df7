#include "lib/web/server.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "lib/base/error.hpp"
#include "lib/web/url.hpp"

namespace alisio::web {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

constexpr std::size_t most_header_bytes = 16 << 10;
constexpr std::size_t most_body_bytes = 64 << 10;
constexpr auto patience = std::chrono::seconds(30);

/// One connection: reads a request, answers it, and waits for the next one.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket&& socket, const Router& router)
      : stream_(std::move(socket)), router_(router) {}

  void read() {
    parser_.emplace();
    parser_->header_limit(most_header_bytes);
    parser_->body_limit(most_body_bytes);
    stream_.expires_after(patience);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](beast::error_code problem, std::size_t) {
                       self->on_read(problem);
                     });
  }

 private:
  void on_read(beast::error_code problem) {
    if (problem == http::error::end_of_stream) return close();
    if (problem && problem.category() == http::make_error_code(http::error::bad_method).category())
      return refuse(http::status::bad_request, "This is no request that can be answered.\n");
    if (problem) return;  // gone, or too slow
    const auto& in = parser_->get();
    if (in.method() != http::verb::get && in.method() != http::verb::head)
      return refuse(http::status::method_not_allowed, "Only GET and HEAD are answered.\n");
    Request request = parsed_target(std::string_view(in.target().data(), in.target().size()));
    if (const auto tag = in.find(http::field::if_none_match); tag != in.end())
      request.if_none_match = std::string(tag->value().data(), tag->value().size());
    Response response = answer(router_, request);
    if (response.file.empty())
      send_text(std::move(response));
    else
      send_file(response);
  }

  /// Set what every answer has.
  template <typename Message>
  void finish(Message& message, const Response& response) {
    message.version(parser_->get().version());
    message.keep_alive(parser_->get().keep_alive());
    message.set(http::field::content_type, response.content_type);
    for (const auto& [name, value] : response.headers) message.set(name, value);
  }

  void send_text(Response&& response) {
    auto message = std::make_shared<http::response<http::string_body>>();
    message->result(static_cast<unsigned>(response.status));
    finish(*message, response);
    const bool head = parser_->get().method() == http::verb::head;
    const std::size_t size = response.body.size();
    if (!head) message->body() = std::move(response.body);
    message->prepare_payload();
    if (head) message->content_length(size);
    write(message);
  }

  void send_file(const Response& response) {
    auto message = std::make_shared<http::response<http::file_body>>();
    beast::error_code problem;
    message->body().open(response.file.c_str(), beast::file_mode::scan, problem);
    if (problem) return refuse(http::status::not_found, "The file is not there any more.\n");
    Response described = response;
    described.content_type = "application/octet-stream";
    finish(*message, described);
    message->prepare_payload();
    if (parser_->get().method() != http::verb::head) return write(message);
    auto head = std::make_shared<http::response<http::empty_body>>();
    finish(*head, described);
    head->content_length(message->body().size());
    write(head);
  }

  void refuse(http::status status, const char* text) {
    auto message = std::make_shared<http::response<http::string_body>>(status, 11);
    message->set(http::field::content_type, "text/plain; charset=utf-8");
    message->keep_alive(false);
    message->body() = text;
    message->prepare_payload();
    write(message);
  }

  template <typename Body>
  void write(std::shared_ptr<http::response<Body>> message) {
    // A large file may take its time, as long as it moves: the writer is called for each piece.
    stream_.expires_after(patience);
    auto serializer = std::make_shared<http::response_serializer<Body>>(*message);
    write_some(std::move(message), std::move(serializer));
  }

  template <typename Message, typename Serializer>
  void write_some(std::shared_ptr<Message> message, std::shared_ptr<Serializer> serializer) {
    http::async_write_some(
        stream_, *serializer,
        [self = shared_from_this(), message, serializer](beast::error_code problem, std::size_t) {
          if (problem) return;
          if (!serializer->is_done()) {
            self->stream_.expires_after(patience);
            return self->write_some(message, serializer);
          }
          if (message->need_eof()) return self->close();
          self->read();
        });
  }

  void close() {
    beast::error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  beast::tcp_stream stream_;
  const Router& router_;
  beast::flat_buffer buffer_{most_header_bytes + most_body_bytes};
  std::optional<http::request_parser<http::string_body>> parser_;
};

void accept(tcp::acceptor& acceptor, asio::io_context& context, const Router& router) {
  acceptor.async_accept(
      asio::make_strand(context),
      [&acceptor, &context, &router](beast::error_code problem, tcp::socket socket) {
        if (!problem) std::make_shared<Connection>(std::move(socket), router)->read();
        if (acceptor.is_open()) accept(acceptor, context, router);
      });
}

}  // namespace

void serve(const Router& router, const ServerOptions& options,
           const std::function<void(std::uint16_t port)>& ready,
           const std::function<bool()>& stop) {
  asio::io_context context(options.threads);
  tcp::acceptor acceptor(context);
  const auto taken = [&](const std::string& why) {
    return Error(ErrorKind::resource, "the address cannot be had: " + why,
                 fmt::format("{}:{}", options.address, options.port),
                 "is another server running there? choose another --port");
  };
  try {
    const std::string name = options.address == "localhost" ? "127.0.0.1" : options.address;
    const tcp::endpoint endpoint(asio::ip::make_address(name), options.port);
    acceptor.open(endpoint.protocol());
    acceptor.set_option(asio::socket_base::reuse_address(true));
    acceptor.bind(endpoint);
    acceptor.listen();
  } catch (const boost::system::system_error& problem) {
    throw taken(problem.code().message());
  }
  accept(acceptor, context, router);
  std::vector<std::jthread> threads;
  for (int i = 0; i < options.threads; ++i) threads.emplace_back([&context] { context.run(); });
  ready(acceptor.local_endpoint().port());
  while (!stop()) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  context.stop();
}

}  // namespace alisio::web
