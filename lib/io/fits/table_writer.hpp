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

/// A column: a scalar or text per row, or numbers in a cell of some shape per row.
struct Column {
  std::string name;
  std::string unit;     ///< becomes TUNIT unless empty
  std::string comment;  ///< of the TTYPE card
  /// Stored as K, J, D, E, L and A.
  std::variant<std::vector<std::int64_t>, std::vector<std::int32_t>, std::vector<double>,
               std::vector<float>, Logicals, std::vector<std::string>>
      values;
  /// Of one row's cell, the last dimension running fastest, as NumPy shows it; empty for scalars
  /// and texts. `values` holds the cells of all rows one after the other.
  std::vector<std::size_t> shape = {};
};

/// A binary table; all columns have the same number of rows.
struct BinaryTable {
  std::string name;  ///< EXTNAME, unless empty
  std::vector<Card> cards;
  std::vector<Column> columns;
};

/// How a file is sealed against damage.
enum class Seal {
  data,  ///< DATASUM: the data of every table
  all    ///< CHECKSUM too, also of the primary header: every byte
};

/// Write a FITS file of binary tables behind a primary header without data. Every table carries
/// DATASUM, so that damage is seen. Nothing in the file depends on when it is written.
/// @param path is replaced.
/// @throws Error(resource) if it cannot be written; Error(bug) for columns of unequal length.
void write_tables(const std::filesystem::path& path, const std::vector<Card>& primary,
                  const std::vector<BinaryTable>& tables, Seal seal = Seal::data);

/// Replace a file by its gzip stream, the same for the same bytes (no name, no time of day).
/// @throws Error(resource) if it cannot be written.
void compress_file(const std::filesystem::path& path);

}  // namespace alisio::fits
