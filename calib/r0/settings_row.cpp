#include "calib/r0/settings_row.hpp"

#include <fmt/format.h>

#include <cstring>

namespace alisio::calib {

SettingsRow::SettingsRow(const zfits::File& file, const std::string& table)
    : table_(file.table(table)), where_(file.path() + ", " + table) {
  if (table_.row_count() == 0) throw Error(ErrorKind::bad_input, "the table is empty", where_);
}

std::uint64_t SettingsRow::integer(const char* field) {
  const std::size_t column = decode(field);
  return zfits::integer_item(column_, table_.columns()[column].type, 0);
}

std::vector<std::uint16_t> SettingsRow::words(const char* field) {
  decode(field);
  std::vector<std::uint16_t> out(column_.item_count<std::uint16_t>(0));
  column_.copy_row<std::uint16_t>(0, out);
  return out;
}

std::string SettingsRow::text(const char* field) {
  decode(field);
  const auto row = column_.row(0);
  std::string out(row.size(), '\0');
  if (!row.empty()) std::memcpy(out.data(), row.data(), row.size());
  return out;
}

std::size_t SettingsRow::decode(const char* field) {
  const auto column = table_.find_field(field);
  if (!column) throw missing(field);
  table_.decode(0, *column, column_, scratch_);
  return *column;
}

Error SettingsRow::missing(const char* field) const {
  return {ErrorKind::bad_input, fmt::format("field {} is missing or malformed", field), where_,
          "is this a raw file of LST?"};
}

}  // namespace alisio::calib
