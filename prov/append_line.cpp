#include "prov/append_line.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lib/base/error.hpp"

namespace alisio::prov {

namespace fs = std::filesystem;

void append_line(const fs::path& journal, const std::string& line) {
  std::error_code problem;
  if (journal.has_parent_path()) fs::create_directories(journal.parent_path(), problem);
  const auto refuse = [&](int file) {
    const std::string why = std::strerror(errno);
    if (file >= 0) ::close(file);
    throw Error(ErrorKind::resource, "the note cannot be written: " + why, journal.string(),
                "check the folder's permissions and space");
  };
  const int file = ::open(journal.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) refuse(file);
  // Two people may write at once; one whole line each.
  if (::flock(file, LOCK_EX) != 0) refuse(file);
  const ssize_t written = ::write(file, line.data(), line.size());
  if (written != static_cast<ssize_t>(line.size())) {
    if (written >= 0) errno = ENOSPC;
    refuse(file);
  }
  if (::fsync(file) != 0) refuse(file);
  ::close(file);
}

}  // namespace alisio::prov
