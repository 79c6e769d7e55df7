#include "lib/night/lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/night/process.hpp"
#include "lib/night/state.hpp"

namespace alisio::night {

NightLock::~NightLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

NightLock::NightLock(NightLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), holder_(std::move(other.holder_)) {}

NightLock& NightLock::operator=(NightLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(holder_, other.holder_);
  return *this;
}

NightLock NightLock::take(const std::filesystem::path& file) {
  std::error_code failed;
  std::filesystem::create_directories(file.parent_path(), failed);
  NightLock lock;
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0)
    throw Error(ErrorKind::resource, std::string("cannot be opened: ") + std::strerror(errno),
                file.string(), "check paths.state of the configuration");
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    const int cause = errno;
    ::close(descriptor);
    if (cause != EWOULDBLOCK)
      throw Error(ErrorKind::resource, std::string("cannot be locked: ") + std::strerror(cause),
                  file.string());
    lock.holder_ = read_text_file(file);
    while (!lock.holder_.empty() && lock.holder_.back() == '\n') lock.holder_.pop_back();
    if (lock.holder_.empty()) lock.holder_ = "another process";
    return lock;
  }
  lock.descriptor_ = descriptor;
  const std::string text =
      fmt::format("process {} on {} since {}\n", ::getpid(), host_name(), utc_now_text());
  if (::ftruncate(descriptor, 0) != 0 ||
      ::pwrite(descriptor, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    throw Error(ErrorKind::resource, std::string("cannot be written: ") + std::strerror(errno),
                file.string(), "is the disk full?");
  return lock;
}

}  // namespace alisio::night
