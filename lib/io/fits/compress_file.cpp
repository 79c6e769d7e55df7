#include <zlib.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "lib/base/error.hpp"
#include "lib/io/fits/table_writer.hpp"

namespace alisio::fits {
namespace fs = std::filesystem;
namespace {

/// Return bytes as a gzip stream.
std::string gzipped(const std::string& bytes) {
  constexpr int gzip_window = 15 + 16, memory = 8;
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip_window, memory,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    throw Error(ErrorKind::resource, "there is not memory enough to compress");
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = uInt(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = uInt(out.size());
  const int status = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) throw Error(ErrorKind::bug, "zlib did not come to an end");
  return out;
}

}  // namespace

void compress_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  in.close();
  const std::string packed = gzipped(bytes);
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(packed.data(), std::streamsize(packed.size()));
  out.close();
  if (!out)
    throw Error(ErrorKind::resource, "cannot be written", path.string(),
                "check free space and permissions");
}

}  // namespace alisio::fits
