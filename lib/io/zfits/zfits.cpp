#include "lib/io/zfits/zfits.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "lib/base/error.hpp"
#include "lib/base/suggest.hpp"
#include "lib/io/zfits/codecs.hpp"

namespace alisio::zfits {
namespace {

constexpr std::size_t tile_header_size = 16;
constexpr std::size_t block_header_size = 10;
constexpr const char* copy_again = "the file is damaged or cut short: copy it again";

template <typename T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

std::uint64_t load_big_endian(const std::byte* at) {
  return __builtin_bswap64(load<std::uint64_t>(at));
}

struct Extent {
  std::uint64_t size = 0, offset = 0;  ///< Of a block, the offset counted from the heap's start.
};

struct Tile {
  std::uint64_t first_row = 0;
  std::uint32_t rows = 0;
};

}  // namespace

bool is_array(const Column& column) noexcept {
  return column.type == ItemType::text || column.type == ItemType::uint8 ||
         column.type == ItemType::int16 || column.type == ItemType::uint16 || column.max_items != 1;
}

const char* to_string(ItemType type) noexcept {
  switch (type) {
    case ItemType::boolean:
      return "boolean";
    case ItemType::text:
      return "text";
    case ItemType::uint8:
      return "uint8";
    case ItemType::int16:
      return "int16";
    case ItemType::uint16:
      return "uint16";
    case ItemType::int32:
      return "int32";
    case ItemType::uint32:
      return "uint32";
    case ItemType::int64:
      return "int64";
    case ItemType::uint64:
      return "uint64";
    case ItemType::float32:
      return "float32";
    case ItemType::float64:
      return "float64";
  }
  return "unknown";
}

std::size_t item_size(ItemType type) noexcept {
  switch (type) {
    case ItemType::boolean:
    case ItemType::text:
    case ItemType::uint8:
      return 1;
    case ItemType::int16:
    case ItemType::uint16:
      return 2;
    case ItemType::int32:
    case ItemType::uint32:
    case ItemType::float32:
      return 4;
    case ItemType::int64:
    case ItemType::uint64:
    case ItemType::float64:
      return 8;
  }
  return 1;
}

std::uint64_t integer_item(const DecodedColumn& column, ItemType type, std::size_t row) {
  if (column.row(row).empty()) return 0;
  switch (item_size(type)) {
    case 1:
      return column.item<std::uint8_t>(row);
    case 2:
      return column.item<std::uint16_t>(row);
    case 4:
      return column.item<std::uint32_t>(row);
    default:
      return column.item<std::uint64_t>(row);
  }
}

struct DecodeScratch::State {
  Buffer compressed, other;
  HuffmanWorkspace huffman;
  Inflater inflater;
};

DecodeScratch::DecodeScratch() : state_(std::make_unique<State>()) {}
DecodeScratch::~DecodeScratch() = default;
DecodeScratch::DecodeScratch(DecodeScratch&&) noexcept = default;
DecodeScratch& DecodeScratch::operator=(DecodeScratch&&) noexcept = default;

struct Table::State {
  std::shared_ptr<const fits::ByteSource> source;
  std::string name, message_class;
  fits::Header header;
  std::vector<Column> columns;
  std::uint64_t heap_offset = 0, heap_size = 0, rows = 0;
  std::vector<Tile> tiles;
  std::vector<Extent> extents;  ///< [tile][column]

  [[nodiscard]] std::string where() const { return source->name() + ", table " + name; }
  [[nodiscard]] Error bad(const std::string& what, const std::string& at) const {
    return Error(ErrorKind::bad_input, what, where() + at, copy_again);
  }
  [[nodiscard]] Error bad(const std::string& what, std::size_t tile, std::size_t column,
                          std::uint64_t byte) const {
    return bad(what, ", tile " + std::to_string(tile) + ", column " + columns[column].name +
                         ", byte " + std::to_string(byte));
  }
  [[nodiscard]] const Extent& extent(std::size_t tile, std::size_t column) const {
    return extents[tile * columns.size() + column];
  }
  /// The same for a block that is to be read. @throws Error if no file can hold it there.
  [[nodiscard]] const Extent& checked_extent(std::size_t tile, std::size_t column) const;

