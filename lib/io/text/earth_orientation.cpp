#include "lib/io/text/earth_orientation.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <sstream>
#include <string_view>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"

namespace alisio::text {
namespace fs = std::filesystem;
namespace {

using std::string_view;

/// The number in a field of fixed width; none if the field is blank, or no number.
std::optional<double> number_in(string_view line, std::size_t first, std::size_t width) {
  if (line.size() < first + width) return std::nullopt;
  string_view field = line.substr(first, width);
  while (field.starts_with(' ')) field.remove_prefix(1);
  while (field.ends_with(' ')) field.remove_suffix(1);
  double value = 0;
  const auto [end, problem] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (field.empty() || problem != std::errc() || end != field.data() + field.size())
    return std::nullopt;
  return value;
}

struct Row {
  double mjd;
  sky::EarthOrientation orientation;
};

/// A line of finals2000A (format: readme.finals2000A of the IERS); none for a day without values.
std::optional<Row> row_of_finals(string_view line) {
  const auto mjd = number_in(line, 7, 8);
  const auto x_a = number_in(line, 18, 9), y_a = number_in(line, 37, 9);
  const auto ut1_a = number_in(line, 58, 10);
  if (!mjd || !x_a || !y_a || !ut1_a) return std::nullopt;
  Row row{*mjd, {*ut1_a, *x_a, *y_a}};
  if (const auto ut1_b = number_in(line, 154, 11)) row.orientation.ut1_minus_utc = *ut1_b;
  const auto x_b = number_in(line, 134, 10), y_b = number_in(line, 144, 10);
  if (x_b && y_b) {
    row.orientation.x = *x_b;
    row.orientation.y = *y_b;
  }
  return row;
}

/// A line of a C04 series: year, month, day, hour, MJD, x, y, UT1-UTC, …
std::optional<Row> row_of_c04(string_view line) {
  std::istringstream in{std::string(line)};
  double year = 0, month = 0, day = 0, hour = 0;
  Row row{};
  if (!(in >> year >> month >> day >> hour >> row.mjd >> row.orientation.x >> row.orientation.y >>
        row.orientation.ut1_minus_utc))
    return std::nullopt;
  return row;
}

}  // namespace

sky::EarthOrientationTable read_earth_orientation(const fs::path& file) {
  constexpr const char* remedy = "give finals2000A.all or eopc04.1962-now of the IERS";
  sky::EarthOrientationTable table;
  std::istringstream in(read_text_file(file));
  std::size_t number = 0;
  bool is_c04 = false;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.starts_with("#")) {
      is_c04 = true;
      continue;
    }
    const std::optional<Row> row = is_c04 ? row_of_c04(line) : row_of_finals(line);
    // Bulletin A lists days to come, of which nothing is predicted yet.
    if (!row && !is_c04 && !table.mjd.empty()) break;
    const std::string where = fmt::format("{}:{}", file.string(), number);
    if (!row)
      throw Error(ErrorKind::bad_input, "is no line of a table of the Earth's orientation", where,
                  remedy);
    if (!table.mjd.empty() && row->mjd <= table.mjd.back())
      throw Error(ErrorKind::bad_input, "the days are not in order", where, remedy);
    table.mjd.push_back(row->mjd);
    table.orientation.push_back(row->orientation);
  }
  if (table.mjd.size() < 2)
    throw Error(ErrorKind::bad_input, "holds no table of the Earth's orientation", file.string(),
                remedy);
  return table;
}

}  // namespace alisio::text
