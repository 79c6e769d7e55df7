#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "lib/base/large_vector.hpp"
#include "lib/io/hdf5/file.hpp"

/// Tables as PyTables writes and reads them: one-dimensional, chunked datasets of packed rows.
namespace alisio::hdf5 {

enum class ScalarType {
  int8,
  uint8,
  int16,
  uint16,
  int32,
  uint32,
  int64,
  uint64,
  float32,
  float64,
  boolean,
  text
};

/// What ctapipe's reader does with a stored column.
enum class Transform {
  none,
  quantity,    ///< attach the unit
  enumeration  ///< turn numbers into the members of a Python enumeration
};

struct ColumnSpec {
  std::string name;
  ScalarType type = ScalarType::float64;
  std::vector<std::size_t> shape;  ///< of one element; empty for scalars
  std::size_t text_size = 0;       ///< bytes, for text
  std::string description;
  Transform transform = Transform::none;
  std::string unit;         ///< for quantities, "" if dimensionless
  std::string enumeration;  ///< for enumerations: the class, pickled with protocol 0

  /// Return the bytes that one element takes in a row.
  [[nodiscard]] std::size_t bytes() const;
};

/// A column without unit. @param shape of one element; none for scalars
[[nodiscard]] ColumnSpec plain_column(std::string name, ScalarType type,
                                      std::string description = {},
                                      std::vector<std::size_t> shape = {});
/// A column of double precision with a unit, "" if it is dimensionless.
[[nodiscard]] ColumnSpec quantity_column(std::string name, std::string unit,
                                         std::string description = {},
                                         std::vector<std::size_t> shape = {});
/// Numbers that stand for the members of an enumeration in ctapipe.containers.
[[nodiscard]] ColumnSpec enumeration_column(std::string name, const std::string& enumeration,
                                            std::string description);
/// Text, as wide as one value.
[[nodiscard]] ColumnSpec text_column(std::string name, const std::string& value,
                                     std::string description = {});

/// What Blosc compresses with; every reader of Blosc's chunks knows all of them. LZ4 finds only
/// what repeats and is ten times as fast as zstd, which also shortens what is frequent.
enum class Codec { zstd, lz4 };

struct TableSpec {
  std::string path, title;
  std::vector<ColumnSpec> columns;
  std::size_t chunk_rows = 100;
  int compression_level = 1;
  Codec codec = Codec::zstd;
  /// Bytes of a number, of those that fill most of a row: Blosc puts first bytes, second bytes, …
  /// side by side, so that what varies little is not hidden among noise. 0: what PyTables says,
  /// which is the whole row, but single bytes for rows of more than 255.
  std::size_t item_bytes = 0;
};

/// Where the values of one column are: element i at data + i * stride. A stride of 0 repeats one.
struct ColumnSource {
  const void* data = nullptr;
  std::size_t stride_bytes = 0;

  template <typename T>
  static ColumnSource of(const std::vector<T>& values, std::size_t items_per_row = 1) {
    return {values.data(), sizeof(T) * items_per_row};
  }
  template <typename T>
  static ColumnSource constant(const T& value) {
    return {&value, 0};
  }
};

/// A chunk ready for the disk.
struct CompressedChunk {
  LargeBuffer bytes;
  std::size_t rows = 0;
};

/// Writes a table. Rows become full chunks however they arrive, so the file does not depend on how
/// work was cut. pack() and compress() may be called from any thread; the rest from one.
class TableWriter {
 public:
  /// @throws Error(resource).
  TableWriter(File& file, TableSpec spec);
  ~TableWriter();
  TableWriter(TableWriter&&) noexcept;
  TableWriter& operator=(TableWriter&&) noexcept;

  [[nodiscard]] std::size_t row_bytes() const;
  [[nodiscard]] std::size_t chunk_rows() const;

  /// Put n rows in file layout into `out` (resized). One source per column, in order.
  void pack(std::size_t n, std::span<const ColumnSource> sources,
            std::vector<std::byte>& out) const;
  /// Compress at most chunk_rows() packed rows; missing rows are zeros.
  [[nodiscard]] CompressedChunk compress(std::span<const std::byte> packed, std::size_t rows) const;

  /// Append a compressed chunk; only the last one of a table may be partly filled.
  void write_chunk(const CompressedChunk& chunk);
  /// Append rows, compressing as chunks fill.
  void append(std::size_t n, std::span<const ColumnSource> sources);

  void write_attribute(const std::string& name, const AttributeValue& value,
                       TextForm form = TextForm::fixed);
  /// Write what is left and the number of rows. @throws Error(resource).
  void finish();

 private:
  /// Put n rows of the sources from row `first` on, in file layout, to `out`.
  void pack_rows(std::size_t first, std::size_t n, std::span<const ColumnSource> sources,
                 std::byte* out) const;

