#include "lib/io/fits/table_writer.hpp"

#include <fitsio.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <numeric>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/io/fits/checksum.hpp"
#include "lib/io/fits/gzip.hpp"
#include "lib/io/fits/header.hpp"

namespace alisio::fits {
namespace fs = std::filesystem;
namespace {

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

/// The file under construction; what is not finished is deleted.
class Output {
 public:
  explicit Output(const fs::path& path) : path_(path) {
    std::error_code ignored;
    fs::remove(path, ignored);
    int status = 0;
    if (fits_create_diskfile(&file_, path.c_str(), &status) != 0) fail(status, "cannot be made");
  }
  ~Output() {
    int status = 0;
    if (file_ != nullptr) fits_delete_file(file_, &status);
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void close() {
    int status = 0;
    fits_close_file(file_, &status);
    file_ = nullptr;
    check(status);
  }
  [[nodiscard]] fitsfile* get() const { return file_; }
  [[nodiscard]] const fs::path& path() const { return path_; }
  void check(int status) const {
    if (status != 0) fail(status, "cannot be written");
  }

 private:
  [[noreturn]] void fail(int status, const std::string& what) const {
    char text[FLEN_STATUS] = {};
    fits_get_errstatus(status, text);
    fits_clear_errmsg();
    throw Error(ErrorKind::resource, what + ": " + text, path_.string(),
                "check free space and permissions");
  }
  fs::path path_;
  fitsfile* file_ = nullptr;
};

/// Return the text with '?' for every character that a card cannot hold: FITS has the printable
/// ones of ASCII only (Standard 4.0, section 3.3.1).
std::string printable(const std::string& text) {
  std::string plain;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool continues = (byte & 0xC0U) == 0x80U;  // a further byte of a character in UTF-8
    if (continues) continue;
    plain += byte >= ' ' && byte <= '~' ? c : '?';
  }
  return plain;
}

void write_card(const Output& out, const Card& card) {
  const bool plain = card.key.size() <= 8 && card.key.find(' ') == std::string::npos;
  const std::string key = plain ? card.key : "HIERARCH " + card.key;
  const std::string told = printable(card.comment);
  const char* comment = told.empty() ? nullptr : told.c_str();
  int status = 0;
  std::visit(
      Overloaded{[&](const std::string& value) {
                   // fits_update_key_longstr() wants a modifiable text but leaves it alone.
                   std::string text = printable(value);
                   if (text != value)
                     spdlog::warn("{}: FITS cards hold printable ASCII only: {} becomes '{}'",
                                  out.path().filename().string(), card.key, text);
                   fits_update_key_longstr(out.get(), key.c_str(), text.data(), comment, &status);
                 },
                 [&](std::int64_t value) {
                   fits_update_key_lng(out.get(), key.c_str(), value, comment, &status);
                 },
                 [&](double value) {
                   constexpr int digits = 15;
                   fits_update_key_dbl(out.get(), key.c_str(), value, digits, comment, &status);
                 },
                 [&](bool value) {
                   fits_update_key_log(out.get(), key.c_str(), value ? 1 : 0, comment, &status);
                 }},
      card.value);
  out.check(status);
}

/// Values of one row.
std::size_t cell_size(const Column& column) {
  return std::accumulate(column.shape.begin(), column.shape.end(), std::size_t{1},
                         std::multiplies<>());
}

std::size_t row_count(const Column& column) {
  const std::size_t values =
      std::visit(Overloaded{[](const Logicals& logicals) { return logicals.values.size(); },
                            [](const auto& list) { return list.size(); }},
                 column.values);
  const std::size_t cell = cell_size(column);
  if (cell == 0 || values % cell != 0)
    throw Error(ErrorKind::bug, "column '" + column.name + "' does not fill its shape");
  return values / cell;
}

/// Characters that a column of texts needs.
std::size_t width_of(const std::vector<std::string>& texts) {
  std::size_t longest = 1;
  for (const std::string& text : texts) longest = std::max(longest, text.size());
  return longest;
}

std::string format_of(const Column& column) {
  const char letter = std::visit(
      Overloaded{[](const std::vector<std::int64_t>&) { return 'K'; },
                 [](const std::vector<std::int32_t>&) { return 'J'; },
                 [](const std::vector<double>&) { return 'D'; },
                 [](const std::vector<float>&) { return 'E'; }, [](const Logicals&) { return 'L'; },
                 [](const std::vector<std::string>&) { return 'A'; }},
      column.values);
  if (const auto* texts = std::get_if<std::vector<std::string>>(&column.values))
    return fmt::format("{}{}", width_of(*texts), letter);
  if (column.shape.empty()) return {letter};
  return fmt::format("{}{}", cell_size(column), letter);
}

/// The axes in the order of FITS: the one that runs fastest comes first.
std::string dimensions_of(const Column& column) {
  return fmt::format("({})", fmt::join(column.shape.rbegin(), column.shape.rend(), ","));
}

void write_values(const Output& out, int number, const Column& column) {
  int status = 0;
  const auto write = [&](int type, const auto* values, std::size_t rows) {
    // CFITSIO only reads the values.
    void* const data = const_cast<void*>(static_cast<const void*>(values));
    fits_write_col(out.get(), type, number, 1, 1, static_cast<LONGLONG>(rows), data, &status);
  };
  std::visit(
      Overloaded{[&](const std::vector<std::int64_t>& v) { write(TLONGLONG, v.data(), v.size()); },
                 [&](const std::vector<std::int32_t>& v) { write(TINT, v.data(), v.size()); },
                 [&](const std::vector<double>& v) { write(TDOUBLE, v.data(), v.size()); },
                 [&](const std::vector<float>& v) { write(TFLOAT, v.data(), v.size()); },
                 [&](const Logicals& v) { write(TLOGICAL, v.values.data(), v.values.size()); },
                 [&](const std::vector<std::string>& v) {
                   // As bytes: texts end with zeros, where CFITSIO would write blanks, which
                   // readers take for a part of the text.
                   std::string bytes;
                   const std::size_t width = width_of(v);
                   for (const std::string& text : v) {
                     bytes += text;
                     bytes.append(width - text.size(), '\0');
                   }
                   write(TBYTE, bytes.data(), bytes.size());
                 }},
      column.values);
  out.check(status);
}

/// Store the checksums of the data and of the whole current unit; CFITSIO's own call would add the
/// time to the comments.
void write_checksums(const Output& out) {
  int status = 0;
  // The header must be complete first, since CFITSIO may move the data when it grows.
  std::string data_text = "0", whole_text(16, '0');
  const auto update = [&] {
    fits_update_key_str(out.get(), "DATASUM", data_text.data(), "checksum of the data", &status);
    fits_update_key_str(out.get(), "CHECKSUM", whole_text.data(), "checksum of header and data",
                        &status);
    fits_flush_file(out.get(), &status);
  };
  unsigned long data = 0, whole = 0;
  update();
  fits_get_chksum(out.get(), &data, &whole, &status);
  data_text = std::to_string(data);
  update();
  fits_get_chksum(out.get(), &data, &whole, &status);
  whole_text = encode_checksum(static_cast<std::uint32_t>(whole));
  update();
  out.check(status);
}

void write_table(const Output& out, const BinaryTable& table) {
  std::vector<std::string> formats;
  std::vector<const char*> names, forms, units;
  const std::size_t rows = table.columns.empty() ? 0 : row_count(table.columns.front());
  for (const Column& column : table.columns) {
    if (row_count(column) != rows)
      throw Error(ErrorKind::bug, "column '" + column.name + "' has another length than the first",
                  "table '" + table.name + "'");
    formats.push_back(format_of(column));
  }
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    names.push_back(table.columns[c].name.c_str());
    forms.push_back(formats[c].c_str());
    units.push_back(table.columns[c].unit.c_str());
  }
  int status = 0;
  fits_create_tbl(out.get(), BINARY_TBL, static_cast<LONGLONG>(rows), int(table.columns.size()),
                  const_cast<char**>(names.data()), const_cast<char**>(forms.data()),
                  const_cast<char**>(units.data()),
                  table.name.empty() ? nullptr : table.name.c_str(), &status);
  out.check(status);
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    const std::string& comment = table.columns[c].comment;
    if (comment.empty()) continue;
    fits_modify_comment(out.get(), ("TTYPE" + std::to_string(c + 1)).c_str(), comment.c_str(),
                        &status);
    out.check(status);
  }
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    if (table.columns[c].shape.empty()) continue;
    const std::string dimensions = dimensions_of(table.columns[c]);
    fits_update_key_str(out.get(), ("TDIM" + std::to_string(c + 1)).c_str(), dimensions.c_str(),
                        nullptr, &status);
    out.check(status);
  }
  for (const Card& card : table.cards) write_card(out, card);
  if (rows > 0)
    for (std::size_t c = 0; c < table.columns.size(); ++c)
      write_values(out, int(c) + 1, table.columns[c]);
  write_checksums(out);
}

/// CFITSIO does not tell of all that the disk refuses.
void check_whole(const fs::path& path) {
  try {
    static_cast<void>(read_hdus(ByteSource::open(path)));
  } catch (const Error& problem) {
    throw Error(ErrorKind::resource, "cannot be written whole: " + problem.problem(), path.string(),
                "check free space and permissions");
  }
}

}  // namespace

void write_tables(const fs::path& path, const std::vector<Card>& primary,
                  const std::vector<BinaryTable>& tables, Packing packing) {
  Output out(path);
  int status = 0;
  fits_create_img(out.get(), BYTE_IMG, 0, nullptr, &status);
  out.check(status);
  for (const Card& card : primary) write_card(out, card);
  write_checksums(out);
  for (const BinaryTable& table : tables) write_table(out, table);
  out.close();
  check_whole(path);
  if (packing == Packing::gzip) gzip_file(path);
}

}  // namespace alisio::fits
