#include "lib/io/fits/file.hpp"

#include <fitsio.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <type_traits>

#include "lib/base/error.hpp"

namespace alisio::fits {
namespace fs = std::filesystem;
namespace {

constexpr int most_axes = 9;

/// CFITSIO's code of a C++ type in memory.
template <typename T>
constexpr int type_code() {
  if constexpr (std::is_same_v<T, std::uint8_t>) return TBYTE;
  if constexpr (std::is_same_v<T, std::int16_t>) return TSHORT;
  if constexpr (std::is_same_v<T, std::uint16_t>) return TUSHORT;
  if constexpr (std::is_same_v<T, std::int32_t>) return TINT;
  if constexpr (std::is_same_v<T, std::int64_t>) return TLONGLONG;
  if constexpr (std::is_same_v<T, float>) return TFLOAT;
  if constexpr (std::is_same_v<T, double>) return TDOUBLE;
}

std::string reason_of(int status) {
  char text[FLEN_STATUS] = {};
  fits_get_errstatus(status, text);
  fits_clear_errmsg();
  return text;
}

/// Axes as NumPy counts them, and how many numbers that makes.
std::size_t reverse_axes(const LONGLONG* axes, int n_axes, std::vector<std::size_t>& shape) {
  std::size_t items = n_axes > 0 ? 1 : 0;
  for (int i = n_axes; i-- > 0;) {
    shape.push_back(static_cast<std::size_t>(axes[i]));
    items *= shape.back();
  }
  return items;
}

std::string place_of(const std::string& table, const std::string& column) {
  return fmt::format("table '{}', column '{}'", table, column);
}

/// A column of scalars.
struct Column {
  int number = 0, type = 0;
  std::size_t rows = 0, width = 0;  ///< of one value, bytes
};

}  // namespace

struct File::State {
  fs::path path;
  fitsfile* file = nullptr;
  std::uintmax_t size = 0;

  ~State() {
    int status = 0;
    if (file != nullptr) fits_close_file(file, &status);
  }

  [[noreturn]] void refuse(int status, const std::string& place) const {
    throw Error(ErrorKind::bad_input, "cannot be read: " + reason_of(status),
                path.string() + ", " + place);
  }
  void go_to(std::size_t position) const {
    int status = 0;
    if (fits_movabs_hdu(file, static_cast<int>(position) + 1, nullptr, &status) != 0)
      refuse(status, fmt::format("HDU {}", position));
  }
  [[nodiscard]] int find(const std::string& name) const {
    int status = 0, count = 0;
    if (fits_get_num_hdus(file, &count, &status) != 0) refuse(status, "HDUs");
    for (int i = 0; i < count; ++i) {
      go_to(static_cast<std::size_t>(i));
      if (strcasecmp(name_here(i).c_str(), name.c_str()) == 0) return i;
    }
    return -1;
  }
  void go_to(const std::string& name) const {
    if (find(name) >= 0) return;
    throw Error(ErrorKind::bad_input, "has no HDU '" + name + "'", path.string());
  }
  [[nodiscard]] std::string name_here(int position) const {
    int status = 0;
    char name[FLEN_VALUE] = {};
    if (fits_read_key(file, TSTRING, "EXTNAME", name, nullptr, &status) != 0) {
      fits_clear_errmsg();
      return position == 0 ? "PRIMARY" : "";
    }
    return name;
  }
  /// A damaged size in a header must not exhaust the memory: gzip packs zeros a thousandfold.
  void check_size(std::size_t items, std::size_t item_bytes, const std::string& place) const {
    constexpr std::uintmax_t most_packed = 1100;
    if (items * item_bytes / most_packed <= size) return;
    throw Error(ErrorKind::bad_input, "is larger than the file can hold",
                path.string() + ", " + place);
  }

  /// Find a column with one value per row.
  [[nodiscard]] Column scalar_column(const std::string& table, const std::string& column) const {
    const std::string place = place_of(table, column);
    go_to(table);
    Column out;
    int status = 0;
    LONGLONG repeat = 0, width = 0, rows = 0;
    std::string name = column;
    if (fits_get_colnum(file, CASEINSEN, name.data(), &out.number, &status) != 0) {
      fits_clear_errmsg();
      throw Error(ErrorKind::bad_input, "has no column '" + column + "'",
                  path.string() + ", table '" + table + "'");
    }
    if (fits_get_eqcoltypell(file, out.number, &out.type, &repeat, &width, &status) != 0 ||
        fits_get_num_rowsll(file, &rows, &status) != 0)
      refuse(status, place);
    if (out.type != TSTRING && repeat != 1)
      throw Error(ErrorKind::bad_input, "holds no scalars", path.string() + ", " + place);
    out.rows = static_cast<std::size_t>(rows);
    out.width = static_cast<std::size_t>(out.type == TSTRING ? repeat : width);
    check_size(out.rows * out.width, 1, place);
    return out;
  }

