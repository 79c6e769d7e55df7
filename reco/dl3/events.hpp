#pragma once
#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace alisio::dl3 {

/// Rows of a DL2 table in columns, under the names and units of the file (reco_energy TeV, angles
/// rad, gammaness 0 to 1, dragon_time UTC unix s). Identifiers are exact below 2^53. Holds only the
/// columns that were asked for.
struct Events {
  std::map<std::string, std::vector<double>> columns;  ///< all of the same length
  std::size_t n = 0;                                   ///< rows

  /// Return a column. @throws Error(bad_input) naming the columns that are there.
  [[nodiscard]] const std::vector<double>& column(const std::string& name) const;
  [[nodiscard]] bool has(const std::string& name) const { return columns.contains(name); }
  /// Return the rows with these numbers, in this order.
  [[nodiscard]] Events select(const std::vector<std::size_t>& rows) const;
  /// Append the rows of another table with the same columns. @throws Error(bug) if they differ.
  void append(const Events& other);
};

}  // namespace alisio::dl3