  void read_columns();
  void read_tiles(const fits::Hdu& hdu, std::size_t most_tiles);
  void read_catalogue(const fits::Hdu& hdu, std::size_t tiles_listed);
  void walk_heap();
};

const Extent& Table::State::checked_extent(std::size_t tile, std::size_t column) const {
  if (tile >= tiles.size() || column >= columns.size())
    throw Error(
        ErrorKind::bug,
        "there is no tile " + std::to_string(tile) + " with a column " + std::to_string(column),
        where());
  const Extent& found = extent(tile, column);
  if (found.size == 0) return found;
  if (found.offset > heap_size || found.size > heap_size - found.offset)
    throw bad("the catalogue points outside the data", tile, column, heap_offset);
  if (found.size > max_block_bytes)
    throw bad("the block is larger than any real one", tile, column, heap_offset + found.offset);
  return found;
}

void Table::State::read_columns() {
  const auto fields = header.integer("TFIELDS").value_or(0);
  if (fields < 1 || fields > 999) throw bad("TFIELDS makes no sense", "");
  for (std::int64_t n = 1; n <= fields; ++n) {
    const auto number = std::to_string(n);
    const auto name_card = header.text("TTYPE" + number);
    const auto format = header.text("ZFORM" + number);
    if (!name_card || !format || format->empty())
      throw bad("TTYPE" + number + " or ZFORM" + number + " is missing", "");
    Column column;
    column.name = *name_card;
    column.field = header.text("TPBID" + number).value_or("");
    std::int64_t count = 0;
    for (const char c : std::string_view(*format).substr(0, format->size() - 1)) {
      if (c < '0' || c > '9' || count > (std::int64_t{1} << 40))
        throw bad("ZFORM" + number + " '" + *format + "' makes no sense", ", column " + *name_card);
      count = count * 10 + (c - '0');
    }
    column.max_items = format->size() == 1 ? 1 : count;
    // TZERO only says whether the integers are unsigned; files exist with a wrong value of it.
    const bool is_unsigned = header.real("TZERO" + number).value_or(0) > 0;
    switch (format->back()) {
      case 'L':
        column.type = ItemType::boolean;
        break;
      case 'A':
        column.type = ItemType::text;
        break;
      case 'B':
        column.type = ItemType::uint8;
        break;
      case 'I':
        column.type = is_unsigned ? ItemType::uint16 : ItemType::int16;
        break;
      case 'J':
        column.type = is_unsigned ? ItemType::uint32 : ItemType::int32;
        break;
      case 'K':
        column.type = is_unsigned ? ItemType::uint64 : ItemType::int64;
        break;
      case 'E':
        column.type = ItemType::float32;
        break;
      case 'D':
        column.type = ItemType::float64;
        break;
      default:
        throw bad("ZFORM" + number + " '" + *format + "' is of an unknown type",
                  ", column " + *name_card);
    }
    columns.push_back(std::move(column));
  }
}

void Table::State::read_catalogue(const fits::Hdu& hdu, std::size_t tiles_listed) {
  std::vector<std::byte> bytes(tiles_listed * columns.size() * 16);
  source->read(hdu.data_offset, bytes);
  extents.reserve(tiles_listed * columns.size());
  for (std::size_t at = 0; at < bytes.size(); at += 16)
    extents.push_back({load_big_endian(bytes.data() + at), load_big_endian(bytes.data() + at + 8)});
}

/// Find the tiles of a thinned catalogue by stepping from tile header to tile header.
void Table::State::walk_heap() {
  extents.clear();
  std::uint64_t at = 0;
  while (heap_size - at >= tile_header_size) {
    std::array<std::byte, tile_header_size> tile_header;
    source->read(heap_offset + at, tile_header);
    if (std::memcmp(tile_header.data(), "TILE", 4) != 0) break;
    at += tile_header_size;
    for (std::size_t c = 0; c < columns.size(); ++c) {
      std::array<std::byte, 8> size_bytes;
      if (heap_size - at < size_bytes.size())
        throw bad("a tile is cut short", ", byte " + std::to_string(heap_offset + at));
      source->read(heap_offset + at, size_bytes);
      const auto size = load<std::uint64_t>(size_bytes.data());
      if (size < block_header_size || size > heap_size - at)
        throw bad("the size of a block makes no sense",
                  ", byte " + std::to_string(heap_offset + at));
      extents.push_back({size, at});
      at += size;
    }
  }
}

void Table::State::read_tiles(const fits::Hdu& hdu, std::size_t most_tiles) {
  const auto card = [&](const char* key) {
    const auto value = header.integer(key);
    if (!value || *value < 0) throw bad(std::string(key) + " is missing or makes no sense", "");
    return static_cast<std::uint64_t>(*value);
  };
  const auto listed = card("NAXIS2");
  const auto heap_start = card("ZHEAPPTR");
  rows = card("ZNAXIS2");
  if (card("NAXIS1") != 16 * columns.size()) throw bad("NAXIS1 does not agree with TFIELDS", "");
  // The walk over the HDUs made sure that the data unit lies in the file.
  if (heap_start > hdu.data_size || listed > hdu.data_size / (16 * columns.size()))
    throw bad("ZHEAPPTR or NAXIS2 does not fit into the data unit", "");
  heap_offset = hdu.data_offset + heap_start;
  heap_size = hdu.data_size - heap_start;

  const auto shrink = header.integer("ZSHRINK").value_or(1);
  if (shrink > 1)
    walk_heap();
  else
    read_catalogue(hdu, std::min<std::uint64_t>(listed, most_tiles));

  const bool all = listed <= most_tiles || shrink > 1;
  const std::size_t tile_number = extents.size() / columns.size();
  std::uint64_t row = 0;
  for (std::size_t t = 0; t < tile_number; ++t) {
    // The tile header lies just before the first block that is not empty.
    std::size_t c = 0;
    while (c + 1 < columns.size() && extent(t, c).size == 0) ++c;
    const Extent& first = extent(t, c);
    const auto at_tile = [&] {
      return ", tile " + std::to_string(t) + ", byte " +
             std::to_string(heap_offset + std::min(first.offset, heap_size));
    };
    if (first.offset < tile_header_size || first.offset > heap_size)
      throw bad("the catalogue points outside the data", at_tile());
    std::array<std::byte, tile_header_size> tile_header;
    source->read(heap_offset + first.offset - tile_header_size, tile_header);
    if (std::memcmp(tile_header.data(), "TILE", 4) != 0)
      throw bad("no tile starts where the catalogue says", at_tile());
    Tile tile;
    tile.first_row = row;
    tile.rows = load<std::uint32_t>(tile_header.data() + 4);
    row += tile.rows;
    tiles.push_back(tile);
  }
  if (all && row != rows)
    throw bad(
        "the tiles hold " + std::to_string(row) + " rows, the header says " + std::to_string(rows),
        "");
}

Table::Table(std::shared_ptr<const State> state) : state_(std::move(state)) {}

const std::string& Table::name() const noexcept {
  return state_->name;
}
const fits::Header& Table::header() const noexcept {
  return state_->header;
}
const std::string& Table::message_class() const noexcept {
  return state_->message_class;
}
const std::vector<Column>& Table::columns() const noexcept {
  return state_->columns;
}
std::uint64_t Table::row_count() const noexcept {
  return state_->rows;
}
std::size_t Table::tile_count() const noexcept {
  return state_->tiles.size();
}
std::uint64_t Table::first_row(std::size_t tile) const {
  return state_->tiles.at(tile).first_row;
}
std::size_t Table::rows_in_tile(std::size_t tile) const {
  return state_->tiles.at(tile).rows;
}

std::optional<std::size_t> Table::find_column(std::string_view name) const {
  for (std::size_t c = 0; c < state_->columns.size(); ++c)
    if (state_->columns[c].name == name) return c;
  return std::nullopt;
}

std::optional<std::size_t> Table::find_field(std::string_view field) const {
  for (std::size_t c = 0; c < state_->columns.size(); ++c)
    if (!field.empty() && state_->columns[c].field == field) return c;
  return std::nullopt;
}

std::vector<std::uint16_t> Table::processes(std::size_t tile, std::size_t column) const {
  const State& s = *state_;
  const Extent& extent = s.extent(tile, column);
  if (extent.size == 0) return {};
  std::vector<std::uint16_t> ids;
  std::array<std::byte, block_header_size> head;
  if (extent.size < head.size() || extent.offset > s.heap_size ||
      extent.size > s.heap_size - extent.offset)
    throw s.bad("the catalogue points outside the data", tile, column, s.heap_offset);
  s.source->read(s.heap_offset + extent.offset, head);
  const auto count = static_cast<std::size_t>(head[9]);
  if (extent.size < head.size() + 2 * count)
    throw s.bad("the block is cut short", tile, column, s.heap_offset + extent.offset);
  ids.resize(count);
  s.source->read(s.heap_offset + extent.offset + head.size(),
                 std::as_writable_bytes(std::span<std::uint16_t>(ids)));
  return ids;
}

std::string Table::codecs(std::size_t tile, std::size_t column) const {
  std::string names;
  for (const std::uint16_t id : processes(tile, column)) {
    if (!names.empty()) names += ", ";
    names += process_name(id);
  }
  return names;
}

void Table::decode(std::size_t tile, std::size_t column, DecodedColumn& out) const {
  DecodeScratch scratch;
  decode(tile, column, out, scratch);
}

void Table::decode(std::size_t tile, std::size_t column, DecodedColumn& out,
                   DecodeScratch& scratch) const {
  const State& s = *state_;
  const Extent& extent = s.checked_extent(tile, column);
  // What an empty column's place is does not matter.
  if (extent.size == 0) return decode_block(tile, column, {}, out, scratch);
  Buffer& bytes = scratch.state_->compressed;
  bytes.resize(extent.size);
  s.source->read(s.heap_offset + extent.offset, {bytes.data(), bytes.size()});
  decode_block(tile, column, bytes.bytes(), out, scratch);
}

void Table::read(std::size_t tile, std::span<const std::size_t> columns, TileBytes& out) const {
  const State& s = *state_;
  std::uint64_t begin = std::numeric_limits<std::uint64_t>::max(), end = 0;
  for (const std::size_t column : columns) {
    const Extent& extent = s.checked_extent(tile, column);
    if (extent.size == 0) continue;
    begin = std::min(begin, extent.offset);
    end = std::max(end, extent.offset + extent.size);
  }
  // A tile's blocks lie side by side. Of a damaged catalogue, which says otherwise, decode() reads
  // each alone.
  const bool is_one_piece = begin < end && end - begin <= max_block_bytes;
  out.offset_ = is_one_piece ? s.heap_offset + begin : 0;
  out.bytes_.resize(is_one_piece ? end - begin : 0);
  if (is_one_piece) s.source->read(out.offset_, {out.bytes_.data(), out.bytes_.size()});
}

void Table::decode(std::size_t tile, std::size_t column, const TileBytes& bytes, DecodedColumn& out,
                   DecodeScratch& scratch) const {
  const Extent& extent = state_->checked_extent(tile, column);
  const std::uint64_t offset = state_->heap_offset + extent.offset;
  const std::span<const std::byte> read = bytes.bytes_.bytes();
  if (extent.size == 0 || offset < bytes.offset_ || offset - bytes.offset_ > read.size() ||
      extent.size > read.size() - (offset - bytes.offset_))
    decode(tile, column, out, scratch);
  else
    decode_block(tile, column, read.subspan(offset - bytes.offset_, extent.size), out, scratch);
}

namespace {

/// What the header of a block says: which processes its writer applied, in order.
class BlockProcesses {
 public:
  /// @throws Damage at a byte of the block.
  explicit BlockProcesses(std::span<const std::byte> block) : block_(block) {
    if (block.size() < block_header_size || load<std::uint64_t>(block.data()) != block.size())
      throw Damage{"the size in the block header is not that of the catalogue", 0};
    count_ = static_cast<std::size_t>(block[9]);
    if (header_size() > block.size()) throw Damage{"the block is cut short", 0};
  }
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t header_size() const { return place(count_); }
  /// Return where in the block the id of a process stands.
  [[nodiscard]] static std::size_t place(std::size_t n) { return block_header_size + 2 * n; }
  [[nodiscard]] Process operator[](std::size_t n) const {
    return static_cast<Process>(load<std::uint16_t>(block_.data() + place(n)));
  }

