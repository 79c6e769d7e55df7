#include "lib/io/zfits/writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/io/fits/checksum.hpp"
#include "lib/io/fits/header.hpp"
#include "lib/io/zfits/encode.hpp"

namespace alisio::zfits {
namespace {

Error misuse(const std::string& what, const std::string& where) {
  return Error(ErrorKind::bug, what, where, "report this");
}

char format_letter(ItemType type) {
  switch (type) {
    case ItemType::boolean:
      return 'L';
    case ItemType::text:
      return 'A';
    case ItemType::uint8:
      return 'B';
    case ItemType::int16:
    case ItemType::uint16:
      return 'I';
    case ItemType::int32:
    case ItemType::uint32:
      return 'J';
    case ItemType::int64:
    case ItemType::uint64:
      return 'K';
    case ItemType::float32:
      return 'E';
    case ItemType::float64:
      return 'D';
  }
  return 'B';
}

/// Collects the cards of one header.
class Cards {
 public:
  void logical(const std::string& key, bool value, const std::string& comment = {}) {
    number(key, value ? "T" : "F", comment);
  }
  void integer(const std::string& key, std::int64_t value, const std::string& comment = {}) {
    number(key, std::to_string(value), comment);
  }
  /// Append a number that is already written out.
  void number(const std::string& key, const std::string& value, const std::string& comment = {}) {
    card(fmt::format("{:<8}= {:>20}", key, value), comment);
  }
  void text(const std::string& key, const std::string& value, const std::string& comment = {}) {
    std::string quoted;
    for (const char c : value) quoted += c == '\'' ? "''" : std::string(1, c);
    const auto whole = fmt::format("{:<8}= {:<20}", key, fmt::format("'{:<8}'", quoted));
    if (whole.size() > 80) throw misuse("the value of the card is too long", key);
    card(whole, comment);
  }
  void add(const Card& extra) {
    struct Visitor {
      Cards& cards;
      const Card& card;
      void operator()(bool v) const { cards.logical(card.key, v, card.comment); }
      void operator()(std::int64_t v) const { cards.integer(card.key, v, card.comment); }
      void operator()(double v) const {
        cards.number(card.key, fmt::format("{:#.15G}", v), card.comment);
      }
      void operator()(const std::string& v) const { cards.text(card.key, v, card.comment); }
    };
    if (extra.key.empty() || extra.key.size() > 8) throw misuse("no valid keyword", extra.key);
    std::visit(Visitor{*this, extra}, extra.value);
  }
  /// Return the header with END, padded to whole blocks.
  [[nodiscard]] std::string finish() const {
    std::string header = text_ + fmt::format("{:<80}", "END");
    header.resize((header.size() + fits::block_size - 1) / fits::block_size * fits::block_size,
                  ' ');
    return header;
  }

