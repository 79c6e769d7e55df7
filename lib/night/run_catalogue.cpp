#include "lib/night/run_catalogue.hpp"

#include <fmt/format.h>

#include <cmath>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/io/text/ecsv.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

int run_in(const text::EcsvTable& table, std::size_t row, const fs::path& file) {
  const std::int64_t run = table.integer(row, "run_id");
  if (run <= 0 || run > std::numeric_limits<int>::max())
    throw Error(ErrorKind::bad_input, fmt::format("{} is no run", run), file.string(),
                "see the column run_id");
  return static_cast<int>(run);
}

double declination_in(const text::EcsvTable& table, std::size_t row, const fs::path& file) {
  const double degrees = table.number(row, "source_dec");
  if (std::abs(degrees) > 90)
    throw Error(ErrorKind::bad_input, fmt::format("{} deg is no declination", degrees),
                file.string(), "see the column source_dec");
  return degrees;
}

std::string number_text(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : "nan";
}

std::string clean(std::string name) {
  for (char& c : name)
    if (c == ',' || c == '"' || static_cast<unsigned char>(c) < ' ') c = '_';
  return name;
}

}  // namespace

RunCatalogue parse_run_catalogue(std::string_view text, const fs::path& file) {
  const text::EcsvTable table = text::EcsvTable::parse_csv(text, file);
  if (!table.has_column("run_id"))
    throw Error(ErrorKind::bad_input, "has no column run_id", file.string(),
                "a run catalogue has run_id, source_name, source_ra, source_dec");
  RunCatalogue catalogue;
  for (std::size_t row = 0; row < table.row_count(); ++row) {
    CatalogueRow said;
    said.file = file;
    if (table.has_column("source_name")) said.source = table.text(row, "source_name");
    if (table.has_column("source_ra")) said.ra_deg = table.number(row, "source_ra");
    if (table.has_column("source_dec")) said.dec_deg = declination_in(table, row, file);
    catalogue.emplace(run_in(table, row, file), std::move(said));
  }
  return catalogue;
}

RunCatalogue read_run_catalogue(const fs::path& file) {
  return parse_run_catalogue(read_text_file(file), file);
}

std::string to_text(const RunCatalogue& catalogue) {
  text::EcsvTable table({{"run_id", "int64", ""},
                         {"source_name", "string", ""},
                         {"source_ra", "float64", "deg"},
                         {"source_dec", "float64", "deg"}});
  for (const auto& [run, row] : catalogue)
    table.add_row({std::to_string(run), clean(row.source), number_text(row.ra_deg),
                   number_text(row.dec_deg)});
  return table.to_text();
}

}  // namespace alisio::night
