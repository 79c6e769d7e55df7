#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "lib/io/zfits/zfits.hpp"

namespace alisio::zfits {

/// How a column is compressed: named sequences of processes, as LST files use them.
enum class Scheme {
  raw,
  fact,             ///< smoothing, huffman16: waveforms.
  diffman16,        ///< diff, huffman16.
  zrice32,          ///< split32, zlib: integers.
  zrice,            ///< split16, zlib.
  doublediffman16,  ///< diff, offset128, split16, zlib: first cells.
  zlib,
  lzo,  ///< LZO1X.
  zstd
};

/// A column to write.
struct ColumnSpec {
  std::string name;   ///< TTYPE.
  std::string field;  ///< TPBID, "11.8".
  ItemType type = ItemType::uint32;
  bool array = false;  ///< Rows have a length: bytes, strings and arrays.
  Scheme scheme = Scheme::raw;
};

/// An additional header card.
struct Card {
  std::string key;
  std::variant<bool, std::int64_t, double, std::string> value;
  std::string comment;
};

/// A table to write.
struct TableSpec {
  std::string name;           ///< EXTNAME: "Events".
  std::string message_class;  ///< PBFHEAD: "ProtoR1.CameraEvent".
  std::vector<ColumnSpec> columns;
  std::size_t rows_per_tile = 20;
  /// Tiles that the catalogue has room for (16 bytes per tile and column). More is an Error(bug).
  std::size_t max_tiles = 1000;
  std::vector<Card> cards;
};

/// Writes a zfits file, table after table: begin_table, append_row …, begin_table, …, close.
/// The file takes its final name in close(); without it nothing remains.
class Writer {
 public:
  /// @throws Error(resource) if the file cannot be made.
  explicit Writer(const std::filesystem::path& path);
  ~Writer();
  Writer(Writer&&) noexcept;
  Writer& operator=(Writer&&) = delete;

  /// End the table in progress, if any, and start another. @throws Error(bug) if the specification
  /// makes no sense.
  void begin_table(const TableSpec& table);
  /// Append one row: for each column, in order, the little-endian bytes of its items.
  /// @throws Error(bug) if the number of columns or a size does not fit, Error(resource) on disk
  /// trouble.
  void append_row(std::span<const std::span<const std::byte>> columns);
  /// Write what is left, then publish the file under its final name. @throws Error(resource).
  void close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Collects the bytes of one row: `row.add(event_id).add(waveform)`, then
/// append_row(row.columns()).
class Row {
 public:
  void clear() { columns_.clear(); }
  /// Add a scalar. The object must outlive the call of append_row.
  template <typename T>
  requires std::is_arithmetic_v<T> Row& add(const T& value) {
    columns_.push_back(std::as_bytes(std::span<const T, 1>(&value, 1)));
    return *this;
  }
  /// Add an array. The items must outlive the call of append_row.
  template <typename T>
  Row& add(std::span<const T> items) {
    columns_.push_back(std::as_bytes(items));
    return *this;
  }
  template <typename T>
  Row& add(const std::vector<T>& items) {
    return add(std::span<const T>(items));
  }
  Row& add(const std::string& text) {
    columns_.push_back(std::as_bytes(std::span<const char>(text)));
    return *this;
  }
  [[nodiscard]] std::span<const std::span<const std::byte>> columns() const { return columns_; }

 private:
  std::vector<std::span<const std::byte>> columns_;
};

}  // namespace alisio::zfits
