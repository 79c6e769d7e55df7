#include "lib/io/fits/read_tables.hpp"

#include <fitsio.h>
#include <fmt/format.h>
#include <strings.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "lib/base/error.hpp"

namespace alisio::fits {
namespace fs = std::filesystem;
namespace {

constexpr int most_axes = 9;

/// The file being read.
class Input {
 public:
  explicit Input(const fs::path& path) : path_(path) {
    if (::access(path.c_str(), R_OK) != 0)
      throw Error(ErrorKind::missing_input,
                  std::string("cannot be opened: ") + std::strerror(errno), path.string(),
                  "check the path and its permissions");
    int status = 0;
    if (fits_open_diskfile(&file_, path.c_str(), READONLY, &status) != 0) refuse(status, "");
  }
  ~Input() {
    int status = 0;
    if (file_ != nullptr) fits_close_file(file_, &status);
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  [[nodiscard]] fitsfile* get() const { return file_; }
  void check(int status, const std::string& place) const {
    if (status != 0) refuse(status, place);
  }
  [[noreturn]] void refuse(int status, const std::string& place) const {
    char text[FLEN_STATUS] = {};
    fits_get_errstatus(status, text);
    fits_clear_errmsg();
    throw Error(ErrorKind::bad_input, std::string("is no whole FITS file: ") + text,
                path_.string() + (place.empty() ? "" : ", " + place), "make or copy it again");
  }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  fitsfile* file_ = nullptr;
};

/// Say whether a key describes the table's structure, which its columns tell again.
bool is_structural(const std::string& key) {
  static constexpr std::array whole{"XTENSION", "BITPIX",  "NAXIS",   "PCOUNT",
                                    "GCOUNT",   "TFIELDS", "EXTNAME", "DATASUM",
                                    "CHECKSUM", "COMMENT", "HISTORY", ""};
  for (const char* name : whole)
    if (key == name) return true;
  static constexpr std::array stems{"NAXIS", "TTYPE", "TFORM", "TUNIT", "TDIM",
                                    "TNULL", "TDISP", "TSCAL", "TZERO"};
  for (const std::string stem : stems)
    if (key.size() > stem.size() && key.starts_with(stem) &&
        key.find_first_not_of("0123456789", stem.size()) == std::string::npos)
      return true;
  return false;
}

std::vector<Card> cards_here(const Input& in, const std::string& place) {
  std::vector<Card> cards;
  int status = 0, count = 0;
  fits_get_hdrspace(in.get(), &count, nullptr, &status);
  in.check(status, place);
  for (int i = 1; i <= count; ++i) {
    char key[FLEN_KEYWORD + FLEN_VALUE] = {}, value[FLEN_VALUE] = {}, comment[FLEN_COMMENT] = {};
    char kind = 'C';
    fits_read_keyn(in.get(), i, key, value, comment, &status);
    in.check(status, place);
    if (is_structural(key) || value[0] == '\0') continue;
    fits_get_keytype(value, &kind, &status);
    in.check(status, place + ", " + key);
    Card card{key, std::string(), comment};
    if (kind == 'C') {
      char* text = nullptr;
      fits_read_key_longstr(in.get(), key, &text, nullptr, &status);
      in.check(status, place + ", " + key);
      card.value = std::string(text);
      fits_free_memory(text, &status);
    } else if (kind == 'L') {
      card.value = value[0] == 'T';
    } else if (kind == 'I') {
      card.value = std::int64_t{std::atoll(value)};
    } else {
      card.value = std::strtod(value, nullptr);
    }
    cards.push_back(std::move(card));
  }
  return cards;
}

template <typename T>
std::vector<T> numbers_here(const Input& in, int number, int type, LONGLONG n,
                            const std::string& place) {
  std::vector<T> values(static_cast<std::size_t>(n));
  int status = 0, any_null = 0;
  if (n > 0)
    fits_read_col(in.get(), type, number, 1, 1, n, nullptr, values.data(), &any_null, &status);
  in.check(status, place);
  return values;
}

std::vector<std::string> texts_here(const Input& in, int number, LONGLONG rows, LONGLONG width,
                                    const std::string& place) {
  std::vector<std::string> texts(static_cast<std::size_t>(rows),
                                 std::string(static_cast<std::size_t>(width) + 1, '\0'));
  std::vector<char*> cells;
  for (std::string& text : texts) cells.push_back(text.data());
  int status = 0, any_null = 0;
  char none[] = "";
  if (rows > 0)
    fits_read_col(in.get(), TSTRING, number, 1, 1, rows, none, cells.data(), &any_null, &status);
  in.check(status, place);
  for (std::string& text : texts) {
    text.resize(std::strlen(text.c_str()));
    text.resize(text.find_last_not_of(' ') + 1);
  }
  return texts;
}

/// The text of a card of this HDU, empty if absent.
std::string key_here(const Input& in, const std::string& key) {
  char value[FLEN_VALUE] = {}, comment[FLEN_COMMENT] = {};
  int status = 0;
  if (fits_read_key(in.get(), TSTRING, key.c_str(), value, comment, &status) != 0)
    fits_clear_errmsg();
  return status == 0 ? value : "";
}

Column column_here(const Input& in, int number, LONGLONG rows, const std::string& table) {
  Column column;
  column.name = key_here(in, "TTYPE" + std::to_string(number));
  column.unit = key_here(in, "TUNIT" + std::to_string(number));
  const std::string place = fmt::format("{}, column '{}'", table, column.name);
  int status = 0, type = 0, n_axes = 0;
  LONGLONG repeat = 0, width = 0, axes[most_axes] = {};
  fits_get_eqcoltypell(in.get(), number, &type, &repeat, &width, &status);
  fits_read_tdimll(in.get(), number, most_axes, &n_axes, axes, &status);
  in.check(status, place);
  if (type == TSTRING) {
    column.values = texts_here(in, number, rows, repeat, place);
    return column;
  }
  // A cell of one number is an array only if it says so.
  if (repeat == 1 && key_here(in, "TDIM" + std::to_string(number)).empty()) n_axes = 0;
  for (int axis = n_axes; axis-- > 0;) column.shape.push_back(static_cast<std::size_t>(axes[axis]));
  const LONGLONG n = rows * repeat;
  if (type == TDOUBLE)
    column.values = numbers_here<double>(in, number, type, n, place);
  else if (type == TFLOAT)
    column.values = numbers_here<float>(in, number, type, n, place);
  else if (type == TSHORT || type == TLONG || type == TINT)
    column.values = numbers_here<std::int32_t>(in, number, TINT, n, place);
  else if (type == TLONGLONG)
    column.values = numbers_here<std::int64_t>(in, number, type, n, place);
  else if (type == TLOGICAL)
    column.values = Logicals{numbers_here<std::uint8_t>(in, number, type, n, place)};
  else
    throw Error(ErrorKind::bad_input, "is of a type that is not read here",
                in.path().string() + ", " + place);
  return column;
}

std::vector<BinaryTable> read(const fs::path& path, bool with_columns) {
  const Input in(path);
  std::vector<BinaryTable> tables;
  int status = 0, count = 0;
  fits_get_num_hdus(in.get(), &count, &status);
  in.check(status, "HDUs");
  for (int hdu = 1; hdu <= count; ++hdu) {
    int kind = 0, columns = 0;
    LONGLONG rows = 0;
    const std::string place = fmt::format("HDU {}", hdu - 1);
    fits_movabs_hdu(in.get(), hdu, &kind, &status);
    in.check(status, place);
    if (kind != BINARY_TBL) continue;
    BinaryTable table;
    table.name = key_here(in, "EXTNAME");
    table.cards = cards_here(in, place);
    fits_get_num_cols(in.get(), &columns, &status);
    fits_get_num_rowsll(in.get(), &rows, &status);
    in.check(status, place);
    for (int c = 1; with_columns && c <= columns; ++c)
      table.columns.push_back(column_here(in, c, rows, fmt::format("table '{}'", table.name)));
    tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace

std::vector<BinaryTable> read_tables(const fs::path& path) {
  return read(path, true);
}

std::vector<BinaryTable> read_table_headers(const fs::path& path) {
  return read(path, false);
}

const Card* find_card(const BinaryTable& table, const std::string& key) {
  for (const Card& card : table.cards)
    if (strcasecmp(card.key.c_str(), key.c_str()) == 0) return &card;
  return nullptr;
}

double number_of_card(const BinaryTable& table, const std::string& key, const fs::path& where) {
  const Card* card = find_card(table, key);
  if (card != nullptr) {
    if (const auto* number = std::get_if<double>(&card->value)) return *number;
    if (const auto* integer = std::get_if<std::int64_t>(&card->value)) return double(*integer);
  }
  throw Error(ErrorKind::bad_input, fmt::format("has no number '{}'", key),
              fmt::format("{}, table '{}'", where.string(), table.name), "make the file again");
}

std::string text_of_card(const BinaryTable& table, const std::string& key) {
  const Card* card = find_card(table, key);
  const auto* text = card != nullptr ? std::get_if<std::string>(&card->value) : nullptr;
  return text != nullptr ? *text : "";
}

const Column& column_of(const BinaryTable& table, const std::string& name, const fs::path& where) {
  for (const Column& column : table.columns)
    if (strcasecmp(column.name.c_str(), name.c_str()) == 0) return column;
  throw Error(ErrorKind::bad_input, fmt::format("has no column '{}'", name),
              fmt::format("{}, table '{}'", where.string(), table.name), "make the file again");
}

}  // namespace alisio::fits