 private:
  std::span<const std::byte> block_;
  std::size_t count_ = 0;
};

/// Undoes the processes of one block, the last one first, between two buffers.
class Undoing {
 public:
  /// @param data     the block after its header
  /// @param target   takes a result, and `other` the next
  /// @param expected bytes of the end result, a hint
  Undoing(std::span<const std::byte> data, std::size_t expected, std::uint32_t rows, Buffer& target,
          Buffer& other, HuffmanWorkspace& huffman, Inflater& inflater)
      : data_(data),
        expected_(expected),
        rows_(rows),
        target_(&target),
        other_(&other),
        huffman_(huffman),
        inflater_(inflater) {}

  [[nodiscard]] std::span<const std::byte> data() const { return data_; }

  /// Return the data in a buffer where they can be changed.
  Buffer& own() {
    if (data_.data() != other_->data() || data_.empty()) {
      other_->resize(data_.size());
      if (!data_.empty()) std::memcpy(other_->data(), data_.data(), data_.size());
    }
    data_ = other_->bytes();
    return *other_;
  }

  /// @param smoothed the process before it is smoothing, to be undone with it
  /// @return false if the process is not known. @throws Damage.
  [[nodiscard]] bool undo(Process process, bool smoothed) {
    switch (process) {
      case Process::raw:
      case Process::lossy_int16:
      case Process::lossy_int32:
        return true;
      case Process::smoothing:
      case Process::diff:
      case Process::double_diff:
      case Process::offset128:
        undo_in_place(process, own());
        data_ = other_->bytes();
        return true;
      default:
        if (!undo_into_target(process, smoothed)) return false;
        data_ = target_->bytes();
        std::swap(target_, other_);
        return true;
    }
  }

