#include "lib/night/archive.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/json_text.hpp"
#include "lib/base/path_below.hpp"
#include "lib/night/removals.hpp"
#include "lib/night/seal_files.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t block_bytes = std::size_t{1} << 20;
constexpr const char* configuration_mark = "# Archive of closed nights.";
/// What a copy may need beyond the files themselves.
constexpr std::uint64_t spare_bytes = 16 << 20;

/// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor(const fs::path& file, int flags, mode_t mode = 0)
      : file_(file), descriptor_(::open(file.c_str(), flags | O_CLOEXEC, mode)) {
    if (descriptor_ < 0) fail("cannot be opened");
  }
  ~Descriptor() { ::close(descriptor_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[noreturn]] void fail(const char* what) const {
    throw Error(ErrorKind::resource, std::string(what) + ": " + std::strerror(errno),
                file_.string(), "check the disk; the archive goes on from here");
  }
  std::size_t read(std::span<std::byte> block) const {
    ssize_t got = 0;
    do {
      got = ::read(descriptor_, block.data(), block.size());
    } while (got < 0 && errno == EINTR);
    if (got < 0) fail("cannot be read");
    return static_cast<std::size_t>(got);
  }
  void write(std::span<const std::byte> block) const {
    while (!block.empty()) {
      const ssize_t put = ::write(descriptor_, block.data(), block.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) fail("cannot be written");
      block = block.subspan(static_cast<std::size_t>(put));
    }
  }
  /// Put the bytes on the disk and forget them, so that reading back reads the disk.
  void settle() const {
    if (::fsync(descriptor_) != 0) fail("cannot be synced");
    ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_DONTNEED);
  }
  [[nodiscard]] int number() const { return descriptor_; }

 private:
  fs::path file_;
  int descriptor_;
};

