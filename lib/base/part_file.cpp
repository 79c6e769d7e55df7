#include "lib/base/part_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <random>
#include <string_view>

#include "lib/base/hash.hpp"

namespace alisio {
namespace {

constexpr std::string_view mark = ".part-";

/// A number that stands for this machine.
std::string host_mark() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return hash_text(name).substr(0, 8);
}

}  // namespace

std::optional<PartFile> parse_part_name(const std::string& name) {
  const std::size_t at = name.rfind(mark);
  if (!name.starts_with('.') || at == std::string::npos || at < 2) return std::nullopt;
  const std::string rest = name.substr(at + mark.size());
  unsigned pid = 0;
  const auto [end, fault] = std::from_chars(rest.data(), rest.data() + rest.size(), pid, 16);
  if (fault != std::errc() || pid == 0 || end == rest.data() + rest.size() || *end != '-')
    return std::nullopt;
  PartFile part;
  part.target = name.substr(1, at - 1);
  part.pid = static_cast<pid_t>(pid);
  part.of_this_machine = rest.find(fmt::format("-{}-", host_mark())) != std::string::npos;
  return part;
}

std::string part_name(const std::string& target) {
  static std::atomic<unsigned> counter{0};
  std::random_device entropy;
  return fmt::format(".{}{}{:x}-{:x}-{}-{:x}", target, mark, static_cast<unsigned>(::getpid()),
                     counter++, host_mark(), entropy());
}

bool writer_lives(const PartFile& part) {
  return part.of_this_machine && (::kill(part.pid, 0) == 0 || errno != ESRCH);
}

}  // namespace alisio
