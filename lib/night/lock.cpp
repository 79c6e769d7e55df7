#include "lib/night/lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <sstream>
#include <thread>
#include <utility>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/night/process.hpp"
#include "lib/night/state.hpp"

namespace alisio::night {
namespace {

/// How often to look again, every 20 ms, when the holder has died or somebody only looked on.
constexpr int patience_tries = 250;

/// Return what a lock file says of its holder, without the end of the line.
std::string read_holder(const std::filesystem::path& file) {
  std::string holder = read_text_file(file);
  while (!holder.empty() && holder.back() == '\n') holder.pop_back();
  return holder;
}

/// Tell whether the holder named in a lock file was a process of this machine that is gone. A child
/// that it had just forked may keep the lock for a moment longer.
bool is_dead_here(const std::string& holder) {
  std::istringstream words(holder);
  std::string process, on, host;
  pid_t pid = 0;
  return words >> process >> pid >> on >> host && host == host_name() &&
         process_start_time(pid) == 0;
}

}  // namespace

std::filesystem::path shared_lock_file(const std::filesystem::path& state_folder,
                                       const NightKey& night) {
  return state_folder /
         fmt::format("{}_{}.shared.lock", telescope_text(night.telescope), night.date.compact());
}

std::filesystem::path night_lock_file(const std::filesystem::path& state_folder,
                                      const NightKey& night) {
  return state_folder / fmt::format("{}_{}_{}.lock", telescope_text(night.telescope),
                                    night.date.compact(), night.prod_id);
}

NightLock::~NightLock() {
  if (descriptor_ < 0) return;
  // Should the text stay, it names nobody for long: whoever looks asks for the lock, too.
  [[maybe_unused]] const int emptied = ::ftruncate(descriptor_, 0);
  ::close(descriptor_);
}

NightLock::NightLock(NightLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), holder_(std::move(other.holder_)) {}

NightLock& NightLock::operator=(NightLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(holder_, other.holder_);
  return *this;
}

NightLock NightLock::wait(const std::filesystem::path& file, int patience_s,
                          const std::string& what, const std::string& remedy) {
  for (int tenth = 0;; ++tenth) {
    NightLock lock = take(file);
    if (lock.holds()) return lock;
    if (tenth >= 10 * patience_s)
      throw Error(ErrorKind::resource, fmt::format("{} by {}", what, lock.holder()), file.string(),
                  remedy);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

NightLock NightLock::take(const std::filesystem::path& file) {
  make_folder(file.parent_path());
  NightLock lock;
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0)
    throw Error(ErrorKind::resource, std::string("cannot be opened: ") + std::strerror(errno),
                file.string(), "check paths.state of the configuration");
  int tries = 0;
  while (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    const int cause = errno;
    lock.holder_ = read_holder(file);
    const bool passing = lock.holder_.empty() || is_dead_here(lock.holder_);
    if (cause == EWOULDBLOCK && ++tries < patience_tries && passing) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      continue;
    }
    ::close(descriptor);
    if (cause != EWOULDBLOCK)
      throw Error(ErrorKind::resource, std::string("cannot be locked: ") + std::strerror(cause),
                  file.string());
    if (lock.holder_.empty()) lock.holder_ = "another process";
    return lock;
  }
  lock.holder_.clear();
  lock.descriptor_ = descriptor;
  const std::string text = fmt::format("process {} on {} since {} UTC\n", ::getpid(), host_name(),
                                       utc_now_text().substr(0, 19));
  if (::ftruncate(descriptor, 0) != 0 ||
      ::pwrite(descriptor, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    throw Error(ErrorKind::resource, std::string("cannot be written: ") + std::strerror(errno),
                file.string(), "is the disk full?");
  return lock;
}

std::string lock_holder(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return "";
  // A process that ended leaves its name, and another may have got its number since.
  const bool held = ::flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(descriptor);
  if (!held) return "";
  std::string holder = read_holder(file);
  return is_dead_here(holder) ? "" : holder;
}

}  // namespace alisio::night
