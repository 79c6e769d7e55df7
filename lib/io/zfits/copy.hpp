#pragma once
#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "lib/io/zfits/writer.hpp"
#include "lib/io/zfits/zfits.hpp"

namespace alisio::zfits {

/// One row of a table on its way into a copy: the bytes of each column, which may be replaced by
/// others that live until the row is written.
using CopiedRow = std::span<std::span<const std::byte>>;

/// Return what a copy of a table needs to be written: the same columns in the same order,
/// compressed in the same way (by zstd where the writer has no such way), in tiles of as many rows.
[[nodiscard]] TableSpec spec_of(const Table& table);

/// Copy a table row by row into `out`. `edit`, if given, may change a row, and leaves it out by
/// returning false.
/// @return the number of rows written. @throws as Table::decode and Writer::append_row.
std::uint64_t copy_table(const Table& table, Writer& out,
                         const std::function<bool(CopiedRow)>& edit = {});

}  // namespace alisio::zfits
