#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "lib/io/hdf5/chunk_reader.hpp"
#include "lib/io/hdf5/state.hpp"
#include "lib/io/hdf5/table.hpp"

namespace alisio::hdf5 {
namespace {

/// Fill type and size of one scalar type. @returns false for kinds that tables do not hold.
bool describe_scalar(hid_t type, ColumnInfo& info) {
  info.item_bytes = H5Tget_size(type);
  const bool is_signed = H5Tget_sign(type) == H5T_SGN_2;
  switch (H5Tget_class(type)) {
    case H5T_BITFIELD:
      info.type = ScalarType::boolean;
      return info.item_bytes == 1;
    case H5T_ENUM:
      info.type = ScalarType::boolean;
      return info.item_bytes == 1;
    case H5T_INTEGER:
      switch (info.item_bytes) {
        case 1:
          info.type = is_signed ? ScalarType::int8 : ScalarType::uint8;
          return true;
        case 2:
          info.type = is_signed ? ScalarType::int16 : ScalarType::uint16;
          return true;
        case 4:
          info.type = is_signed ? ScalarType::int32 : ScalarType::uint32;
          return true;
        case 8:
          info.type = is_signed ? ScalarType::int64 : ScalarType::uint64;
          return true;
        default:
          return false;
      }
    case H5T_FLOAT:
      info.type = info.item_bytes == 4 ? ScalarType::float32 : ScalarType::float64;
      return info.item_bytes == 4 || info.item_bytes == 8;
    case H5T_STRING:
      info.type = ScalarType::text;
      return H5Tis_variable_str(type) <= 0;
    default:
      return false;
  }
}

}  // namespace

struct TableReader::State {
  File file;
  std::string path;
  Handle dataset, row_type;
  std::uint64_t rows = 0;
  std::size_t row_bytes = 0, chunk_rows = 1;
  std::shared_ptr<std::vector<ColumnInfo>> columns;
};

TableReader::TableReader(const File& file, const std::string& path)
    : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.file = file;
  s.path = path;
  const std::string where = file.path().string();
  s.dataset = file.state().open_dataset(path);
  if (!s.dataset) {
    static_cast<void>(last_hdf5_error());
    throw Error(ErrorKind::bad_input, "has no table '" + path + "'", where,
                "is it a file of this kind?");
  }
  s.row_type = Handle(H5Dget_type(s.dataset.get()));
  const Handle space(H5Dget_space(s.dataset.get()));
  if (H5Tget_class(s.row_type.get()) != H5T_COMPOUND ||
      H5Sget_simple_extent_ndims(space.get()) != 1)
    throw Error(ErrorKind::bad_input, "'" + path + "' is no table", where);
  s.rows = std::uint64_t(H5Sget_simple_extent_npoints(space.get()));
  s.row_bytes = H5Tget_size(s.row_type.get());
  const Handle creation(H5Dget_create_plist(s.dataset.get()));
  hsize_t chunk = 1;
  if (H5Pget_layout(creation.get()) == H5D_CHUNKED && H5Pget_chunk(creation.get(), 1, &chunk) == 1)
    s.chunk_rows = chunk;

  s.columns = std::make_shared<std::vector<ColumnInfo>>();
  const int n = H5Tget_nmembers(s.row_type.get());
  for (int i = 0; i < n; ++i) {
    ColumnInfo info;
    char* name = H5Tget_member_name(s.row_type.get(), unsigned(i));
    info.name = name;
    H5free_memory(name);
    info.offset = H5Tget_member_offset(s.row_type.get(), unsigned(i));
    Handle type(H5Tget_member_type(s.row_type.get(), unsigned(i)));
    if (H5Tget_class(type.get()) == H5T_ARRAY) {
      std::vector<hsize_t> sizes(std::size_t(H5Tget_array_ndims(type.get())));
      H5Tget_array_dims2(type.get(), sizes.data());
      info.shape.assign(sizes.begin(), sizes.end());
      for (const std::size_t size : info.shape) info.items *= size;
      type = Handle(H5Tget_super(type.get()));
    }
    if (!describe_scalar(type.get(), info))
      throw Error(ErrorKind::bad_input,
                  fmt::format("column '{}' has a type that tables do not hold", info.name),
                  where + ":" + path);
    if (info.offset > s.row_bytes || info.item_bytes == 0 ||
        info.items > (s.row_bytes - info.offset) / info.item_bytes)
      throw Error(ErrorKind::bad_input,
                  fmt::format("column '{}' lies outside the rows of its table", info.name),
                  where + ":" + path, "it is damaged: make or copy it again");
    const std::string unit = fmt::format("CTAFIELD_{}_UNIT", i);
    if (file.has_attribute(path, unit)) info.unit = file.text_attribute(path, unit);
    s.columns->push_back(std::move(info));
  }
}

TableReader::~TableReader() = default;
TableReader::TableReader(TableReader&&) noexcept = default;
TableReader& TableReader::operator=(TableReader&&) noexcept = default;

