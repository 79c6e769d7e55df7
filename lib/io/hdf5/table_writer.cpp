#include <blosc.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <type_traits>

#include "lib/io/hdf5/fletcher32.hpp"
#include "lib/io/hdf5/state.hpp"
#include "lib/io/hdf5/table.hpp"

namespace alisio::hdf5 {
namespace {

std::size_t scalar_bytes(const ColumnSpec& column) {
  switch (column.type) {
    case ScalarType::int8:
    case ScalarType::uint8:
    case ScalarType::boolean:
      return 1;
    case ScalarType::int16:
    case ScalarType::uint16:
      return 2;
    case ScalarType::int32:
    case ScalarType::uint32:
    case ScalarType::float32:
      return 4;
    case ScalarType::int64:
    case ScalarType::uint64:
    case ScalarType::float64:
      return 8;
    case ScalarType::text:
      return column.text_size;
  }
  return 0;
}

Handle scalar_type(const ColumnSpec& column) {
  switch (column.type) {
    case ScalarType::int8:
      return Handle(H5Tcopy(H5T_STD_I8LE));
    case ScalarType::uint8:
      return Handle(H5Tcopy(H5T_STD_U8LE));
    case ScalarType::int16:
      return Handle(H5Tcopy(H5T_STD_I16LE));
    case ScalarType::uint16:
      return Handle(H5Tcopy(H5T_STD_U16LE));
    case ScalarType::int32:
      return Handle(H5Tcopy(H5T_STD_I32LE));
    case ScalarType::uint32:
      return Handle(H5Tcopy(H5T_STD_U32LE));
    case ScalarType::int64:
      return Handle(H5Tcopy(H5T_STD_I64LE));
    case ScalarType::uint64:
      return Handle(H5Tcopy(H5T_STD_U64LE));
    case ScalarType::float32:
      return Handle(H5Tcopy(H5T_IEEE_F32LE));
    case ScalarType::float64:
      return Handle(H5Tcopy(H5T_IEEE_F64LE));
    case ScalarType::boolean:
      return Handle(H5Tcopy(H5T_STD_B8LE));
    case ScalarType::text: {
      Handle type(H5Tcopy(H5T_C_S1));
      H5Tset_size(type.get(), column.text_size);
      return type;
    }
  }
  return {};
}

const char* name_of(Codec codec) {
  return codec == Codec::lz4 ? BLOSC_LZ4_COMPNAME : BLOSC_ZSTD_COMPNAME;
}

/// Write a pickled Python object: PyTables unpickles bytes, never text in UTF-8.
void write_pickle(hid_t table, const std::string& name, const std::string& pickled) {
  const Handle type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), pickled.size());
  const Handle scalar(H5Screate(H5S_SCALAR));
  const Handle attribute(
      H5Acreate2(table, name.c_str(), type.get(), scalar.get(), H5P_DEFAULT, H5P_DEFAULT));
  if (!attribute || H5Awrite(attribute.get(), type.get(), pickled.data()) < 0)
    throw Error(ErrorKind::resource,
                "attribute '" + name + "' cannot be written: " + last_hdf5_error());
}

/// Write the value that PyTables would put into rows not given: zero, false or the empty text.
void write_fill(hid_t table, const std::string& name, const ColumnSpec& column) {
  ColumnSpec item = column;
  if (item.type == ScalarType::text) item.text_size = 1;
  const Handle type = scalar_type(item);
  const Handle scalar(H5Screate(H5S_SCALAR));
  const Handle attribute(
      H5Acreate2(table, name.c_str(), type.get(), scalar.get(), H5P_DEFAULT, H5P_DEFAULT));
  const std::array<std::byte, 8> zero{};
  if (!attribute || H5Awrite(attribute.get(), type.get(), zero.data()) < 0)
    throw Error(ErrorKind::resource,
                "attribute '" + name + "' cannot be written: " + last_hdf5_error());
}

}  // namespace

ColumnSpec plain_column(std::string name, ScalarType type, std::string description,
                        std::vector<std::size_t> shape) {
  ColumnSpec column;
  column.name = std::move(name);
  column.type = type;
  column.shape = std::move(shape);
  column.description = std::move(description);
  return column;
}

ColumnSpec quantity_column(std::string name, std::string unit, std::string description,
                           std::vector<std::size_t> shape) {
  ColumnSpec column =
      plain_column(std::move(name), ScalarType::float64, std::move(description), std::move(shape));
  column.transform = Transform::quantity;
  column.unit = std::move(unit);
  return column;
}

ColumnSpec enumeration_column(std::string name, const std::string& enumeration,
                              std::string description) {
  ColumnSpec column = plain_column(std::move(name), ScalarType::int64, std::move(description));
  column.transform = Transform::enumeration;
  column.enumeration = "cctapipe.containers\n" + enumeration + "\np0\n.";
  return column;
}