 private:
  static void undo_in_place(Process process, Buffer& data) {
    if (process == Process::smoothing)
      undo_smoothing(reinterpret_cast<std::uint16_t*>(data.data()), data.size() / 2);
    else if (process == Process::offset128)
      undo_offset128(data);
    else
      undo_diff(data);
    if (process == Process::double_diff) undo_diff(data);
  }

  bool undo_into_target(Process process, bool smoothed) {
    constexpr std::size_t limit = max_block_bytes;
    switch (process) {
      case Process::huffman16:
        undo_huffman16(data_, smoothed, limit, *target_, huffman_);
        return true;
      case Process::halfman16: {
        Buffer& half = data_.data() == other_->data() ? *target_ : *other_;
        Buffer joined;
        undo_halfman16(data_, limit, joined, half, huffman_);
        std::swap(*target_, joined);
        return true;
      }
      case Process::split16:
        undo_split16(data_, *target_);
        return true;
      case Process::split32:
        undo_split32(data_, *target_);
        return true;
      case Process::zlib:
        inflater_.undo_zlib(data_, expected_, limit, *target_);
        return true;
      case Process::zstd:
        inflater_.undo_zstd(data_, expected_, limit, *target_);
        return true;
      case Process::lzo:
        undo_lzo(data_, expected_, limit, *target_);
        return true;
      case Process::rice:
        undo_rice(data_, limit, *target_);
        return true;
      case Process::same_values:
        undo_same_values(data_, limit, *target_);
        return true;
      case Process::sparse_values:
        undo_sparse_values(data_, limit, *target_);
        return true;
      case Process::lossy_floats:
        undo_lossy_floats(data_, rows_, *target_);
        return true;
      default:
        return false;
    }
  }

