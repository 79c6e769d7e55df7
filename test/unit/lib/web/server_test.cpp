// The server on a real socket: those who mean no good, and those who only listen.
#include "lib/web/server.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

namespace alisio::web {
namespace {

/// A client's end of a connection.
class Client {
 public:
  explicit Client(std::uint16_t port, int receive_buffer = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{10, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (receive_buffer > 0)
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0;
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void say(const std::string& text) const {
    ASSERT_TRUE(connected_);
    [[maybe_unused]] const auto sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
  }
  /// Read until a text comes, or the end.
  std::string until(const std::string& text) {
    std::string got;
    char piece[4096];
    while (got.find(text) == std::string::npos) {
      const auto n = ::recv(socket_, piece, sizeof piece, 0);
      if (n <= 0) {
        ended_ = n == 0 || errno == ECONNRESET;
        break;
      }
      got.append(piece, static_cast<std::size_t>(n));
    }
    return got;
  }
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  int socket_;
  bool connected_ = false, ended_ = false;
};

class ServerTest : public testing::Test {
 protected:
  void start() {
    options_.port = 0;
    options_.threads = 2;
    options_.hub = hub_;
    std::promise<std::uint16_t> ready;
    auto port = ready.get_future();
    thread_ = std::jthread([this, &ready] {
      serve(
          router_, options_, [&ready](std::uint16_t taken) { ready.set_value(taken); },
          [this] { return stop_.load(); });
    });
    port_ = port.get();
  }
  void TearDown() override { stop_ = true; }

  std::string get(const std::string& path) const {
    Client client(port_);
    client.say("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    return client.until("no such text");
  }
  /// Look until something holds; the server may need a moment.
  static bool soon(const std::function<bool()>& condition) {
    for (int i = 0; i < 1000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }

  const Router router_{{"/", [](const Request&) { return plain_line(200, "first"); }},
                       {"/events",
                        [](const Request&) {
                          Response response;
                          response.events = "topic";
                          return response;
                        }},
                       {"POST /act", [](const Request& request) {
                          return plain_line(200, request.body + "|" +
                                                     request.header("content-type") + "|" +
                                                     request.header("sec-fetch-site"));
                        }}};
  std::shared_ptr<EventHub> hub_ = std::make_shared<EventHub>();
  ServerOptions options_;
  std::atomic<bool> stop_ = false;
  std::uint16_t port_ = 0;
  std::jthread thread_;
};

constexpr const char* listen_request = "GET /events HTTP/1.1\r\nHost: x\r\n\r\n";

TEST_F(ServerTest, AnswersAndTakesPostsWhereTheRouterHasThem) {
  start();
  EXPECT_NE(get("/").find("first"), std::string::npos);
  Client client(port_);
  client.say(
      "POST /act HTTP/1.1\r\nHost: x\r\nContent-Type: text/x\r\nSec-Fetch-Site: none\r\n"
      "Content-Length: 2\r\n\r\nab");
  EXPECT_NE(client.until("none").find("ab|text/x|none"), std::string::npos);
  client.say("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
  EXPECT_NE(client.until("\r\n\r\n").find("405"), std::string::npos);
  client.say("DELETE / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(client.until("\r\n\r\n").find("405"), std::string::npos);
}

TEST_F(ServerTest, EndsWithWhatItsCallerThrows) {
  options_.port = 0;
  const auto fail = [](const char* what) { throw std::runtime_error(what); };
  EXPECT_THROW(serve(
                   router_, options_, [&](std::uint16_t) { fail("ready"); }, [] { return false; }),
               std::runtime_error);
  EXPECT_THROW(serve(
                   router_, options_, [](std::uint16_t) {},
                   [&]() -> bool {
                     fail("stop");
                     return true;
                   }),
               std::runtime_error);
}

TEST_F(ServerTest, ManyListenWithoutAThreadEach) {
  start();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(std::make_unique<Client>(port_));
    clients.back()->say(listen_request);
  }
  ASSERT_TRUE(soon([&] { return hub_->listeners() == 200; })) << hub_->listeners();
  ASSERT_TRUE(hub_->begin_round().at("topic"));
  hub_->publish("topic", event_text("whole", "1"), "");
  hub_->publish("topic", event_text("whole", "2"), event_text("change", "2"));
  for (const auto& client : clients) {
    const std::string got = client->until("event: change\ndata: 2\n\n");
    EXPECT_NE(got.find("text/event-stream"), std::string::npos);
    EXPECT_NE(got.find("event: whole\ndata: 1\n\n"), std::string::npos);
    EXPECT_NE(got.find("event: change\ndata: 2\n\n"), std::string::npos);
  }
  EXPECT_NE(get("/").find("first"), std::string::npos);
  clients.clear();
  EXPECT_TRUE(soon([&] { return hub_->listeners() == 0; })) << hub_->listeners();
}

TEST_F(ServerTest, AListenerThatDoesNotReadIsHungUpOn) {
  options_.max_waiting_events = 8;
  start();
  Client slow(port_, 4096), quick(port_);
  slow.say(listen_request);
  quick.say(listen_request);
  ASSERT_TRUE(soon([&] { return hub_->listeners() == 2; }));
  ASSERT_TRUE(hub_->begin_round().at("topic"));
  const std::string much(100000, 'x');
  hub_->publish("topic", event_text("whole", "0"), "");
  quick.until("data: 0\n\n");
  for (int i = 0; i < 1000 && hub_->listeners() == 2; ++i) {
    const std::string mark = "mark" + std::to_string(i);
    hub_->publish("topic", "w", event_text("change", much + mark));
    EXPECT_NE(quick.until(mark).find(mark), std::string::npos);
  }
  EXPECT_EQ(hub_->listeners(), 1u) << "the slow one is still held";
}

TEST_F(ServerTest, SlowHeadersEnd) {
  options_.patience_s = 0.2;
  start();
  Client slow(port_);
  slow.say("GET / HTTP/1.1\r\n");
  std::atomic<bool> ended = false;
  std::jthread reader([&] {
    slow.until("never");
    ended = true;
  });
  // What trickles in does not renew the time.
  for (int i = 0; i < 200 && !ended; ++i) {
    slow.say("X-A: b\r\n");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_TRUE(ended);
  EXPECT_NE(get("/").find("first"), std::string::npos);
}

TEST_F(ServerTest, HugeRequestsAreRefused) {
  start();
  Client headers(port_);
  headers.say("GET / HTTP/1.1\r\nX: " + std::string(20000, 'a') + "\r\n\r\n");
  EXPECT_NE(headers.until("\r\n\r\n").find("431"), std::string::npos);
  Client body(port_);
  body.say("POST /act HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n");
  EXPECT_NE(body.until("\r\n\r\n").find("413"), std::string::npos);
  EXPECT_NE(get("/").find("first"), std::string::npos);
}

TEST_F(ServerTest, AFloodFromOneAddressIsTurnedAwayAndPasses) {
  options_.max_connections_per_address = 5;
  start();
  {
    std::vector<std::unique_ptr<Client>> flood;
    for (int i = 0; i < 5; ++i) flood.push_back(std::make_unique<Client>(port_));
    Client more(port_);
    EXPECT_NE(more.until("\r\n\r\n").find("503"), std::string::npos);
    EXPECT_NE(more.until("x").find(""), std::string::npos);
    flood[0]->say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_NE(flood[0]->until("first").find("first"), std::string::npos) << "who is in is served";
  }
  EXPECT_TRUE(soon([&] { return get("/").find("first") != std::string::npos; }));
}

TEST_F(ServerTest, TheTotalIsLimitedToo) {
  options_.max_connections = 3;
  start();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<Client>(port_));
    clients.back()->say(listen_request);
  }
  ASSERT_TRUE(soon([&] { return hub_->listeners() == 3; })) << "streams keep their place";
  Client more(port_);
  EXPECT_NE(more.until("\r\n\r\n").find("503"), std::string::npos);
}

}  // namespace
}  // namespace alisio::web
