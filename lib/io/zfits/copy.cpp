#include "lib/io/zfits/copy.hpp"

#include <algorithm>
#include <array>

#include "lib/base/interruption.hpp"
#include "lib/io/zfits/encode.hpp"

namespace alisio::zfits {
namespace {

Scheme scheme_of(const std::vector<std::uint16_t>& ids) {
  constexpr std::array schemes{Scheme::raw,     Scheme::fact,  Scheme::diffman16,
                               Scheme::zrice32, Scheme::zrice, Scheme::doublediffman16,
                               Scheme::zlib,    Scheme::lzo,   Scheme::zstd};
  for (const Scheme scheme : schemes) {
    const std::vector<Process> processes = processes_of(scheme);
    if (std::equal(ids.begin(), ids.end(), processes.begin(), processes.end(),
                   [](std::uint16_t id, Process process) { return id == std::uint16_t(process); }))
      return scheme;
  }
  return Scheme::zstd;
}

}  // namespace

TableSpec spec_of(const Table& table) {
  TableSpec spec;
  spec.name = table.name();
  spec.message_class = table.message_class();
  for (std::size_t c = 0; c < table.columns().size(); ++c) {
    const Column& column = table.columns()[c];
    const Scheme scheme = table.tile_count() > 0 ? scheme_of(table.processes(0, c)) : Scheme::zstd;
    spec.columns.push_back({column.name, column.field, column.type, is_array(column), scheme});
  }
  if (table.tile_count() > 0) spec.rows_per_tile = table.rows_in_tile(0);
  spec.max_tiles =
      std::size_t((table.row_count() + spec.rows_per_tile - 1) / spec.rows_per_tile) + 1;
  return spec;
}

std::uint64_t copy_table(const Table& table, Writer& out,
                         const std::function<bool(CopiedRow)>& edit) {
  const std::size_t n_columns = table.columns().size();
  std::vector<DecodedColumn> columns(n_columns);
  DecodeScratch scratch;
  std::vector<std::span<const std::byte>> row(n_columns);
  std::uint64_t written = 0;
  for (std::size_t tile = 0; tile < table.tile_count(); ++tile) {
    throw_if_interrupted();
    for (std::size_t c = 0; c < n_columns; ++c) table.decode(tile, c, columns[c], scratch);
    for (std::size_t r = 0; r < table.rows_in_tile(tile); ++r) {
      for (std::size_t c = 0; c < n_columns; ++c) row[c] = columns[c].row(r);
      if (edit && !edit(row)) continue;
      out.append_row(row);
      ++written;
    }
  }
  return written;
}

}  // namespace alisio::zfits
