#include "lib/daemon/supervisor.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>

namespace alisio::daemon {
namespace {

std::optional<long> number_in_environment(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  long value = 0;
  const std::string_view digits = text;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (problem != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

bool tell_supervisor(const std::string& lines) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return false;
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(path);
  if (length >= sizeof where.sun_path) return false;
  std::memcpy(where.sun_path, path, length);
  if (path[0] == '@') where.sun_path[0] = '\0';
  const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return false;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  // One that does not listen must not stop the daemon.
  const auto sent = ::sendto(descriptor, lines.data(), lines.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                             reinterpret_cast<const sockaddr*>(&where), size);
  ::close(descriptor);
  return sent == static_cast<ssize_t>(lines.size());
}

std::optional<std::chrono::microseconds> watchdog_period() {
  const auto limit_us = number_in_environment("WATCHDOG_USEC");
  const auto pid = number_in_environment("WATCHDOG_PID");
  if (!limit_us || *limit_us <= 0 || (pid && *pid != ::getpid())) return std::nullopt;
  return std::chrono::microseconds(*limit_us / 2);
}

std::string reloading_lines() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return fmt::format("RELOADING=1\nMONOTONIC_USEC={}",
                     now.tv_sec * 1'000'000LL + now.tv_nsec / 1000);
}

}  // namespace alisio::daemon
