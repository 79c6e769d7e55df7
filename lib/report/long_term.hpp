#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Quantities of runs over many nights: the table that trends and outliers are taken from.
namespace alisio::report {

/// A quantity of the long-term tables.
struct LongTermColumn {
  std::string name;    ///< as lstchain's long-term check calls it
  std::string unit;    ///< empty if dimensionless
  std::string text;    ///< what it is
  bool whole = false;  ///< stored as an integer
};

/// Rows of runs or subruns, in columns. What could not be measured is NaN.
struct LongTermTable {
  std::vector<LongTermColumn> columns;
  std::vector<std::vector<double>> values;  ///< [column][row]

  [[nodiscard]] std::size_t rows() const { return values.empty() ? 0 : values.front().size(); }
  /// Return the values of a column, empty if there is none of that name.
  [[nodiscard]] std::span<const double> column(std::string_view name) const;
};

/// One quantity of each pixel, by run.
struct LongTermPixels {
  std::string name;
  std::vector<std::vector<float>> values;  ///< [run][pixel]
};

/// What a long-term file holds.
struct LongTerm {
  LongTermTable runs;                           ///< one row a run, ascending by run
  LongTermTable cosmics, pedestals, flatfield;  ///< one row a subrun
  std::vector<LongTermPixels> pixels, pixels_without_stars;
};

/// Return the empty tables with their columns.
[[nodiscard]] LongTerm empty_long_term();

/// Read the table of runs of a long-term file, ours or lstchain's (longterm_dl1_check.h5); the
/// other tables stay empty. @throws Error(missing_input, bad_input).
[[nodiscard]] LongTerm read_long_term(const std::filesystem::path& path);

/// Where the values of a period lie: the median, and the range of `deviations` robust standard
/// deviations (1.4826 times the median absolute deviation) to both sides.
struct TrendBand {
  double median = 0, spread = 0, low = 0, high = 0;
  std::size_t n = 0;  ///< finite values
};

/// Return the band of some values, NaN if there is none. Of values that are nearly all the same the
/// band is no narrower than rounding explains.
[[nodiscard]] TrendBand trend_band(std::span<const double> values, double deviations = 5);

/// A value out of the band of its quantity.
struct Outlier {
  std::int64_t run = 0;
  std::string quantity, unit;
  double value = 0;
  TrendBand band;
};

/// Return the names of the quantities that are followed from run to run.
[[nodiscard]] std::span<const char* const> followed_quantities();

/// Return the runs whose followed quantities lie outside their bands, by run. Fewer than five runs
/// make no band.
[[nodiscard]] std::vector<Outlier> outliers_of(const LongTermTable& runs, double deviations = 5);

}  // namespace alisio::report
