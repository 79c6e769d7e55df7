#include "lib/web/server.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cctype>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
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
using Clock = std::chrono::steady_clock;

constexpr std::size_t most_header_bytes = 16 << 10;
constexpr std::size_t most_body_bytes = 64 << 10;
/// The kernel's store for a slow listener; two hundred of them must not fill the memory.
constexpr int stream_send_buffer_bytes = 128 << 10;
/// Pause after a connection could not be taken: descriptors are short, and asking again at once
/// would burn a core.
constexpr auto accept_pause = std::chrono::milliseconds(100);

constexpr http::field kept_headers[] = {http::field::content_type, http::field::authorization,
                                        http::field::cookie, http::field::origin,
                                        http::field::host};

/// Counts the connections, in total and by address.
class Door {
 public:
  explicit Door(const ServerOptions& options) : options_(options) {}

  [[nodiscard]] bool enter(const std::string& address) {
    const std::lock_guard lock(mutex_);
    int& inside = inside_[address];
    if (total_ >= options_.max_connections || inside >= options_.max_connections_per_address) {
      if (inside == 0) inside_.erase(address);
      return false;
    }
    ++inside;
    ++total_;
    return true;
  }
  void leave(const std::string& address) {
    const std::lock_guard lock(mutex_);
    --total_;
    if (--inside_[address] == 0) inside_.erase(address);
  }

 private:
  const ServerOptions& options_;
  std::mutex mutex_;
  std::map<std::string, int> inside_;
  int total_ = 0;
};

/// A place inside the door, for as long as a connection lives.
class Place {
 public:
  Place(Door& door, std::string address) : door_(&door), address_(std::move(address)) {}
  ~Place() {
    if (door_ != nullptr) door_->leave(address_);
  }
  Place(Place&& other) noexcept
      : door_(std::exchange(other.door_, nullptr)), address_(std::move(other.address_)) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  Place& operator=(Place&&) = delete;

  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  Door* door_;
  std::string address_;
};

std::chrono::milliseconds patience(const ServerOptions& options) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(options.patience_s * 1000));
}

/// One event stream. It is kept alive by its pending reads and writes, hence by its socket.
class EventStream : public EventSink, public std::enable_shared_from_this<EventStream> {
 public:
  EventStream(tcp::socket&& socket, Place place, const ServerOptions& options)
      : socket_(std::move(socket)), place_(std::move(place)), options_(options) {
    beast::error_code ignored;
    socket_.set_option(asio::socket_base::send_buffer_size(stream_send_buffer_bytes), ignored);
    socket_.set_option(tcp::no_delay(true), ignored);
  }

  void begin(std::string head) {
    push(std::make_shared<const std::string>(std::move(head)));
    listen_for_end();
  }
  void take(EventText text) override {
    asio::post(socket_.get_executor(),
               [self = shared_from_this(), text = std::move(text)] { self->push(text); });
  }

 private:
  void push(EventText text) {
    if (!socket_.is_open()) return;
    const bool stuck = !writing_.empty() && Clock::now() - write_began_ > patience(options_);
    if (stuck || waiting_.size() >= options_.max_waiting_events) return close();
    waiting_.push_back(std::move(text));
    if (writing_.empty()) write();
  }

  void write() {
    writing_.assign(waiting_.begin(), waiting_.end());
    waiting_.clear();
    std::vector<asio::const_buffer> buffers;
    buffers.reserve(writing_.size());
    for (const EventText& text : writing_) buffers.emplace_back(text->data(), text->size());
    write_began_ = Clock::now();
    asio::async_write(socket_, buffers,
                      [self = shared_from_this()](beast::error_code problem, std::size_t) {
                        self->writing_.clear();
                        if (problem) return self->close();
                        if (!self->waiting_.empty()) self->write();
                      });
  }

  /// A client has nothing more to say: what comes is its end.
  void listen_for_end() {
    socket_.async_read_some(asio::buffer(unasked_),
                            [self = shared_from_this()](beast::error_code problem, std::size_t) {
                              if (problem) return self->close();
                              self->listen_for_end();
                            });
  }

  void close() {
    beast::error_code ignored;
    socket_.close(ignored);
    waiting_.clear();
  }

  tcp::socket socket_;
  Place place_;
  const ServerOptions& options_;
  std::deque<EventText> waiting_;
  std::vector<EventText> writing_;
  Clock::time_point write_began_;
  std::array<char, 256> unasked_{};
};

