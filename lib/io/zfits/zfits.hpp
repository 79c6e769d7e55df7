#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/io/fits/byte_source.hpp"
#include "lib/io/fits/header.hpp"
#include "lib/io/zfits/buffer.hpp"

/// Reader of zfits: FITS binary tables whose columns are compressed tile by tile, as LST-1 writes
/// its raw data. A tile holds some 20 rows; each (tile, column) is a block that can be decoded
/// alone.
namespace alisio::zfits {

enum class ItemType {
  boolean,
  text,  ///< Characters or signed bytes.
  uint8,
  int16,
  uint16,
  int32,
  uint32,
  int64,
  uint64,
  float32,
  float64
};

[[nodiscard]] const char* to_string(ItemType type) noexcept;
/// Return the bytes of one item.
[[nodiscard]] std::size_t item_size(ItemType type) noexcept;

/// What the header says of a column.
struct Column {
  std::string name;   ///< TTYPE: field names joined by '_', "lstcam_counters".
  std::string field;  ///< TPBID: field numbers joined by '.', "11.6"; may be empty.
  ItemType type = ItemType::uint8;
  std::int64_t max_items = 0;  ///< The largest number of items that a row holds; 1 for scalars.
};

/// Return whether a row holds a list of items with its length, which arrays and strings do, rather
/// than one item.
[[nodiscard]] bool is_array(const Column& column) noexcept;

/// What decoding needs besides its result. Reuse one object for many tiles and columns, by one
/// thread at a time: several MB that stay in the cache.
class DecodeScratch {
 public:
  DecodeScratch();
  ~DecodeScratch();
  DecodeScratch(DecodeScratch&&) noexcept;
  DecodeScratch& operator=(DecodeScratch&&) noexcept;

 private:
  friend class Table;
  struct State;
  std::unique_ptr<State> state_;
};

/// The compressed bytes of some columns of one tile, read before they are decoded. Reuse one object
/// for many tiles.
class TileBytes {
 private:
  friend class Table;
  std::uint64_t offset_ = 0;  ///< in the file
  Buffer bytes_;
};

/// The rows of one column in one tile, decoded. Reuse one object for many tiles: in steady state
/// nothing is allocated. One object must not be used by two threads at once.
class DecodedColumn {
 public:
  [[nodiscard]] std::size_t row_count() const noexcept { return lengths_.size(); }
  /// Return the payload of a row: little-endian items without the length word. Not aligned to the
  /// item (arrays of 16-bit items are, to 2 bytes). Empty if the tile holds nothing for this
  /// column. Valid until the next decode into this object. @pre row < row_count().
  [[nodiscard]] std::span<const std::byte> row(std::size_t row) const {
    return {data_ + offsets_[row], lengths_[row]};
  }
  /// Return the number of items of type T in a row.
  template <typename T>
  [[nodiscard]] std::size_t item_count(std::size_t r) const {
    return lengths_[r] / sizeof(T);
  }
  /// Return one item of a row; T must be as wide as the column's type.
  /// @pre item < item_count<T>(r).
  template <typename T>
  [[nodiscard]] T item(std::size_t r, std::size_t item = 0) const {
    T value;
    std::memcpy(&value, data_ + offsets_[r] + item * sizeof(T), sizeof(T));
    return value;
  }
  /// Copy up to out.size() items of a row; return how many were copied.
  template <typename T>
  std::size_t copy_row(std::size_t r, std::span<T> out) const {
    const std::size_t n = item_count<T>(r) < out.size() ? item_count<T>(r) : out.size();
    if (n > 0) std::memcpy(out.data(), data_ + offsets_[r], n * sizeof(T));
    return n;
  }

 private:
  friend class Table;