ColumnSpec text_column(std::string name, const std::string& value, std::string description) {
  ColumnSpec column = plain_column(std::move(name), ScalarType::text, std::move(description));
  column.text_size = value.size();
  return column;
}

std::size_t ColumnSpec::bytes() const {
  std::size_t n = scalar_bytes(*this);
  for (const std::size_t size : shape) n *= size;
  return n;
}

struct TableWriter::State {
  std::shared_ptr<File::State> file;
  TableSpec spec;
  Handle dataset;
  std::size_t row_bytes = 0;
  std::uint64_t rows = 0, extent = 0;
  bool last_chunk_partial = false;
  std::vector<std::byte> buffered;  ///< rows that fill no chunk yet

  [[nodiscard]] std::size_t type_size() const {
    if (spec.item_bytes != 0) return spec.item_bytes;
    return row_bytes <= 255 ? row_bytes : 1;
  }
};

TableWriter::TableWriter(File& file, TableSpec spec) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.file = std::shared_ptr<File::State>(&file.state(), [keep = file](File::State*) {});
  s.spec = std::move(spec);
  for (const ColumnSpec& column : s.spec.columns) s.row_bytes += column.bytes();

  const Handle row(H5Tcreate(H5T_COMPOUND, s.row_bytes));
  std::size_t offset = 0;
  for (const ColumnSpec& column : s.spec.columns) {
    Handle type = scalar_type(column);
    if (!column.shape.empty()) {
      const std::vector<hsize_t> sizes(column.shape.begin(), column.shape.end());
      type = Handle(H5Tarray_create2(type.get(), unsigned(sizes.size()), sizes.data()));
    }
    if (H5Tinsert(row.get(), column.name.c_str(), offset, type.get()) < 0)
      throw Error(ErrorKind::bug, "column '" + column.name + "' cannot be part of a row",
                  s.spec.path);
    offset += column.bytes();
  }

  const std::size_t slash = s.spec.path.rfind('/');
  if (slash > 0) file.create_group(s.spec.path.substr(0, slash));
  const Handle creation = timeless(H5P_DATASET_CREATE);
  const hsize_t chunk = s.spec.chunk_rows, none = 0, unlimited = H5S_UNLIMITED;
  H5Pset_chunk(creation.get(), 1, &chunk);
  const unsigned values[7] = {2,
                              2,
                              unsigned(s.type_size()),
                              unsigned(chunk * s.row_bytes),
                              unsigned(s.spec.compression_level),
                              1,
                              unsigned(blosc_compname_to_compcode(name_of(s.spec.codec)))};
  H5Pset_filter(creation.get(), blosc_filter_id, H5Z_FLAG_OPTIONAL, 7, values);
  H5Pset_fletcher32(creation.get());
  const Handle space(H5Screate_simple(1, &none, &unlimited));
  s.dataset = Handle(H5Dcreate2(s.file->id(), s.spec.path.c_str(), row.get(), space.get(),
                                H5P_DEFAULT, creation.get(), H5P_DEFAULT));
  if (!s.dataset) throw s.file->failure("table cannot be made", s.spec.path);

  write_attribute("CLASS", "TABLE");
  write_attribute("TITLE", s.spec.title);
  write_attribute("VERSION", "2.7");
  for (std::size_t i = 0; i < s.spec.columns.size(); ++i) {
    const ColumnSpec& column = s.spec.columns[i];
    write_attribute(fmt::format("FIELD_{}_NAME", i), column.name);
    write_fill(s.dataset.get(), fmt::format("FIELD_{}_FILL", i), column);
    const std::string field = fmt::format("CTAFIELD_{}_", i);
    if (column.description.empty() && column.transform == Transform::none &&
        column.type != ScalarType::text)
      continue;
    write_attribute(field + "NAME", column.name);
    if (!column.description.empty()) write_attribute(field + "DESC", column.description);
    if (column.transform == Transform::quantity) {
      write_attribute(field + "TRANSFORM", "quantity");
      write_attribute(field + "UNIT", column.unit);
    } else if (column.transform == Transform::enumeration) {
      write_attribute(field + "TRANSFORM", "enum");
      write_pickle(s.dataset.get(), field + "ENUM", column.enumeration);
    } else if (column.type == ScalarType::text) {
      write_attribute(field + "TRANSFORM", "string");
      write_attribute(field + "MAXLEN", std::int64_t(column.text_size));
    }
  }
}

TableWriter::~TableWriter() = default;
TableWriter::TableWriter(TableWriter&&) noexcept = default;
TableWriter& TableWriter::operator=(TableWriter&&) noexcept = default;

std::size_t TableWriter::row_bytes() const {
  return state_->row_bytes;
}
std::size_t TableWriter::chunk_rows() const {
  return state_->spec.chunk_rows;
}

void TableWriter::pack(std::size_t n, std::span<const ColumnSource> sources,
                       std::vector<std::byte>& out) const {
  out.resize(n * state_->row_bytes);
  pack_rows(0, n, sources, out.data());
}