std::uint64_t TableReader::row_count() const {
  return state_->rows;
}
std::size_t TableReader::chunk_rows() const {
  return state_->chunk_rows;
}
const std::vector<ColumnInfo>& TableReader::columns() const {
  return *state_->columns;
}

bool TableReader::has_column(const std::string& name) const {
  return std::any_of(state_->columns->begin(), state_->columns->end(),
                     [&](const ColumnInfo& info) { return info.name == name; });
}

Rows TableReader::read(std::uint64_t first, std::size_t n) const {
  const State& s = *state_;
  if (first + n > s.rows) throw Error(ErrorKind::bug, "rows beyond the end of the table", s.path);
  Rows rows;
  rows.columns_ = s.columns;
  rows.where_ = s.file.path().string() + ":" + s.path;
  rows.n_ = n;
  rows.row_bytes_ = s.row_bytes;
  make_room(rows.bytes_, n, s.row_bytes, rows.where_);
  if (n == 0) return rows;
  prepare_library();
  const Handle space(H5Dget_space(s.dataset.get()));
  const hsize_t start = first, count = n;
  H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, &start, nullptr, &count, nullptr);
  const Handle memory(H5Screate_simple(1, &count, nullptr));
  if (H5Dread(s.dataset.get(), s.row_type.get(), memory.get(), space.get(), H5P_DEFAULT,
              rows.bytes_.data()) < 0)
    throw Error(
        ErrorKind::bad_input,
        fmt::format("rows {} to {} cannot be decoded: {}", first, first + n - 1, last_hdf5_error()),
        rows.where_, "make or copy the file again");
  return rows;
}

Rows TableReader::read_columns(std::uint64_t row, std::span<const std::string> names) const {
  const State& s = *state_;
  if (row >= s.rows) throw Error(ErrorKind::bug, "a row beyond the end of the table", s.path);
  Rows rows;
  rows.where_ = s.file.path().string() + ":" + s.path;
  rows.n_ = 1;
  std::vector<ColumnInfo> columns;
  std::vector<std::size_t> offsets;
  for (const std::string& name : names) {
    columns.push_back(find_column(*s.columns, name, rows.where_));
    ColumnInfo& info = columns.back();
    offsets.push_back(std::exchange(info.offset, rows.row_bytes_));
    rows.row_bytes_ += info.items * info.item_bytes;
  }
  prepare_library();
  const Handle creation(H5Dget_create_plist(s.dataset.get()));
  ChunkReader chunk(s.dataset.get(), creation.get(), s.row_bytes);
  // By the way of HDF5, which takes the row whole; no more than was asked for is handed on.
  const auto of_whole_row = [&] {
    Rows whole = read(row, 1);
    for (std::size_t c = 0; c < columns.size(); ++c) columns[c].offset = offsets[c];
    whole.columns_ = std::make_shared<const std::vector<ColumnInfo>>(std::move(columns));
    return whole;
  };
  if (s.chunk_rows > 1 || !chunk.usable() || !chunk.load(row)) return of_whole_row();
  make_room(rows.bytes_, 1, rows.row_bytes_, rows.where_);
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const std::span<std::byte> values(rows.bytes_.data() + columns[c].offset,
                                      columns[c].items * columns[c].item_bytes);
    if (!chunk.take(offsets[c], values)) return of_whole_row();
  }
  rows.columns_ = std::make_shared<const std::vector<ColumnInfo>>(std::move(columns));
  return rows;
}

const ColumnInfo& find_column(const std::vector<ColumnInfo>& columns, const std::string& name,
                              const std::string& where) {
  std::vector<std::string> names;
  for (const ColumnInfo& info : columns) {
    if (info.name == name) return info;
    names.push_back(info.name);
  }
  throw Error(ErrorKind::bad_input, fmt::format("has no column '{}'", name), where,
              fmt::format("it has {}", fmt::join(names, ", ")));
}

void refuse_conversion(const ColumnInfo& info, const std::string& where) {
  throw Error(ErrorKind::bad_input, fmt::format("column '{}' holds text, not numbers", info.name),
              where);
}

void refuse_arrays(const ColumnInfo& info, const std::string& where) {
  throw Error(
      ErrorKind::bad_input,
      fmt::format("column '{}' holds {} values in each row, not one", info.name, info.items), where,
      "is it a file of this chain?");
}

ColumnSource Rows::source(const std::string& name) const {
  const ColumnInfo& info = find_column(*columns_, name, where_);
  return {bytes_.data() + info.offset, row_bytes_};
}

std::vector<std::string> Rows::text(const std::string& name) const {
  const ColumnInfo& info = find_column(*columns_, name, where_);
  if (info.type != ScalarType::text)
    throw Error(ErrorKind::bad_input, fmt::format("column '{}' holds numbers, not text", name),
                where_);
  std::vector<std::string> out;
  for (std::size_t row = 0; row < n_; ++row) {
    const char* at = reinterpret_cast<const char*>(bytes_.data() + row * row_bytes_ + info.offset);
    out.emplace_back(at, strnlen(at, info.item_bytes));
  }
  return out;
}

}  // namespace alisio::hdf5
