#include "lib/io/fits/gzip.hpp"

#include <zlib.h>

#include <algorithm>
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

/// Push bytes through zlib; its counters take no more than 4 GiB at once.
/// @param step  deflate() or inflate(), told whether this is all @return its last status
template <typename Step>
int push_through(z_stream& stream, std::vector<std::byte>& in, std::vector<std::byte>& out,
                 const Step& step) {
  constexpr std::size_t most_in = std::size_t{1} << 30;
  std::vector<std::byte> piece(std::size_t{1} << 20);
  std::size_t given = 0;
  int status = Z_OK;
  while (status == Z_OK) {
    if (stream.avail_in == 0) {
      const std::size_t n = std::min(most_in, in.size() - given);
      stream.next_in = as_zlib(in.data() + given);
      stream.avail_in = static_cast<uInt>(n);
      given += n;
    }
    stream.next_out = as_zlib(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    status = step(given == in.size());
    out.insert(out.end(), piece.begin(),
               piece.end() - static_cast<std::ptrdiff_t>(stream.avail_out));
  }
  return status;
}

std::vector<std::byte> pack(std::vector<std::byte> plain) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip_window, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    throw Error(ErrorKind::resource, "there is no memory to pack a file");
  std::vector<std::byte> packed;
  const int status = push_through(stream, plain, packed, [&](bool is_all) {
    return deflate(&stream, is_all ? Z_FINISH : Z_NO_FLUSH);
  });
  deflateEnd(&stream);
  if (status != Z_STREAM_END) throw Error(ErrorKind::bug, "gzip did not come to its end");
  return packed;
}

std::vector<std::byte> unpack(std::vector<std::byte> packed, const std::string& name) {
  z_stream stream{};
  if (inflateInit2(&stream, gzip_window) != Z_OK)
    throw Error(ErrorKind::resource, "there is no memory to unpack a file", name);
  std::vector<std::byte> plain;
  const int status =
      push_through(stream, packed, plain, [&](bool) { return inflate(&stream, Z_NO_FLUSH); });
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