  template <typename T>
  [[nodiscard]] Array<T> image_here(const std::string& place) const {
    int status = 0, type = 0, bits = 0, n_axes = 0, any_null = 0;
    LONGLONG axes[most_axes] = {};
    if (fits_get_hdu_type(file, &type, &status) != 0) refuse(status, place);
    if (type != IMAGE_HDU)
      throw Error(ErrorKind::bad_input, "is no image", path.string() + ", " + place);
    if (fits_get_img_paramll(file, most_axes, &bits, &n_axes, axes, &status) != 0)
      refuse(status, place);
    Array<T> out;
    const std::size_t items = reverse_axes(axes, std::min(n_axes, most_axes), out.shape);
    check_size(items, static_cast<std::size_t>(std::abs(bits)) / 8, place);
    out.values.resize(items);
    if (items > 0 && fits_read_img(file, type_code<T>(), 1, static_cast<LONGLONG>(items), nullptr,
                                   out.values.data(), &any_null, &status) != 0)
      refuse(status, place);
    return out;
  }
};

File::File(std::unique_ptr<State> state) : state_(std::move(state)) {}
File::~File() = default;
File::File(File&&) noexcept = default;
File& File::operator=(File&&) noexcept = default;

File File::open(const fs::path& path) {
  std::error_code problem;
  if (fs::is_directory(path, problem))
    throw Error(ErrorKind::missing_input, "is a folder, not a file", path.string());
  if (::access(path.c_str(), R_OK) != 0)
    throw Error(ErrorKind::missing_input, std::string("cannot be opened: ") + std::strerror(errno),
                path.string(), "check the path and its permissions");
  auto state = std::make_unique<State>();
  state->path = path;
  state->size = fs::file_size(path, problem);
  int status = 0, count = 0;
  // Without CFITSIO's extended file names: brackets in a folder's name are no filters.
  if (fits_open_diskfile(&state->file, path.c_str(), READONLY, &status) != 0)
    throw Error(ErrorKind::bad_input, "is no FITS file: " + reason_of(status), path.string());
  if (fits_get_num_hdus(state->file, &count, &status) != 0)
    throw Error(ErrorKind::bad_input, "is damaged: " + reason_of(status), path.string());
  return File(std::move(state));
}

const fs::path& File::path() const noexcept {
  return state_->path;
}

std::vector<std::string> File::hdu_names() const {
  int status = 0, count = 0;
  if (fits_get_num_hdus(state_->file, &count, &status) != 0) state_->refuse(status, "HDUs");
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) {
    state_->go_to(static_cast<std::size_t>(i));
    names.push_back(state_->name_here(i));
  }
  return names;
}

bool File::has_hdu(const std::string& name) const {
  return state_->find(name) >= 0;
}

std::optional<std::int64_t> File::integer_key(const std::string& hdu,
                                              const std::string& key) const {
  state_->go_to(hdu);
  int status = 0;
  LONGLONG value = 0;
  if (fits_read_key(state_->file, TLONGLONG, key.c_str(), &value, nullptr, &status) == 0)
    return value;
  if (status == KEY_NO_EXIST) {
    fits_clear_errmsg();
    return std::nullopt;
  }
  state_->refuse(status, hdu + ", " + key);
}

std::optional<std::string> File::text_key(const std::string& hdu, const std::string& key) const {
  state_->go_to(hdu);
  int status = 0;
  char* value = nullptr;
  if (fits_read_key_longstr(state_->file, key.c_str(), &value, nullptr, &status) == 0) {
    std::string text(value);
    fits_free_memory(value, &status);
    return text;
  }
  if (status == KEY_NO_EXIST) {
    fits_clear_errmsg();
    return std::nullopt;
  }
  state_->refuse(status, hdu + ", " + key);
}

template <typename T>
Array<T> File::image(const std::string& hdu) const {
  state_->go_to(hdu);
  return state_->image_here<T>("HDU '" + hdu + "'");
}

template <typename T>
Array<T> File::image(std::size_t position) const {
  state_->go_to(position);
  return state_->image_here<T>(fmt::format("HDU {}", position));
}

std::size_t File::row_count(const std::string& table) const {
  state_->go_to(table);
  int status = 0;
  LONGLONG rows = 0;
  if (fits_get_num_rowsll(state_->file, &rows, &status) != 0)
    state_->refuse(status, "table '" + table + "'");
  return static_cast<std::size_t>(rows);
}

bool File::has_column(const std::string& table, const std::string& column) const {
  state_->go_to(table);
  int status = 0, number = 0;
  std::string name = column;
  const bool found = fits_get_colnum(state_->file, CASEINSEN, name.data(), &number, &status) == 0;
  if (!found) fits_clear_errmsg();
  return found;
}