  struct State;
  std::unique_ptr<State> state_;
};

/// A column of a table that is read.
struct ColumnInfo {
  std::string name;
  ScalarType type = ScalarType::float64;
  std::vector<std::size_t> shape;
  std::size_t items = 1;       ///< per row
  std::size_t item_bytes = 0;  ///< of one item
  std::size_t offset = 0;      ///< in a row
  std::string unit;            ///< CTAFIELD unit, if any
};

/// Some rows of a table, as they lie in the file.
class Rows {
 public:
  [[nodiscard]] std::size_t size() const { return n_; }
  /// Return a column converted to T: a value of each row.
  /// @throws Error(bad_input) if there is no such column, it is text, or a row holds several
  /// values.
  template <typename T>
  [[nodiscard]] std::vector<T> column(const std::string& name) const;
  /// Return a column whose rows hold arrays, flattened: size() * items values.
  /// @throws Error(bad_input) if there is no such column, or it is text.
  template <typename T>
  [[nodiscard]] std::vector<T> arrays(const std::string& name) const;
  /// Return a text column. @throws Error(bad_input).
  [[nodiscard]] std::vector<std::string> text(const std::string& name) const;
  /// Put a column into `out` (resized), as column() returns it: for readers of many blocks.
  template <typename T>
  void column_into(const std::string& name, std::vector<T>& out) const;
  /// The same for a column whose rows hold arrays.
  template <typename T>
  void arrays_into(const std::string& name, std::vector<T>& out) const;
  /// Return where a column lies, so that a writer can copy it unchanged while these rows live.
  /// @throws Error(bad_input) if there is no such column.
  [[nodiscard]] ColumnSource source(const std::string& name) const;

 private:
  friend class TableReader;
  template <typename T>
  void convert_all(const ColumnInfo& info, std::vector<T>& out) const;
  template <typename T, typename Stored>
  void convert(const ColumnInfo& info, std::vector<T>& out) const;

  std::shared_ptr<const std::vector<ColumnInfo>> columns_;
  std::string where_;
  LargeBuffer bytes_;
  std::size_t n_ = 0, row_bytes_ = 0;
};

/// Return the column of that name. @throws Error(bad_input) naming those that are there.
[[nodiscard]] const ColumnInfo& find_column(const std::vector<ColumnInfo>& columns,
                                            const std::string& name, const std::string& where);

/// Reads tables of PyTables, h5py and ourselves.
class TableReader {
 public:
  /// @throws Error(bad_input) if there is no such table.
  TableReader(const File& file, const std::string& path);
  ~TableReader();
  TableReader(TableReader&&) noexcept;
  TableReader& operator=(TableReader&&) noexcept;

  [[nodiscard]] std::uint64_t row_count() const;
  [[nodiscard]] std::size_t chunk_rows() const;
  [[nodiscard]] const std::vector<ColumnInfo>& columns() const;
  [[nodiscard]] bool has_column(const std::string& name) const;
  /// Read rows [first, first + n). @throws Error(bad_input) if they cannot be decoded.
  [[nodiscard]] Rows read(std::uint64_t first, std::size_t n) const;
  [[nodiscard]] Rows read_all() const { return read(0, row_count()); }
  /// Read some columns of one row; no others may be asked of it. Of a table whose chunks are large
  /// rows only these columns are decompressed.
  /// @throws Error(bad_input) if it cannot be decoded, or has no such column.
  [[nodiscard]] Rows read_columns(std::uint64_t row, std::span<const std::string> names) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

template <typename T, typename Stored>
void Rows::convert(const ColumnInfo& info, std::vector<T>& out) const {
  for (std::size_t row = 0; row < n_; ++row) {
    const std::byte* at = bytes_.data() + row * row_bytes_ + info.offset;
    for (std::size_t i = 0; i < info.items; ++i) {
      Stored value;
      std::memcpy(&value, at + i * sizeof(Stored), sizeof(Stored));
      out[row * info.items + i] = static_cast<T>(value);
    }
  }
}

/// Throw because a column cannot be read as a number.
[[noreturn]] void refuse_conversion(const ColumnInfo& info, const std::string& where);

/// Throw because a row of the column holds several values where one is wanted.
[[noreturn]] void refuse_arrays(const ColumnInfo& info, const std::string& where);

template <typename T>
std::vector<T> Rows::arrays(const std::string& name) const {
  std::vector<T> out;
  arrays_into(name, out);
  return out;
}

template <typename T>
void Rows::column_into(const std::string& name, std::vector<T>& out) const {
  const ColumnInfo& info = find_column(*columns_, name, where_);
  if (info.items != 1) refuse_arrays(info, where_);
  convert_all(info, out);
}

template <typename T>
std::vector<T> Rows::column(const std::string& name) const {
  std::vector<T> out;
  column_into(name, out);
  return out;
}

template <typename T>
void Rows::arrays_into(const std::string& name, std::vector<T>& out) const {
  convert_all(find_column(*columns_, name, where_), out);
}

template <typename T>
void Rows::convert_all(const ColumnInfo& info, std::vector<T>& out) const {
  static_assert(std::is_arithmetic_v<T>);
  out.resize(n_ * info.items);
  switch (info.type) {
    case ScalarType::int8:
      convert<T, std::int8_t>(info, out);
      break;
    case ScalarType::boolean:
    case ScalarType::uint8:
      convert<T, std::uint8_t>(info, out);
      break;
    case ScalarType::int16:
      convert<T, std::int16_t>(info, out);
      break;
    case ScalarType::uint16:
      convert<T, std::uint16_t>(info, out);
      break;
    case ScalarType::int32:
      convert<T, std::int32_t>(info, out);
      break;
    case ScalarType::uint32:
      convert<T, std::uint32_t>(info, out);
      break;
    case ScalarType::int64:
      convert<T, std::int64_t>(info, out);
      break;
    case ScalarType::uint64:
      convert<T, std::uint64_t>(info, out);
      break;
    case ScalarType::float32:
      convert<T, float>(info, out);
      break;
    case ScalarType::float64:
      convert<T, double>(info, out);
      break;
    case ScalarType::text:
      refuse_conversion(info, where_);
  }
}

}  // namespace alisio::hdf5
