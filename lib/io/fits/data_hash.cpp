#include "lib/io/fits/data_hash.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "lib/base/hash.hpp"
#include "lib/io/fits/byte_source.hpp"
#include "lib/io/fits/gzip.hpp"
#include "lib/io/fits/header.hpp"

namespace alisio::fits {
namespace {

constexpr std::uint64_t read_bytes = std::uint64_t{1} << 20;

/// What the bytes of a unit mean.
std::string structure(const Header& header) {
  std::string text = header.text("EXTNAME").value_or("") + '\n';
  const auto add = [&](const std::string& key) {
    if (const auto number = header.integer(key)) text += fmt::format("{}={}\n", key, *number);
  };
  for (const char* key : {"BITPIX", "NAXIS", "PCOUNT", "TFIELDS"}) add(key);
  for (std::int64_t i = 1; header.has(fmt::format("NAXIS{}", i)); ++i)
    add(fmt::format("NAXIS{}", i));
  for (std::int64_t i = 1; header.has(fmt::format("TFORM{}", i)); ++i)
    for (const char* key : {"TTYPE", "TFORM", "TUNIT", "TDIM"})
      text += header.text(fmt::format("{}{}", key, i)).value_or("") + '\n';
  return text;
}

}  // namespace

std::string data_hash(const std::filesystem::path& path) {
  const ByteSource source = open_unpacked(path);
  Hasher hasher;
  std::vector<std::byte> block;
  for (const Hdu& unit : read_hdus(source)) {
    hasher.update(structure(unit.header));
    for (std::uint64_t at = 0; at < unit.data_size; at += read_bytes) {
      block.resize(std::min(read_bytes, unit.data_size - at));
      source.read(unit.data_offset + at, block);
      hasher.update(block);
    }
  }
  return hasher.finish();
}

}  // namespace alisio::fits
