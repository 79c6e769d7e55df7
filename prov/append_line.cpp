#include "prov/append_line.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lib/base/error.hpp"

namespace alisio::prov {

namespace fs = std::filesystem;

bool ends_within_a_line(int file) {
  const off_t size = ::lseek(file, 0, SEEK_END);
  char last = '\n';
  return size > 0 && ::pread(file, &last, 1, size - 1) == 1 && last != '\n';
}

void append_line(const fs::path& journal, const std::string& line) {
  std::error_code problem;
  if (journal.has_parent_path()) fs::create_directories(journal.parent_path(), problem);
  const auto refuse = [&](int file) {
    const std::string why = std::strerror(errno);
    if (file >= 0) ::close(file);
    throw Error(ErrorKind::resource, "the note cannot be written: " + why, journal.string(),
                "check the folder's permissions and space");
  };
  const int file = ::open(journal.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) refuse(file);
  // Two people may write at once; one whole line each.
  if (::flock(file, LOCK_EX) != 0) refuse(file);
  const off_t before = ::lseek(file, 0, SEEK_END);
  if (before < 0) refuse(file);
  const std::string text = ends_within_a_line(file) ? '\n' + line : line;
  const ssize_t written = ::write(file, text.data(), text.size());
  if (written != static_cast<ssize_t>(text.size())) {
    const int cause = written < 0 ? errno : ENOSPC;
    if (written > 0 && ::ftruncate(file, before) != 0)
      spdlog::warn("{}: a part of a line stays", journal.string());
    errno = cause;
    refuse(file);
  }
  if (::fsync(file) != 0) refuse(file);
  ::close(file);
}

}  // namespace alisio::prov