  std::span<const std::byte> data_;
  std::size_t expected_;
  std::uint32_t rows_;
  Buffer *target_, *other_;
  HuffmanWorkspace& huffman_;
  Inflater& inflater_;
};

/// Where the rows of a column are in its bytes: scalars side by side, arrays behind their lengths.
struct RowPlaces {
  std::vector<std::size_t>&offsets, &lengths;

  void scalars(std::size_t rows, std::size_t width) {
    offsets.resize(rows);
    for (std::size_t r = 0; r < rows; ++r) offsets[r] = r * width;
    lengths.assign(rows, width);
  }

  /// @throws Damage.
  void arrays(std::span<const std::byte> data, std::size_t rows, std::size_t width) {
    if (rows > data.size() / 4)
      throw Damage{"holds " + std::to_string(data.size()) + " bytes, too few for " +
                       std::to_string(rows) + " rows",
                   0};
    offsets.reserve(rows);
    lengths.reserve(rows);
    std::size_t at = 0;
    for (std::size_t r = 0; r < rows; ++r) {
      const auto row_error = [r] {
        return Damage{"the length of row " + std::to_string(r) + " of the tile makes no sense", 0};
      };
      if (data.size() - at < 4) throw row_error();
      // A negative length marks a packed field; its absolute value counts.
      const std::int64_t length = load<std::int32_t>(data.data() + at);
      const auto bytes = static_cast<std::size_t>(length < 0 ? -length : length);
      at += 4;
      if (bytes > data.size() - at || bytes % width != 0) throw row_error();
      offsets.push_back(at);
      lengths.push_back(bytes);
      at += bytes;
    }
    if (data.size() - at >= 4)
      throw Damage{std::to_string(data.size() - at) + " bytes are left over after the last row", 0};
  }
};

/// Return about how many bytes a block has when it is decoded: the true size is known only then.
std::size_t expected_bytes(const Column& column, std::size_t rows) {
  const auto items = static_cast<double>(column.max_items);
  const auto width = static_cast<double>(item_size(column.type));
  const double lengths = is_array(column) ? 4 : 0;
  const double guess = static_cast<double>(rows) * (items * width + lengths) + 8;
  return static_cast<std::size_t>(std::min(guess, static_cast<double>(max_block_bytes)));
}

}  // namespace

void Table::decode_block(std::size_t tile_number, std::size_t column_number,
                         std::span<const std::byte> stored, DecodedColumn& out,
                         DecodeScratch& scratch) const {
  const State& s = *state_;
  const std::size_t rows = s.tiles.at(tile_number).rows;
  const Column& column = s.columns.at(column_number);
  const std::uint64_t block_offset = s.heap_offset + s.extent(tile_number, column_number).offset;
  const auto bad = [&](const std::string& what, std::uint64_t byte) {
    return s.bad(what, tile_number, column_number, block_offset + byte);
  };
  out.offsets_.clear();
  out.lengths_.clear();
  out.data_ = nullptr;
  if (stored.empty()) {
    // No bytes vouch for the number of rows of an empty column; other columns of the tile do.
    if (rows > max_block_bytes / 16) throw bad("the tile claims too many rows", 0);
    out.offsets_.assign(rows, 0);
    out.lengths_.assign(rows, 0);
    return;
  }
  DecodeScratch::State& work = *scratch.state_;
  // Only bytes that come straight from the file have a place in it.
  std::uint64_t place = 0;
  try {
    const BlockProcesses processes(stored);
    const std::span<const std::byte> packed = stored.subspan(processes.header_size());
    Undoing undoing(packed, expected_bytes(column, rows), static_cast<std::uint32_t>(rows),
                    out.bytes_, work.other, work.huffman, work.inflater);
    const auto is_packed = [&] { return undoing.data().data() == packed.data(); };
    for (std::size_t p = processes.count(); p-- > 0;) {
      const bool smoothed =
          processes[p] == Process::huffman16 && p > 0 && processes[p - 1] == Process::smoothing;
      place = is_packed() ? processes.header_size() : 0;
      if (!undoing.undo(processes[p], smoothed))
        throw Error(
            ErrorKind::bad_input,
            "is compressed by process " + std::to_string(static_cast<std::uint16_t>(processes[p])) +
                ", which is not known",
            s.where() + ", tile " + std::to_string(tile_number) + ", column " + column.name +
                ", byte " + std::to_string(block_offset + BlockProcesses::place(p)),
            "write the file again with one of the usual schemes, or copy it again if it "
            "is damaged");
      if (smoothed) --p;
    }
    // The result stays with `out`, wherever it ended.
    if (is_packed()) undoing.own();
    const std::span<const std::byte> data = undoing.data();
    if (data.data() == work.other.data()) std::swap(out.bytes_, work.other);
    out.data_ = data.data();

    // A scalar and an array of at most one item look alike in the header; the size tells, except
    // for 4-byte arrays that are empty in all rows of the tile, which read as zeros.
    place = 0;
    RowPlaces places{out.offsets_, out.lengths_};
    const std::size_t width = item_size(column.type), scalars_end = rows * width;
    if (!is_array(column) && data.size() >= scalars_end && data.size() - scalars_end < 4)
      places.scalars(rows, width);
    else
      places.arrays(data, rows, width);
  } catch (const Damage& damage) {
    const bool has_place = place > 0;
    throw bad(damage.what, has_place ? place + damage.at : 0);
  }
}

File File::open(const std::filesystem::path& path, std::size_t most_tiles) {
  return read(fits::ByteSource::open(path), most_tiles);
}

File File::from_memory(std::vector<std::byte> bytes, std::string name) {
  return read(fits::ByteSource::from_memory(std::move(bytes), std::move(name)),
              std::numeric_limits<std::size_t>::max());
}

File File::read(fits::ByteSource opened, std::size_t most_tiles) {
  File file;
  file.path_ = opened.name();
  const auto source = std::make_shared<const fits::ByteSource>(std::move(opened));
  for (fits::Hdu& hdu : fits::read_hdus(*source)) {
    if (!hdu.header.logical("ZTABLE").value_or(false)) continue;
    auto state = std::make_shared<Table::State>();
    state->source = source;
    state->name = hdu.header.text("EXTNAME").value_or("");
    state->message_class = hdu.header.text("PBFHEAD").value_or("");
    state->header = hdu.header;
    state->read_columns();
    state->read_tiles(hdu, most_tiles);
    file.tables_.push_back(Table(std::move(state)));
  }
  return file;
}

const std::string& File::path() const noexcept {
  return path_;
}

std::vector<std::string> File::table_names() const {
  std::vector<std::string> names;
  for (const Table& table : tables_) names.push_back(table.name());
  return names;
}

bool File::has_table(std::string_view name) const {
  return std::any_of(tables_.begin(), tables_.end(),
                     [&](const Table& table) { return table.name() == name; });
}

const Table& File::table(std::string_view name) const {
  for (const Table& table : tables_)
    if (table.name() == name) return table;
  throw Error(ErrorKind::bad_input, "has no table " + std::string(name), path_,
              "check that this is a raw data file of LST-1");
}

}  // namespace alisio::zfits