template <typename T>
Array<T> File::cell(const std::string& table, const std::string& column, std::size_t row) const {
  const std::string place = fmt::format("table '{}', column '{}'", table, column);
  state_->go_to(table);
  int status = 0, number = 0, type = 0, n_axes = 0, any_null = 0;
  LONGLONG repeat = 0, width = 0, axes[most_axes] = {};
  std::string name = column;
  if (fits_get_colnum(state_->file, CASEINSEN, name.data(), &number, &status) != 0)
    throw Error(ErrorKind::bad_input, "has no column '" + column + "'",
                state_->path.string() + ", table '" + table + "'");
  if (fits_get_eqcoltypell(state_->file, number, &type, &repeat, &width, &status) != 0)
    state_->refuse(status, place);
  if (fits_read_tdimll(state_->file, number, most_axes, &n_axes, axes, &status) != 0)
    state_->refuse(status, place);
  Array<T> out;
  std::size_t items = reverse_axes(axes, std::min(n_axes, most_axes), out.shape);
  if (items == 1 && out.shape.size() == 1) out.shape.clear();
  state_->check_size(items, static_cast<std::size_t>(width), place);
  out.values.resize(items);
  const LONGLONG first_row = static_cast<LONGLONG>(row) + 1, n = static_cast<LONGLONG>(items);
  if (type == TLOGICAL) {
    std::vector<char> logical(items);
    if (fits_read_col(state_->file, TLOGICAL, number, first_row, 1, n, nullptr, logical.data(),
                      &any_null, &status) != 0)
      state_->refuse(status, place);
    std::copy(logical.begin(), logical.end(), out.values.begin());
  } else if (fits_read_col(state_->file, type_code<T>(), number, first_row, 1, n, nullptr,
                           out.values.data(), &any_null, &status) != 0) {
    state_->refuse(status, place);
  }
  return out;
}

template <typename T>
std::vector<T> File::column(const std::string& table, const std::string& column) const {
  const Column found = state_->scalar_column(table, column);
  std::vector<T> out(found.rows);
  if (found.rows == 0) return out;
  int status = 0, any_null = 0;
  const auto rows = static_cast<LONGLONG>(found.rows);
  if (found.type == TLOGICAL) {
    std::vector<char> logical(found.rows);
    fits_read_col(state_->file, TLOGICAL, found.number, 1, 1, rows, nullptr, logical.data(),
                  &any_null, &status);
    std::copy(logical.begin(), logical.end(), out.begin());
  } else {
    fits_read_col(state_->file, type_code<T>(), found.number, 1, 1, rows, nullptr, out.data(),
                  &any_null, &status);
  }
  if (status != 0) state_->refuse(status, place_of(table, column));
  return out;
}

std::vector<std::string> File::text_column(const std::string& table,
                                           const std::string& column) const {
  const Column found = state_->scalar_column(table, column);
  if (found.type != TSTRING)
    throw Error(ErrorKind::bad_input, "is no text",
                state_->path.string() + ", " + place_of(table, column));
  std::vector<std::string> cells(found.rows, std::string(found.width + 1, '\0'));
  std::vector<char*> texts;
  for (std::string& cell : cells) texts.push_back(cell.data());
  int status = 0, any_null = 0;
  std::string null_text;
  if (found.rows > 0 &&
      fits_read_col(state_->file, TSTRING, found.number, 1, 1, static_cast<LONGLONG>(found.rows),
                    null_text.data(), texts.data(), &any_null, &status) != 0)
    state_->refuse(status, place_of(table, column));
  for (std::string& cell : cells) {
    cell.resize(std::strlen(cell.c_str()));
    cell.resize(cell.find_last_not_of(' ') + 1);
  }
  return cells;
}

template Array<std::uint8_t> File::image(const std::string&) const;
template Array<std::int16_t> File::image(const std::string&) const;
template Array<std::int64_t> File::image(const std::string&) const;
template Array<float> File::image(const std::string&) const;
template Array<double> File::image(const std::string&) const;
template Array<std::int16_t> File::image(std::size_t) const;
template Array<std::int64_t> File::image(std::size_t) const;
template Array<float> File::image(std::size_t) const;
template Array<double> File::image(std::size_t) const;
template Array<std::uint8_t> File::cell(const std::string&, const std::string&, std::size_t) const;
template Array<std::int16_t> File::cell(const std::string&, const std::string&, std::size_t) const;
template Array<std::int64_t> File::cell(const std::string&, const std::string&, std::size_t) const;
template Array<double> File::cell(const std::string&, const std::string&, std::size_t) const;
template std::vector<std::uint8_t> File::column(const std::string&, const std::string&) const;
template std::vector<std::int64_t> File::column(const std::string&, const std::string&) const;
template std::vector<float> File::column(const std::string&, const std::string&) const;
template std::vector<double> File::column(const std::string&, const std::string&) const;

}  // namespace alisio::fits
