#include "lib/io/fits/byte_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "lib/base/error.hpp"

namespace alisio::fits {

ByteSource ByteSource::open(const std::filesystem::path& path) {
  ByteSource source;
  source.name_ = path.string();
  // A pipe is refused below; without O_NONBLOCK, opening it would wait for a writer.
  source.descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (source.descriptor_ < 0)
    throw Error(ErrorKind::missing_input, std::string("cannot open the file: ") + strerror(errno),
                path.string(), "check the path and the permissions");
  struct stat status {};
  if (fstat(source.descriptor_, &status) != 0 || !S_ISREG(status.st_mode))
    throw Error(ErrorKind::missing_input, "is not a regular file", path.string(),
                "give the path of a file");
  source.size_ = static_cast<std::uint64_t>(status.st_size);
  return source;
}

ByteSource ByteSource::from_memory(std::vector<std::byte> bytes, std::string name) {
  ByteSource source;
  source.name_ = std::move(name);
  source.memory_ = std::move(bytes);
  source.size_ = source.memory_.size();
  return source;
}

ByteSource::~ByteSource() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

ByteSource::ByteSource(ByteSource&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      size_(std::exchange(other.size_, 0)),
      name_(std::move(other.name_)),
      memory_(std::move(other.memory_)) {}

ByteSource& ByteSource::operator=(ByteSource&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  std::swap(name_, other.name_);
  std::swap(memory_, other.memory_);
  return *this;
}

void ByteSource::read(std::uint64_t offset, std::span<std::byte> out) const {
  const auto cut_short = [&] {
    return Error(ErrorKind::bad_input, "ends before its data does",
                 name_ + ", byte " + std::to_string(size_), "the file is cut short: copy it again");
  };
  if (offset > size_ || out.size() > size_ - offset) throw cut_short();
  if (descriptor_ < 0) {
    if (!out.empty()) std::memcpy(out.data(), memory_.data() + offset, out.size());
    return;
  }
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t n = ::pread(descriptor_, out.data() + done, out.size() - done,
                              static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      throw Error(ErrorKind::resource, std::string("cannot read: ") + strerror(errno), name_,
                  "check the disk or the network file system, then try again");
    if (n == 0) throw cut_short();
    done += static_cast<std::size_t>(n);
  }
}

}  // namespace alisio::fits
