#include "lib/base/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"

namespace alisio {
namespace fs = std::filesystem;
namespace {

void sync_path(const fs::path& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC);
  if (descriptor < 0 || ::fsync(descriptor) != 0) {
    const int cause = errno;
    if (descriptor >= 0) ::close(descriptor);
    throw Error(ErrorKind::resource, std::string("cannot be synced: ") + std::strerror(cause),
                path.string());
  }
  ::close(descriptor);
}

/// A number that stands for this machine in names of part files.
std::string host_mark() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return hash_text(name).substr(0, 8);
}

std::string unique_suffix() {
  static std::atomic<unsigned> counter{0};
  std::random_device entropy;
  return fmt::format("{:x}-{:x}-{}-{:x}", static_cast<unsigned>(::getpid()), counter++, host_mark(),
                     entropy());
}

/// Remove what dead processes of this machine left of a file. What another machine writes is let
/// be: whether its process lives cannot be known here.
void remove_left_parts(const fs::path& folder, const std::string& prefix) {
  std::error_code problem;
  const std::string host = fmt::format("-{}-", host_mark());
  for (fs::directory_iterator at(folder, problem); !problem && at != fs::directory_iterator();
       at.increment(problem)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with(prefix) || name.find(host, prefix.size()) == std::string::npos) continue;
    unsigned pid = 0;
    const char* const first = name.data() + prefix.size();
    const auto [end, fault] = std::from_chars(first, name.data() + name.size(), pid, 16);
    if (fault != std::errc() || end == first || pid == 0) continue;
    if (::kill(static_cast<pid_t>(pid), 0) == 0 || errno != ESRCH) continue;
    std::error_code ignored;
    fs::remove(at->path(), ignored);
  }
}

}  // namespace

PendingFile::PendingFile(fs::path target) : target_(std::move(target)) {
  const fs::path folder = target_.has_parent_path() ? target_.parent_path() : fs::path(".");
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed || ::access(folder.c_str(), W_OK) != 0)
    throw Error(ErrorKind::resource,
                "cannot be written to: " + (failed ? failed.message() : std::strerror(errno)),
                folder.string(), "choose another output folder or mend its permissions");
  const std::string prefix = fmt::format(".{}.part-", target_.filename().string());
  remove_left_parts(folder, prefix);
  part_ = folder / (prefix + unique_suffix());
}

PendingFile::PendingFile(PendingFile&& other) noexcept
    : target_(std::move(other.target_)),
      part_(std::move(other.part_)),
      published_(other.published_) {
  other.published_ = true;
}

PendingFile::~PendingFile() {
  if (published_) return;
  std::error_code ignored;
  fs::remove(part_, ignored);
}

void PendingFile::sync() const {
  sync_path(part_, O_RDONLY);
}

void PendingFile::publish() {
  sync();
  if (::rename(part_.c_str(), target_.c_str()) != 0)
    throw Error(ErrorKind::resource, std::string("cannot be renamed: ") + std::strerror(errno),
                target_.string());
  published_ = true;
  sync_path(part_.parent_path(), O_RDONLY | O_DIRECTORY);
}

void write_file_atomically(const fs::path& target, std::string_view content) {
  PendingFile pending(target);
  {
    std::ofstream out(pending.path(), std::ios::binary);
    out.write(content.data(), static_cast<std::streamsize>(content.size()));
    out.flush();
    if (!out)
      throw Error(ErrorKind::resource, std::string("cannot be written: ") + std::strerror(errno),
                  target.string(), "is the disk full?");
  }
  pending.publish();
}

std::string read_text_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in)
    throw Error(ErrorKind::missing_input, std::string("cannot be opened: ") + std::strerror(errno),
                path.string(), "check the path and its permissions");
  if (fs::is_directory(path))
    throw Error(ErrorKind::missing_input, "is a folder", path.string(), "name a file");
  std::ostringstream content;
  content << in.rdbuf();
  return content.str();
}

}  // namespace alisio
