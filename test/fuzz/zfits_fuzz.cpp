#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/base/error.hpp"
#include "lib/io/zfits/zfits.hpp"

/// Read any bytes as a zfits file: every table, tile and column is decoded or refused by Error.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* begin = reinterpret_cast<const std::byte*>(data);
  try {
    const auto file = alisio::zfits::File::from_memory({begin, begin + size}, "fuzz");
    alisio::zfits::DecodedColumn column;
    for (const std::string& name : file.table_names()) {
      const auto& table = file.table(name);
      for (std::size_t tile = 0; tile < table.tile_count(); ++tile)
        for (std::size_t c = 0; c < table.columns().size(); ++c) {
          static_cast<void>(table.processes(tile, c));
          table.decode(tile, c, column);
        }
    }
  } catch (const alisio::Error& error) {
    if (error.kind() != alisio::ErrorKind::bad_input) throw;
  }
  return 0;
}