 private:
  void card(const std::string& start, const std::string& comment) {
    std::string line = start;
    if (!comment.empty()) line += " / " + comment;
    line.resize(80, ' ');
    text_ += line;
  }
  std::string text_;
};

constexpr const char* no_checksum = "0000000000000000";

/// Fill in DATASUM beforehand; this puts CHECKSUM in the place of its sixteen zeros.
void sign(std::string& header, std::uint32_t data_sum) {
  const auto at = header.find(fmt::format("CHECKSUM= '{}'", no_checksum));
  const auto sum = fits::add_to_checksum(data_sum, std::as_bytes(std::span<const char>(header)));
  header.replace(at + 11, 16, fits::encode_checksum(sum));
}

}  // namespace

struct Writer::State {
  explicit State(const std::filesystem::path& path) : pending(path) {
    file = std::fopen(pending.path().c_str(), "wb");
    if (!file) throw failed("cannot be made");
  }
  ~State() {
    if (file) std::fclose(file);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  [[nodiscard]] Error failed(const std::string& what) const {
    return Error(ErrorKind::resource, what + ": " + std::strerror(errno), pending.target().string(),
                 "check the space left on the disk and permissions");
  }
  void write(std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    if (std::fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size())
      throw failed("cannot be written");
    position += bytes.size();
  }
  void write(const std::string& text) { write(std::as_bytes(std::span<const char>(text))); }
  void seek(std::uint64_t to) {
    if (fseeko(file, static_cast<off_t>(to), SEEK_SET) != 0) throw failed("cannot be written");
  }
  [[nodiscard]] std::string header(std::uint32_t data_sum) const;
  void flush_tile();
  void end_table();

  PendingFile pending;
  std::FILE* file = nullptr;
  std::uint64_t position = 0;  ///< End of what was written.

  struct Pending {
    std::vector<std::byte> bytes;
    std::size_t max_items = 0;
  };
  bool in_table = false;
  TableSpec spec;
  std::vector<Pending> columns;
  std::size_t rows_waiting = 0;
  std::uint64_t rows = 0, header_offset = 0, data_offset = 0;
  std::vector<std::byte> catalogue;  ///< Big endian, as in the file.
  std::size_t tiles = 0;
  std::uint64_t heap_size = 0;
  fits::RunningChecksum heap_sum;
};

std::string Writer::State::header(std::uint32_t data_sum) const {
  const auto fields = static_cast<std::int64_t>(spec.columns.size());
  const auto used = 16 * fields * static_cast<std::int64_t>(tiles);
  const auto reserved = 16 * fields * static_cast<std::int64_t>(spec.max_tiles);
  std::int64_t row_width = 0;
  for (std::size_t c = 0; c < columns.size(); ++c)
    row_width += static_cast<std::int64_t>(columns[c].max_items * item_size(spec.columns[c].type));

  Cards cards;
  cards.text("XTENSION", "BINTABLE", "binary table extension");
  cards.integer("BITPIX", 8, "8-bit bytes");
  cards.integer("NAXIS", 2, "2-dimensional binary table");
  cards.integer("NAXIS1", 16 * fields, "width of table in bytes");
  cards.integer("NAXIS2", static_cast<std::int64_t>(tiles), "number of rows in table");
  cards.integer("PCOUNT", reserved - used + static_cast<std::int64_t>(heap_size),
                "size of special data area");
  cards.integer("GCOUNT", 1, "one data group (required keyword)");
  cards.integer("TFIELDS", fields, "number of fields in each row");
  cards.text("EXTNAME", spec.name, "name of extension table");
  cards.text("CHECKSUM", no_checksum, "Checksum for the whole HDU");
  cards.text("DATASUM", fmt::format("{:>10}", data_sum), "Checksum for the data block");
  cards.logical("ZTABLE", true, "Table is compressed");
  cards.integer("ZNAXIS1", row_width, "Width of uncompressed rows");
  cards.integer("ZNAXIS2", static_cast<std::int64_t>(rows), "Number of uncompressed rows");
  cards.integer("ZPCOUNT", 0);
  cards.integer("ZHEAPPTR", reserved);
  cards.integer("ZTILELEN", static_cast<std::int64_t>(spec.rows_per_tile),
                "Number of rows per tile");
  cards.integer("THEAP", used);
  cards.text("RAWSUM", fmt::format("{:>10}", 0), "Checksum of raw little endian data");
  cards.number("ZRATIO", "0.", "Compression ratio");
  cards.integer("ZSHRINK", 1, "Catalog shrink factor");
  cards.text("PBFHEAD", spec.message_class, "Written message name");
  cards.text("ORIGIN", "CTA", "Institution that wrote the file");
  cards.text("TIMESYS", "UTC", "Time system");
  for (const Card& extra : spec.cards) cards.add(extra);
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const ColumnSpec& column = spec.columns[c];
    const auto n = std::to_string(c + 1);
    cards.text("TFORM" + n, "1QB", "[var. Length]");
    cards.text("TTYPE" + n, column.name);
    switch (column.type) {
      case ItemType::uint8:
        cards.number("TZERO" + n, "-128.", "Offset for signed chars");
        break;
      case ItemType::uint16:
        cards.number("TZERO" + n, "32768.", "Offset for uint16");
        break;
      case ItemType::uint32:
        cards.number("TZERO" + n, "2147483648.", "Offset for uint32");
        break;
      case ItemType::uint64:
        cards.number("TZERO" + n, "9223372036854775808.", "Offset for uint64");
        break;
      default:
        break;
    }
    cards.text("ZFORM" + n, fmt::format("{}{}", column.array ? columns[c].max_items : 1,
                                        format_letter(column.type)));
    cards.text("ZCTYP" + n, "CTA", "Custom CTA compression");
    cards.text("TPBID" + n, column.field, "Protobuf ID");
  }
  return cards.finish();
}

void Writer::State::flush_tile() {
  if (rows_waiting == 0) return;
  if (tiles == spec.max_tiles)
    throw misuse("more tiles than the " + std::to_string(spec.max_tiles) + " reserved",
                 pending.target().string() + ", table " + spec.name);
  std::vector<std::byte> tile(16);
  const auto put = [&](auto value) {
    const auto at = tile.size();
    tile.resize(at + sizeof value);
    std::memcpy(tile.data() + at, &value, sizeof value);
  };
  const auto put_in_catalogue = [&](std::uint64_t value) {
    const std::uint64_t swapped = __builtin_bswap64(value);
    const auto at = catalogue.size();
    catalogue.resize(at + sizeof swapped);
    std::memcpy(catalogue.data() + at, &swapped, sizeof swapped);
  };
  for (std::size_t c = 0; c < columns.size(); ++c) {
    std::vector<std::byte>& bytes = columns[c].bytes;
    bytes.resize((bytes.size() + 3) / 4 * 4);
    const auto processes = processes_of(spec.columns[c].scheme);
    for (const Process process : processes) apply(process, bytes);
    const std::uint64_t size = 10 + 2 * processes.size() + bytes.size();
    put_in_catalogue(size);
    put_in_catalogue(heap_size + tile.size());
    put(size);
    put('C');
    put(static_cast<std::uint8_t>(processes.size()));
    for (const Process process : processes) put(static_cast<std::uint16_t>(process));
    tile.insert(tile.end(), bytes.begin(), bytes.end());
    bytes.clear();
  }
  const auto rows_in_tile = static_cast<std::uint32_t>(rows_waiting);
  const std::uint64_t blocks_size = tile.size() - 16;
  std::memcpy(tile.data(), "TILE", 4);
  std::memcpy(tile.data() + 4, &rows_in_tile, sizeof rows_in_tile);
  std::memcpy(tile.data() + 8, &blocks_size, sizeof blocks_size);
  write(tile);
  heap_sum.add(tile);
  heap_size += tile.size();
  ++tiles;
  rows_waiting = 0;
}

void Writer::State::end_table() {
  if (!in_table) return;
  flush_tile();
  const std::uint64_t data_size = position - data_offset;
  const std::vector<std::byte> padding(
      (data_size + fits::block_size - 1) / fits::block_size * fits::block_size - data_size);
  write(padding);
  // The reserved catalogue is a multiple of 4 bytes long: the sums of its words and of the heap's
  // add.
  fits::RunningChecksum data_sum = heap_sum;
  data_sum.add(padding);
  const auto sum = fits::add_to_checksum(data_sum.value(), catalogue);
  std::string final_header = header(sum);
  sign(final_header, sum);
  const auto end = position;
  seek(header_offset);
  write(final_header);
  write(catalogue);
  seek(end);
  position = end;
  in_table = false;
}

Writer::Writer(const std::filesystem::path& path) : state_(std::make_unique<State>(path)) {
  Cards cards;
  cards.logical("SIMPLE", true, "file does conform to FITS standard");
  cards.integer("BITPIX", 8, "number of bits per data pixel");
  cards.integer("NAXIS", 0, "number of data axes");
  cards.logical("EXTEND", true, "FITS dataset may contain extensions");
  cards.text("CHECKSUM", no_checksum, "Checksum for the whole HDU");
  cards.text("DATASUM", fmt::format("{:>10}", 0), "Checksum for the data block");
  std::string header = cards.finish();
  sign(header, 0);
  state_->write(header);
}

Writer::~Writer() = default;
Writer::Writer(Writer&&) noexcept = default;

void Writer::begin_table(const TableSpec& table) {
  State& s = *state_;
  s.end_table();
  if (table.columns.empty() || table.columns.size() > 999 || table.rows_per_tile == 0 ||
      table.max_tiles == 0)
    throw misuse("a table needs columns, rows per tile and room for tiles", table.name);
  s.spec = table;
  s.columns.assign(table.columns.size(), {});
  s.rows_waiting = 0;
  s.rows = 0;
  s.tiles = 0;
  s.heap_size = 0;
  s.heap_sum = {};
  s.catalogue.clear();
  s.header_offset = s.position;
  // The header has the same cards now and at the end, so that it can be written over.
  s.write(s.header(0));
  s.data_offset = s.position;
  s.write(std::vector<std::byte>(16 * table.columns.size() * table.max_tiles));
  s.in_table = true;
}

void Writer::append_row(std::span<const std::span<const std::byte>> row) {
  State& s = *state_;
  if (!s.in_table) throw misuse("a row without a table", s.pending.target().string());
  if (row.size() != s.columns.size())
    throw misuse("a row of " + std::to_string(row.size()) + " columns for a table of " +
                     std::to_string(s.columns.size()),
                 s.spec.name);
  for (std::size_t c = 0; c < row.size(); ++c) {
    const ColumnSpec& column = s.spec.columns[c];
    const std::size_t width = item_size(column.type), size = row[c].size();
    if (size % width != 0 || (!column.array && size != width) ||
        size > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
      throw misuse(std::to_string(size) + " bytes do not fit the column", column.name);
    auto& target = s.columns[c];
    if (column.array) {
      std::array<std::byte, 4> length;
      const auto value = static_cast<std::int32_t>(size);
      std::memcpy(length.data(), &value, sizeof value);
      target.bytes.insert(target.bytes.end(), length.begin(), length.end());
    }
    target.bytes.insert(target.bytes.end(), row[c].begin(), row[c].end());
    target.max_items = std::max(target.max_items, size / width);
  }
  ++s.rows;
  if (++s.rows_waiting == s.spec.rows_per_tile) s.flush_tile();
}

void Writer::close() {
  State& s = *state_;
  s.end_table();
  const bool written = std::fflush(s.file) == 0;
  const bool closed = std::fclose(s.file) == 0;
  s.file = nullptr;
  if (!written || !closed) throw s.failed("cannot be written");
  s.pending.publish();
}

}  // namespace alisio::zfits