  Buffer bytes_;  ///< what data_ points into
  const std::byte* data_ = nullptr;
  std::vector<std::size_t> offsets_, lengths_;
};

/// Return the bits of one integer of any width, 0 if the row is empty. @pre row < row_count().
[[nodiscard]] std::uint64_t integer_item(const DecodedColumn& column, ItemType type,
                                         std::size_t row);

/// A compressed table. Light to copy: it shares the open file, which lives as long as its tables.
class Table {
 public:
  [[nodiscard]] const std::string& name() const noexcept;     ///< EXTNAME.
  [[nodiscard]] const fits::Header& header() const noexcept;  ///< All cards: PBFHEAD, ORIGIN…
  [[nodiscard]] const std::string& message_class() const noexcept;  ///< PBFHEAD, or empty.
  [[nodiscard]] const std::vector<Column>& columns() const noexcept;
  /// Return the index of a column by name (TTYPE); empty if the file has none: columns whose field
  /// was never set are not written.
  [[nodiscard]] std::optional<std::size_t> find_column(std::string_view name) const;
  /// Return the index of a column by path of field numbers (TPBID), for example "11.8".
  [[nodiscard]] std::optional<std::size_t> find_field(std::string_view field) const;

  [[nodiscard]] std::uint64_t row_count() const noexcept;
  [[nodiscard]] std::size_t tile_count() const noexcept;
  /// Return the number in the table of the first row of a tile. @pre tile < tile_count().
  [[nodiscard]] std::uint64_t first_row(std::size_t tile) const;
  [[nodiscard]] std::size_t rows_in_tile(std::size_t tile) const;

  /// Decode one column of one tile. Any number of threads may call this on one table at once, each
  /// with its own `out` and `scratch`.
  /// @throws Error(bad_input) naming file, table, tile, column and byte if the bytes are damaged,
  /// cut short or compressed in a way that is not known.
  void decode(std::size_t tile, std::size_t column, DecodedColumn& out,
              DecodeScratch& scratch) const;
  /// The same for a few columns, with a scratch of its own.
  void decode(std::size_t tile, std::size_t column, DecodedColumn& out) const;
  /// Read what decoding some columns of a tile needs, so that one thread can wait for the disk
  /// while others decode. @throws Error as decode().
  void read(std::size_t tile, std::span<const std::size_t> columns, TileBytes& out) const;
  /// Decode one of the columns that were read.
  void decode(std::size_t tile, std::size_t column, const TileBytes& bytes, DecodedColumn& out,
              DecodeScratch& scratch) const;

  /// Return the ids of the processes that the writer applied to a block, in its order.
  [[nodiscard]] std::vector<std::uint16_t> processes(std::size_t tile, std::size_t column) const;
  /// Return their names, for people: "smoothing, huffman16".
  [[nodiscard]] std::string codecs(std::size_t tile, std::size_t column) const;

 private:
  friend class File;
  struct State;
  explicit Table(std::shared_ptr<const State> state);
  /// @param stored what the file holds for the column
  void decode_block(std::size_t tile, std::size_t column, std::span<const std::byte> stored,
                    DecodedColumn& out, DecodeScratch& scratch) const;
  std::shared_ptr<const State> state_;
};

/// A zfits file: its headers and catalogues are read when it is opened, its data when asked for.
class File {
 public:
  /// Open a file and check headers, catalogues and tile headers.
  /// @param most_tiles  look at no more tiles of each table, for those who need the beginning of
  /// large files only: on a network file system every tile header costs a read.
  /// @throws Error(missing_input), Error(bad_input) naming file, table and byte.
  static File open(const std::filesystem::path& path,
                   std::size_t most_tiles = std::numeric_limits<std::size_t>::max());
  /// The same on bytes in memory; `name` stands for the path in messages.
  static File from_memory(std::vector<std::byte> bytes, std::string name);

  [[nodiscard]] const std::string& path() const noexcept;
  [[nodiscard]] std::vector<std::string> table_names() const;
  [[nodiscard]] bool has_table(std::string_view name) const;
  /// Return the compressed table with this EXTNAME. @throws Error(bad_input) if there is none.
  [[nodiscard]] const Table& table(std::string_view name) const;

 private:
  static File read(fits::ByteSource source, std::size_t most_tiles);
  File() = default;
  std::string path_;
  std::vector<Table> tables_;
};

/// The largest decoded block (one column of one tile) that is accepted, bytes: far above any real
/// one (20 events of waveforms take 6 MB), and low enough that damaged sizes exhaust no memory.
inline constexpr std::size_t max_block_bytes = std::size_t{256} << 20;

}  // namespace alisio::zfits
