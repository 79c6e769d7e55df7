#include "lib/stage/file_stamp.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <future>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"
#include "lib/io/fits/checksum.hpp"
#include "lib/io/fits/data_hash.hpp"
#include "lib/io/hdf5/data_hash.hpp"

namespace alisio::stage {
namespace fs = std::filesystem;
namespace {

FileStamp stamp_of(const fs::path& path, const struct stat& status) {
  FileStamp stamp;
  stamp.path = path.string();
  stamp.size = static_cast<std::uint64_t>(status.st_size);
  stamp.mtime_ns = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
  stamp.inode = status.st_ino;
  return stamp;
}

/// @param policy of the data hash: a product, which is waited for, has both hashes taken at once
FileStamp hashed(const fs::path& path, const fs::path& kind, std::launch policy) {
  FileStamp stamp = stat_stamp(path);
  const std::string name = kind.filename().string();
  if (name.ends_with(".fits.fz") || name.ends_with(".fits")) {
    stamp.sha256 = fits::hash_fits_file(path).sha256;
    // Raw data are identified by their bytes: nothing of ours made them.
    if (name.ends_with(".fits")) stamp.data_hash = fits::data_hash(path);
  } else {
    std::future<std::string> data_hash;
    if (name.ends_with(".h5") || name.ends_with(".hdf5"))
      data_hash = std::async(policy, [&path] { return hdf5::data_hash(path); });
    stamp.sha256 = hash_file(path);
    if (data_hash.valid()) stamp.data_hash = data_hash.get();
    if (name.ends_with(".fits.gz")) stamp.data_hash = fits::data_hash(path);
  }
  return stamp;
}

}  // namespace

bool FileStamp::matches_disk() const {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return false;
  const FileStamp now = stamp_of(path, status);
  return now.size == size && now.mtime_ns == mtime_ns && now.inode == inode;
}

FileStamp stat_stamp(const fs::path& path) {
  const fs::path absolute = fs::absolute(path).lexically_normal();
  struct stat status {};
  if (::stat(absolute.c_str(), &status) != 0)
    throw Error(ErrorKind::missing_input, std::string("cannot be read: ") + std::strerror(errno),
                path.string(), "check the path and its permissions");
  return stamp_of(absolute, status);
}

FileStamp hash_stamp(const fs::path& path) {
  return hashed(path, path, std::launch::deferred);
}

FileStamp hash_stamp_as(const fs::path& path, const fs::path& kind) {
  return hashed(path, kind, std::launch::async);
}

nlohmann::ordered_json to_json(const FileStamp& stamp) {
  return {{"path", stamp.path},   {"size", stamp.size},     {"mtime_ns", stamp.mtime_ns},
          {"inode", stamp.inode}, {"sha256", stamp.sha256}, {"data_hash", stamp.data_hash}};
}

FileStamp stamp_from_json(const nlohmann::json& json) {
  FileStamp stamp;
  stamp.path = json.at("path");
  stamp.size = json.at("size");
  stamp.mtime_ns = json.at("mtime_ns");
  stamp.inode = json.at("inode");
  stamp.sha256 = json.value("sha256", "");
  stamp.data_hash = json.value("data_hash", "");
  return stamp;
}

KnownHashes::KnownHashes(std::vector<FileStamp> stamps) {
  for (FileStamp& stamp : stamps) add(std::move(stamp));
}

void KnownHashes::add(FileStamp stamp) {
  std::string path = stamp.path;
  by_path_.insert_or_assign(std::move(path), std::move(stamp));
}

KnownHashes KnownHashes::load(const fs::path& file) {
  try {
    std::vector<FileStamp> stamps;
    for (const nlohmann::json& item : nlohmann::json::parse(read_text_file(file)))
      stamps.push_back(stamp_from_json(item));
    return KnownHashes(std::move(stamps));
  } catch (const nlohmann::json::exception& e) {
    throw Error(ErrorKind::bad_input, std::string("is no list of file hashes: ") + e.what(),
                file.string());
  }
}

std::optional<FileStamp> KnownHashes::find(const fs::path& path) const {
  const auto found = by_path_.find(fs::absolute(path).lexically_normal().string());
  if (found == by_path_.end() || found->second.sha256.empty() || !found->second.matches_disk())
    return std::nullopt;
  return found->second;
}

}  // namespace alisio::stage
