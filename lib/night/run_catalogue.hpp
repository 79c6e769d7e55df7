#pragma once
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <string_view>

namespace alisio::night {

/// What a run observed, as a run catalogue says it.
struct CatalogueRow {
  std::string source;  ///< as the drive was told
  /// Of the pointing, ICRS, degrees; NaN: not known.
  double ra_deg = std::numeric_limits<double>::quiet_NaN();
  double dec_deg = std::numeric_limits<double>::quiet_NaN();
  std::filesystem::path file;  ///< that says so
};

/// By run.
using RunCatalogue = std::map<int, CatalogueRow>;

/// Read the text of a run catalogue, ECSV or CSV: columns run_id, source_name, source_ra and
/// source_dec (degrees); all but the first may be absent.
/// @param file names it, for rows and messages
/// @throws Error(bad_input) naming line and column.
[[nodiscard]] RunCatalogue parse_run_catalogue(std::string_view text,
                                               const std::filesystem::path& file);

/// Read a run catalogue. @throws Error(missing_input), Error(bad_input).
[[nodiscard]] RunCatalogue read_run_catalogue(const std::filesystem::path& file);

/// Return a run catalogue as ECSV. What would break a line or a table in the name of a source
/// becomes '_'.
[[nodiscard]] std::string to_text(const RunCatalogue& catalogue);

}  // namespace alisio::night
