#include "lib/base/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>

#include "lib/base/error.hpp"
#include "lib/base/part_file.hpp"

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

fs::file_type type_at(const fs::path& path) {
  std::error_code problem;
  const fs::file_type type = fs::status(path, problem).type();
  if (type == fs::file_type::none)
    throw Error(ErrorKind::resource, "cannot be looked at: " + problem.message(), path.string(),
                "check the disk and the permissions of the folders above");
  return type;
}

const char* name_of(fs::file_type type) {
  switch (type) {
    case fs::file_type::directory:
      return "a folder";
    case fs::file_type::character:
      return "a character device";
    case fs::file_type::block:
      return "a block device";
    case fs::file_type::fifo:
      return "a pipe";
    case fs::file_type::socket:
      return "a socket";
    default:
      return "something else";
  }
}

/// Return whether a path is the system's name of an open file, as /dev/stdout leads to.
bool names_open_file(const fs::path& path) {
  std::error_code problem;
  return fs::is_symlink(path, problem) &&
         fs::canonical(path.parent_path(), problem).native().starts_with("/proc/");
}

/// Return what a path leads to: of a link what it names, whether that is there or not.
fs::path behind_links(fs::path path) {
  constexpr int most_links = 40;  // as many as the system follows
  std::error_code problem;
  for (int followed = 0; followed < most_links && fs::is_symlink(path, problem); ++followed) {
    if (names_open_file(path)) break;
    const fs::path named = fs::read_symlink(path, problem);
    if (problem) break;
    path = path.parent_path() / named;
  }
  return path;
}

/// A file that takes the place of a device, or of the name of one's own output, breaks the machine
/// for everybody.
void refuse_what_is_no_file(const fs::path& path) {
  const fs::file_type type = type_at(path);
  const bool is_open = names_open_file(behind_links(path));
  if (!is_open && (type == fs::file_type::not_found || type == fs::file_type::regular)) return;
  throw Error(ErrorKind::resource,
              fmt::format("is {}, not a file to be replaced",
                          is_open ? "the name of an open file" : name_of(type)),
              path.string(), "choose another place for the file");
}

/// Write into what takes bytes as they come, and is no file to be replaced.
void write_through(const fs::path& target, std::string_view content) {
  const int file = ::open(target.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  bool failed = file < 0;
  while (!failed && !content.empty()) {
    const ssize_t written = ::write(file, content.data(), content.size());
    if (written >= 0)
      content.remove_prefix(static_cast<std::size_t>(written));
    else
      failed = errno != EINTR;
  }
  const int cause = failed ? errno : 0;
  if (file >= 0) ::close(file);
  if (failed)
    throw Error(ErrorKind::resource, std::string("cannot be written: ") + std::strerror(cause),
                target.string(), "write into a file");
}

/// Remove what dead processes of this machine left of a file. What another machine writes is let
/// be: whether its process lives cannot be known here.
void remove_left_parts(const fs::path& folder, const std::string& target) {
  std::error_code problem;
  for (fs::directory_iterator at(folder, problem); !problem && at != fs::directory_iterator();
       at.increment(problem)) {
    const std::optional<PartFile> part = parse_part_name(at->path().filename().string());
    if (!part || part->target != target || !part->of_this_machine || writer_lives(*part)) continue;
    std::error_code ignored;
    fs::remove(at->path(), ignored);
  }
}

}  // namespace

PendingFile::PendingFile(fs::path target) : target_(std::move(target)) {
  refuse_what_is_no_file(target_);
  const fs::path folder = target_.has_parent_path() ? target_.parent_path() : fs::path(".");
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed || ::access(folder.c_str(), W_OK) != 0)
    throw Error(ErrorKind::resource,
                "cannot be written to: " + (failed ? failed.message() : std::strerror(errno)),
                folder.string(), "choose another output folder or mend its permissions");
  const std::string name = target_.filename().string();
  remove_left_parts(folder, name);
  part_ = folder / part_name(name);
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

bool is_there(const fs::path& path) {
  return type_at(path) != fs::file_type::not_found;
}

bool is_folder(const fs::path& path) {
  return type_at(path) == fs::file_type::directory;
}

void make_folder(const fs::path& folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed)
    throw Error(ErrorKind::resource, "the folder cannot be made: " + failed.message(),
                folder.string(), "mend the permissions above it or choose another");
}

void write_file_atomically(const fs::path& target, std::string_view content) {
  const fs::path place = behind_links(target);
  if (const fs::file_type type = type_at(place);
      type == fs::file_type::character || type == fs::file_type::fifo || names_open_file(place)) {
    write_through(target, content);
    return;
  }
  PendingFile pending(place);
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
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    throw Error(ErrorKind::missing_input, std::string("cannot be opened: ") + std::strerror(errno),
                path.string(), "check the path and its permissions");
  // Not by a stream, which takes a failed read for the end of the file.
  std::string content;
  constexpr std::size_t step = 65536;
  ssize_t got = 0;
  do {
    const std::size_t size = content.size();
    content.resize(size + step);
    got = ::read(file, content.data() + size, step);
    content.resize(size + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  } while (got > 0 || (got < 0 && errno == EINTR));
  const int cause = got < 0 ? errno : 0;
  ::close(file);
  if (cause == EISDIR)
    throw Error(ErrorKind::missing_input, "is a folder", path.string(), "name a file");
  if (cause != 0)
    throw Error(ErrorKind::resource, std::string("cannot be read: ") + std::strerror(cause),
                path.string());
  return content;
}

}  // namespace alisio
