#include "lib/io/fits/gzip.hpp"

#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <vector>

#include "lib/base/error.hpp"

namespace alisio::fits {
namespace fs = std::filesystem;
namespace {

constexpr int gzip_window = 15 + 16;  // the largest window, and gzip's frame around it

std::vector<std::byte> all_bytes(const ByteSource& source) {
  std::vector<std::byte> bytes(source.size());
  source.read(0, bytes);
  return bytes;
}

Bytef* as_zlib(std::byte* bytes) {
  return reinterpret_cast<Bytef*>(bytes);
}

std::vector<std::byte> pack(std::vector<std::byte> plain) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip_window, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    throw Error(ErrorKind::resource, "there is no memory to pack a file");
  std::vector<std::byte> packed(deflateBound(&stream, plain.size()));
  stream.next_in = as_zlib(plain.data());
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = as_zlib(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int status = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) throw Error(ErrorKind::bug, "gzip did not finish in one call");
  return packed;
}

std::vector<std::byte> unpack(std::vector<std::byte> packed, const std::string& name) {
  z_stream stream{};
  if (inflateInit2(&stream, gzip_window) != Z_OK)
    throw Error(ErrorKind::resource, "there is no memory to unpack a file", name);
  std::vector<std::byte> plain;
  std::vector<std::byte> piece(std::size_t{1} << 20);
  stream.next_in = as_zlib(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  int status = Z_OK;
  while (status == Z_OK) {
    stream.next_out = as_zlib(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    status = inflate(&stream, Z_NO_FLUSH);
    plain.insert(plain.end(), piece.begin(),
                 piece.end() - static_cast<std::ptrdiff_t>(stream.avail_out));
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END)
    throw Error(ErrorKind::bad_input, "its gzip frame is cut short or damaged", name,
                "copy or make the file again");
  return plain;
}

}  // namespace

void gzip_file(const fs::path& path) {
  const std::vector<std::byte> packed = pack(all_bytes(ByteSource::open(path)));
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(packed.data()),
            static_cast<std::streamsize>(packed.size()));
  out.close();
  if (!out)
    throw Error(ErrorKind::resource, std::string("cannot be written: ") + std::strerror(errno),
                path.string(), "check free space and permissions");
}

ByteSource open_unpacked(const fs::path& path) {
  ByteSource source = ByteSource::open(path);
  std::array<std::byte, 2> magic{};
  if (source.size() < magic.size()) return source;
  source.read(0, magic);
  if (magic != std::array{std::byte{0x1f}, std::byte{0x8b}}) return source;
  return ByteSource::from_memory(unpack(all_bytes(source), source.name()), source.name());
}

}  // namespace alisio::fits
