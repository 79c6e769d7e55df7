#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/error.hpp"
#include "lib/io/zfits/zfits.hpp"

namespace alisio::calib {

/// The only row of a table of settings, as raw data files have for the camera and the stream.
/// Fields are named by protobuf path, "10.4".
class SettingsRow {
 public:
  /// @throws Error(bad_input) if the file has no such table, or the table no row.
  SettingsRow(const zfits::File& file, const std::string& table);

  [[nodiscard]] bool has(const char* field) const { return table_.find_field(field).has_value(); }
  /// The following throw Error(bad_input) if the field is missing or of another width.
  [[nodiscard]] std::uint64_t integer(const char* field);
  [[nodiscard]] std::vector<std::uint16_t> words(const char* field);
  [[nodiscard]] std::string text(const char* field);
  template <typename T>
  [[nodiscard]] T real(const char* field) {
    decode(field);
    if (column_.row(0).size() != sizeof(T)) throw missing(field);
    return column_.item<T>(0);
  }

 private:
  /// Decode a field into column_. @return the number of its column.
  std::size_t decode(const char* field);
  [[nodiscard]] Error missing(const char* field) const;

  zfits::Table table_;
  std::string where_;
  zfits::DecodedColumn column_;
  zfits::DecodeScratch scratch_;
};

}  // namespace alisio::calib
