#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace alisio::fits {

/// Numbers of an image or of a table column, flattened with the last dimension running fastest, as
/// NumPy shows them (FITS counts the axes the other way round).
template <typename T>
struct Array {
  std::vector<T> values;
  std::vector<std::size_t> shape;  ///< of a column: of one row's cell, empty for scalars
};

/// A plain FITS file of images and binary tables, open for reading; compressed ones (.fits.gz,
/// tiled images) too. The compressed tables of raw data are read by lib/io/zfits. Not for use by
/// several threads at once.
class File {
 public:
  /// @throws Error(missing_input) if it cannot be opened; Error(bad_input) if it is no whole FITS
  /// file.
  static File open(const std::filesystem::path& path);

  ~File();
  File(File&&) noexcept;
  File& operator=(File&&) noexcept;

  [[nodiscard]] const std::filesystem::path& path() const noexcept;
  /// Return the names of all HDUs in order: EXTNAME, or "PRIMARY" or "" for those without.
  [[nodiscard]] std::vector<std::string> hdu_names() const;
  /// Say whether there is an HDU of this name; upper and lower case are alike, as in FITS.
  [[nodiscard]] bool has_hdu(const std::string& name) const;

  /// Return an integer keyword of an HDU, if it has it. @throws Error(bad_input) for no such HDU.
  [[nodiscard]] std::optional<std::int64_t> integer_key(const std::string& hdu,
                                                        const std::string& key) const;
  /// Return a text keyword of an HDU, if it has it; long ones whole. @throws as integer_key().
  [[nodiscard]] std::optional<std::string> text_key(const std::string& hdu,
                                                    const std::string& key) const;

  /// Return an image, scaled and converted. T: a number type of at least 16 bits, or uint8.
  /// @throws Error(bad_input) naming file and HDU if there is none, it is no image, or its numbers
  /// do not fit T.
  template <typename T>
  [[nodiscard]] Array<T> image(const std::string& hdu) const;
  /// The same by position; the primary HDU is 0.
  template <typename T>
  [[nodiscard]] Array<T> image(std::size_t position) const;

  [[nodiscard]] std::size_t row_count(const std::string& table) const;
  [[nodiscard]] bool has_column(const std::string& table, const std::string& column) const;
  /// Return one row's cell of a column of numbers or logicals (uint8: 1 is true).
  /// @throws Error(bad_input) naming file, table and column.
  template <typename T>
  [[nodiscard]] Array<T> cell(const std::string& table, const std::string& column,
                              std::size_t row) const;
  /// Return a whole column of scalars: numbers or logicals (uint8: 1 is true).
  /// @throws Error(bad_input) naming file, table and column.
  template <typename T>
  [[nodiscard]] std::vector<T> column(const std::string& table, const std::string& column) const;
  /// Return a whole column of texts, without trailing blanks. @throws as column().
  [[nodiscard]] std::vector<std::string> text_column(const std::string& table,
                                                     const std::string& column) const;

 private:
  struct State;
  explicit File(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace alisio::fits