/// Copy the bytes of a file. @return their SHA-256 as they were read
std::string copy_bytes(const fs::path& from, const fs::path& to) {
  const Descriptor source(from, O_RDONLY), target(to, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  Hasher hasher;
  std::vector<std::byte> block(block_bytes);
  while (const std::size_t got = source.read(block)) {
    const std::span<const std::byte> bytes(block.data(), got);
    hasher.update(bytes);
    target.write(bytes);
  }
  struct stat facts {};
  if (::fstat(source.number(), &facts) == 0) {
    const timespec times[2] = {facts.st_atim, facts.st_mtim};
    if (::futimens(target.number(), times) != 0) target.fail("cannot be given its time");
  }
  target.settle();
  return hasher.finish();
}

struct Copy {
  fs::path from, to;
  std::string sha256;  ///< empty: as it is read
  bool grows = false;  ///< what was copied before may be the beginning of what is there now
};

bool is_beginning(const fs::path& of, const fs::path& file) {
  return read_text_file(file).starts_with(read_text_file(of));
}

class Archive {
 public:
  Archive(const ArchiveRequest& request, Seal seal)
      : request_(request),
        seal_(std::move(seal)),
        root_(fs::weakly_canonical(request.root.empty() ? seal_.root : request.root)),
        to_(fs::weakly_canonical(request.to)) {
    if (path_below(to_, root_))
      throw Error(ErrorKind::usage, "an archive needs a root of its own, outside of the products",
                  to_.string(), "name another folder with --to");
  }

  ArchiveResult make() {
    add_sealed();
    add_journals();
    add_seals();
    require_room();
    for (const Copy& copy : copies_) copy_file(copy);
    write_configuration();
    return std::move(result_);
  }

 private:
  void add_sealed() {
    const Removals removals(seal_, request_.root, request_.logger);
    for (const auto* files : {&seal_.products, &seal_.documents, &seal_.used})
      for (const SealedFile& file : *files) {
        std::error_code absent;
        std::string removal;
        if (!fs::exists(root_ / file.path, absent)) removal = removals.text(file);
        if (removal.empty())
          add(file.path, file.hashes.sha256);
        else
          result_.removed.push_back(fmt::format("{} was {}", file.path, removal));
      }
  }

  void add(const std::string& path, const std::string& sha256, bool grows = false) {
    if (known_.insert(path).second)
      copies_.push_back({root_ / path, archived_path(to_, path), sha256, grows});
  }

  /// Journals that no seal vouches for: of the closing, of the constants, notes of people.
  void add_journals() {
    std::set<fs::path> logs;
    for (const SealedFile& document : seal_.documents)
      if (const auto at = document.path.find("/log/"); at != std::string::npos)
        logs.insert(root_ / document.path.substr(0, at) / "log");
    for (const auto* files : {&seal_.products, &seal_.used})
      for (const SealedFile& file : *files) logs.insert((root_ / file.path).parent_path() / "log");
    for (const fs::path& log : logs) {
      std::error_code absent;
      for (fs::recursive_directory_iterator at(log / "journal", absent);
           !absent && at != fs::recursive_directory_iterator(); at.increment(absent))
        if (at->is_regular_file() && at->path().extension() == ".log")
          add(below_root(at->path(), root_), "", true);
    }
  }

  /// The chain can be walked in the archive too.
  void add_seals() {
    for (const fs::path& seal : list_seals(request_.seal.parent_path())) {
      if (seal_number(seal) > seal_.number) continue;
      const fs::path folder = seal_folder(to_, seal_.key.telescope, seal_.key.prod_id);
      copies_.push_back({seal, folder / seal.filename(), ""});
      if (fs::exists(signature_file(seal)))
        copies_.push_back({signature_file(seal), folder / signature_file(seal).filename(), ""});
    }
  }

  void require_room() const {
    std::error_code unknown;
    fs::create_directories(to_, unknown);
    const fs::space_info space = fs::space(to_, unknown);
    if (unknown) return;
    std::uint64_t needed = spare_bytes;
    for (const Copy& copy : copies_) {
      std::error_code absent;
      if (fs::exists(copy.to, absent)) continue;
      if (const auto size = fs::file_size(copy.from, absent); !absent) needed += size;
    }
    if (space.available < needed)
      throw Error(ErrorKind::resource,
                  fmt::format("{} bytes are needed, {} are free", needed, space.available),
                  to_.string(), "make room, or name another folder with --to");
  }

  void fault(const fs::path& file, const std::string& what) {
    result_.faults.push_back(fmt::format("{}: {}", file.string(), what));
  }

  void copy_file(const Copy& copy) {
    std::error_code absent;
    if (!fs::is_regular_file(copy.from, absent)) {
      fault(copy.from, "is gone");
      return;
    }
    if (fs::exists(copy.to, absent)) {
      const std::string wanted = copy.sha256.empty() ? hash_file(copy.from) : copy.sha256;
      if (hash_file(copy.to) == wanted)
        ++result_.equal;
      else if (!copy.grows || !is_beginning(copy.to, copy.from))
        fault(copy.to, "is there, differs, and was left");
      else
        replace(copy);
      return;
    }
    replace(copy);
  }

  void replace(const Copy& copy) {
    PendingFile pending(copy.to);
    const std::string read = copy_bytes(copy.from, pending.path());
    if (!copy.sha256.empty() && read != copy.sha256) {
      fault(copy.from, "is not what was sealed");
    } else if (hash_file(pending.path()) != read) {
      fault(copy.to, "was written and reads otherwise");
    } else {
      pending.publish();
      ++result_.copied;
      result_.bytes += fs::file_size(copy.to);
    }
  }

  /// Roots of all trees that nights were archived from: one line each.
  [[nodiscard]] std::set<std::string> known_roots(const fs::path& file) const {
    std::set<std::string> roots{seal_.root.string()};
    if (!fs::exists(file)) return roots;
    const std::string text = read_text_file(file);
    constexpr std::string_view item = "    - ";
    for (std::size_t at = text.find(item); at != std::string::npos; at = text.find(item, at + 1)) {
      const std::size_t start = at + item.size();
      const std::string root = text.substr(start, text.find('\n', start) - start);
      // Archives of earlier versions are not quoted.
      roots.insert(root.starts_with('"') ? nlohmann::json::parse(root).get<std::string>() : root);
    }
    return roots;
  }

  void write_configuration() {
    const fs::path file = to_ / "archive.yaml";
    result_.configuration = file;
    if (fs::exists(file) && !read_text_file(file).starts_with(configuration_mark)) {
      fault(file, "is there, is no archive's configuration, and was left");
      return;
    }
    std::string text = fmt::format(
        "{} alisio prov index --config THIS, then prov show FILE, answer here.\n"
        "paths:\n  products: .\n  state: state\nprovenance:\n  journals: .\n  moved_from:\n",
        configuration_mark);
    for (const std::string& root : known_roots(file))
      text += "    - " + json_text(nlohmann::json(root)) + "\n";
    if (!fs::exists(file) || read_text_file(file) != text) write_file_atomically(file, text);
  }

  const ArchiveRequest& request_;
  Seal seal_;
  fs::path root_, to_;
  std::vector<Copy> copies_;
  std::set<std::string> known_;
  ArchiveResult result_;
};

}  // namespace

fs::path archived_path(const fs::path& archive, const std::string& sealed_path) {
  const fs::path path(sealed_path);
  return path.is_absolute() ? archive / "external" / path.relative_path() : archive / path;
}

ArchiveResult archive_night(const ArchiveRequest& request) {
  return Archive(request, parse_seal(read_text_file(request.seal), request.seal)).make();
}

}  // namespace alisio::night