/// One connection: reads a request, answers it, and waits for the next one.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket&& socket, Place place, const Router& router, const ServerOptions& options)
      : stream_(std::move(socket)), place_(std::move(place)), router_(router), options_(options) {}

  void read() {
    parser_.emplace();
    parser_->header_limit(most_header_bytes);
    parser_->body_limit(most_body_bytes);
    stream_.expires_after(patience(options_));
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](beast::error_code problem, std::size_t) {
                       self->on_read(problem);
                     });
  }

 private:
  void on_read(beast::error_code problem) {
    if (problem == http::error::end_of_stream) return close();
    if (problem == http::error::header_limit)
      return refuse(http::status::request_header_fields_too_large, "The headers are too long.\n");
    if (problem == http::error::body_limit)
      return refuse(http::status::payload_too_large, "The request is too long.\n");
    if (problem && problem.category() == http::make_error_code(http::error::bad_method).category())
      return refuse(http::status::bad_request, "This is no request that can be answered.\n");
    if (problem) return;  // gone, or too slow
    const http::verb method = parser_->get().method();
    if (method != http::verb::get && method != http::verb::head && method != http::verb::post)
      return refuse(http::status::method_not_allowed,
                    "Only GET, HEAD and, from the pages themselves, POST are answered.\n");
    Response response = answer(router_, request());
    if (!response.events.empty())
      send_events(response);
    else if (response.file.empty())
      send_text(std::move(response));
    else
      send_file(response);
  }

  [[nodiscard]] Request request() const {
    const auto& in = parser_->get();
    Request request = parsed_target(std::string_view(in.target().data(), in.target().size()));
    if (in.method() == http::verb::post) request.method = "POST";
    request.body = in.body();
    request.client = place_.address();
    if (const auto tag = in.find(http::field::if_none_match); tag != in.end())
      request.if_none_match = std::string(tag->value().data(), tag->value().size());
    const auto keep = [&](std::string name, const auto& found) {
      if (found != in.end())
        request.headers[std::move(name)] =
            std::string(found->value().data(), found->value().size());
    };
    for (const http::field field : kept_headers) {
      std::string name(http::to_string(field));
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      keep(std::move(name), in.find(field));
    }
    keep("sec-fetch-site", in.find("Sec-Fetch-Site"));
    return request;
  }

  void send_events(const Response& response) {
    if (!options_.hub) return refuse(http::status::not_found, "There are no events here.\n");
    http::response<http::empty_body> head(http::status::ok, 11);
    head.set(http::field::content_type, "text/event-stream; charset=utf-8");
    head.set(http::field::cache_control, "no-store");
    head.set("X-Accel-Buffering", "no");
    for (const auto& [name, value] : response.headers) head.set(name, value);
    head.keep_alive(false);
    if (parser_->get().method() == http::verb::head)
      return write(std::make_shared<http::response<http::empty_body>>(std::move(head)));
    stream_.expires_never();
    auto stream =
        std::make_shared<EventStream>(stream_.release_socket(), std::move(place_), options_);
    stream->begin((std::ostringstream() << head.base()).str() + "retry: 2000\n\n");
    options_.hub->listen(response.events, stream);
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
    finish(*message, response);
    message->prepare_payload();
    if (parser_->get().method() != http::verb::head) return write(message);
    auto head = std::make_shared<http::response<http::empty_body>>();
    finish(*head, response);
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
    stream_.expires_after(patience(options_));
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
            self->stream_.expires_after(patience(self->options_));
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
  Place place_;
  const Router& router_;
  const ServerOptions& options_;
  beast::flat_buffer buffer_{most_header_bytes + most_body_bytes};
  std::optional<http::request_parser<http::string_body>> parser_;
};

/// Tell a client that there are too many already, without waiting for it.
void turn_away(tcp::socket socket) {
  constexpr std::string_view text =
      "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\n"
      "Content-Length: 0\r\n\r\n";
  beast::error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(text), ignored);
  socket.close(ignored);
}

class Acceptor {
 public:
  Acceptor(asio::io_context& context, Door& door, const Router& router,
           const ServerOptions& options)
      : context_(context),
        acceptor_(context),
        pause_(context),
        door_(door),
        router_(router),
        options_(options) {}

  void open() {
    const std::string name = options_.address == "localhost" ? "127.0.0.1" : options_.address;
    const tcp::endpoint endpoint(asio::ip::make_address(name), options_.port);
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(asio::socket_base::reuse_address(true));
    acceptor_.bind(endpoint);
    acceptor_.listen();
  }
  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  void accept() {
    acceptor_.async_accept(asio::make_strand(context_),
                           [this](beast::error_code problem, tcp::socket socket) {
                             if (problem) return accept_later();
                             accept();
                             receive(std::move(socket));
                           });
  }

 private:
  void accept_later() {
    pause_.expires_after(accept_pause);
    pause_.async_wait([this](beast::error_code stopped) {
      if (!stopped) accept();
    });
  }

  void receive(tcp::socket socket) {
    beast::error_code gone;
    const std::string address = socket.remote_endpoint(gone).address().to_string();
    if (gone) return;
    if (!door_.enter(address)) return turn_away(std::move(socket));
    std::make_shared<Connection>(std::move(socket), Place(door_, address), router_, options_)
        ->read();
  }

  asio::io_context& context_;
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  Door& door_;
  const Router& router_;
  const ServerOptions& options_;
};

struct ContextStop {
  asio::io_context& context;
  ~ContextStop() { context.stop(); }
};

/// Answer until the context is stopped. What one connection throws ends that connection alone.
void work(asio::io_context& context) {
  for (;;) {
    try {
      context.run();
      return;
    } catch (const std::exception& problem) {
      spdlog::error("a connection ended: {}", problem.what());
    }
  }
}

}  // namespace

void serve(const Router& router, const ServerOptions& options,
           const std::function<void(std::uint16_t port)>& ready,
           const std::function<bool()>& stop) {
  // The order matters: connections, which the context holds to its end, leave by the door.
  Door door(options);
  asio::io_context context(options.threads);
  Acceptor acceptor(context, door, router, options);
  try {
    acceptor.open();
  } catch (const boost::system::system_error& problem) {
    throw Error(ErrorKind::resource, "the address cannot be had: " + problem.code().message(),
                fmt::format("{}:{}", options.address, options.port),
                "is another server running there? choose another --port");
  }
  acceptor.accept();
  {
    std::vector<std::jthread> threads;
    // Threads end with the context, whatever ready() or stop() throws.
    const ContextStop stop_at_the_end{context};
    for (int i = 0; i < options.threads; ++i) threads.emplace_back([&context] { work(context); });
    ready(acceptor.port());
    while (!stop()) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  if (options.hub) options.hub->release();
}

}  // namespace alisio::web