void TableWriter::pack_rows(std::size_t first, std::size_t n, std::span<const ColumnSource> sources,
                            std::byte* out) const {
  const State& s = *state_;
  if (sources.size() != s.spec.columns.size())
    throw Error(ErrorKind::bug,
                fmt::format("{} sources for {} columns", sources.size(), s.spec.columns.size()),
                s.spec.path);
  for (std::size_t c = 0; c < sources.size(); ++c) {
    const std::size_t bytes = s.spec.columns[c].bytes(), stride = sources[c].stride_bytes;
    const auto* from = static_cast<const std::byte*>(sources[c].data) + first * stride;
    // A copy of a size that the compiler knows is no call.
    const auto copy = [&](auto size) {
      for (std::size_t i = 0; i < n; ++i)
        std::memcpy(out + i * s.row_bytes, from + i * stride, size);
    };
    if (bytes == 8)
      copy(std::integral_constant<std::size_t, 8>{});
    else if (bytes == 4)
      copy(std::integral_constant<std::size_t, 4>{});
    else if (bytes == 1)
      copy(std::integral_constant<std::size_t, 1>{});
    else
      copy(bytes);
    out += bytes;
  }
}

CompressedChunk TableWriter::compress(std::span<const std::byte> packed, std::size_t rows) const {
  const State& s = *state_;
  const std::size_t full = s.spec.chunk_rows * s.row_bytes;
  LargeVector<std::byte> padded;
  if (packed.size() < full) {
    padded.assign(packed.begin(), packed.end());
    padded.resize(full);
    packed = padded;
  }
  CompressedChunk chunk;
  chunk.rows = rows;
  chunk.bytes.resize(full + BLOSC_MAX_OVERHEAD + checksum_bytes);
  const int size = blosc_compress_ctx(s.spec.compression_level, 1, s.type_size(), full,
                                      packed.data(), chunk.bytes.data(), full + BLOSC_MAX_OVERHEAD,
                                      name_of(s.spec.codec), 0, 1);
  if (size <= 0) throw Error(ErrorKind::bug, fmt::format("Blosc returned {}", size), s.spec.path);
  chunk.bytes.resize(std::size_t(size) + checksum_bytes);
  const std::uint32_t sum = fletcher32({chunk.bytes.data(), std::size_t(size)});
  for (std::size_t i = 0; i < checksum_bytes; ++i)
    chunk.bytes[std::size_t(size) + i] = std::byte((sum >> (8 * i)) & 0xff);
  return chunk;
}

void TableWriter::write_chunk(const CompressedChunk& chunk) {
  State& s = *state_;
  prepare_library();
  if (s.last_chunk_partial || !s.buffered.empty())
    throw Error(ErrorKind::bug, "a chunk follows one that is not full", s.spec.path);
  s.last_chunk_partial = chunk.rows != s.spec.chunk_rows;
  const hsize_t offset = s.rows, extent = s.rows + chunk.rows;
  if (H5Dset_extent(s.dataset.get(), &extent) < 0 ||
      H5Dwrite_chunk(s.dataset.get(), H5P_DEFAULT, 0, &offset, chunk.bytes.size(),
                     chunk.bytes.data()) < 0)
    throw s.file->failure("rows cannot be written", s.spec.path);
  s.rows += chunk.rows;
}

void TableWriter::append(std::size_t n, std::span<const ColumnSource> sources) {
  State& s = *state_;
  // A chunk at a time, so that its rows are still in the cache when the next column is put in.
  s.buffered.reserve(s.spec.chunk_rows * s.row_bytes);
  for (std::size_t done = 0; done < n;) {
    const std::size_t before = s.buffered.size(), held = before / s.row_bytes;
    const std::size_t rows = std::min(n - done, s.spec.chunk_rows - held);
    s.buffered.resize(before + rows * s.row_bytes);
    pack_rows(done, rows, sources, s.buffered.data() + before);
    done += rows;
    if (held + rows < s.spec.chunk_rows) break;
    const CompressedChunk chunk = compress(s.buffered, s.spec.chunk_rows);
    s.buffered.clear();
    write_chunk(chunk);
  }
}

void TableWriter::write_attribute(const std::string& name, const AttributeValue& value,
                                  TextForm form) {
  prepare_library();
  write_attribute_to(state_->dataset.get(), name, value, form, *state_->file, state_->spec.path);
}

void TableWriter::finish() {
  State& s = *state_;
  if (!s.dataset) return;
  if (!s.buffered.empty()) {
    const std::size_t rows = s.buffered.size() / s.row_bytes;
    const CompressedChunk chunk = compress(s.buffered, rows);
    s.buffered.clear();
    write_chunk(chunk);
  }
  write_attribute("NROWS", std::int64_t(s.rows));
  s.dataset.reset();
}

}  // namespace alisio::hdf5
