#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

namespace alisio::fits {

/// One keyword of a header. Keys of more than eight characters, or with blanks, become HIERARCH
/// cards; texts that do not fit one card are continued.
struct Card {
  std::string key;
  std::variant<std::string, std::int64_t, double, bool> value;
  std::string comment;
};

/// Logical values of a column; 0 is false.
struct Logicals {
  std::vector<std::uint8_t> values;
};

/// A column of scalars, texts or, with a shape, arrays: one value or one array per row.
struct Column {
  std::string name;
  std::string unit;     ///< becomes TUNIT unless empty
  std::string comment;  ///< of the TTYPE card
  /// Stored as K, J, D, E, L and A.
  std::variant<std::vector<std::int64_t>, std::vector<std::int32_t>, std::vector<double>,
               std::vector<float>, Logicals, std::vector<std::string>>
      values;
  /// Of one row's array, the last dimension running fastest in `values`, as NumPy shows it; becomes
  /// TDIM, which counts the axes the other way round. Empty: scalars. Not for texts.
  std::vector<std::size_t> shape = {};
};

/// A binary table; all columns have the same number of rows.
struct BinaryTable {
  std::string name;  ///< EXTNAME, unless empty
  std::vector<Card> cards;
  std::vector<Column> columns;
};

enum class Packing { none, gzip };

/// Write a FITS file of binary tables behind a primary header without data. Every unit carries
/// DATASUM and CHECKSUM, so that damage is seen. Nothing in the file depends on when it is written.
/// @param path    is replaced.
/// @param packing gzip makes the content of a .fits.gz file, whatever the path is called.
/// @throws Error(resource) if it cannot be written; Error(bug) for columns of unequal length.
void write_tables(const std::filesystem::path& path, const std::vector<Card>& primary,
                  const std::vector<BinaryTable>& tables, Packing packing = Packing::none);

}  // namespace alisio::fits
