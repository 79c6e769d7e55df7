#pragma once
#include <deque>
#include <string>
#include <vector>

#include "lib/io/hdf5/table.hpp"
#include "reco/check/class_check.hpp"
#include "reco/check/summary.hpp"

/// The tables of a data check file, column by column.
namespace alisio::pipeline {

/// Columns of a table and the values of one row of it, side by side.
class RowColumns {
 public:
  /// Add a column and its value; an empty shape is a scalar.
  template <typename T>
  void add(hdf5::ColumnSpec spec, const T* values, std::size_t n);
  [[nodiscard]] const std::vector<hdf5::ColumnSpec>& specs() const { return specs_; }
  [[nodiscard]] const std::vector<hdf5::ColumnSource>& sources() const { return sources_; }

 private:
  std::vector<hdf5::ColumnSpec> specs_;
  std::vector<hdf5::ColumnSource> sources_;
  std::deque<std::vector<std::byte>> values_;
};

/// A row of lstchain's table of a class. Columns that the class does not fill are the number -1.
[[nodiscard]] RowColumns lstchain_row(check::EventClass c, const check::ClassCheck& check);
/// The edges of the histograms.
[[nodiscard]] RowColumns binning_row();
/// Our own row of a class: counts and sums.
[[nodiscard]] RowColumns sums_row(check::EventClass c, const check::ClassCheck& check);
/// A row of our table of subruns.
[[nodiscard]] RowColumns summary_row(const check::SubrunSummary& summary);

/// Return row `i` of a table of lstchain's. Its means and spreads become sums over all events: what
/// was written with more knowledge is put in its place by read_sums().
[[nodiscard]] check::ClassCheck read_lstchain_row(const hdf5::TableReader& table, std::size_t i);
/// Put counts and sums of our own row `i` in their place.
void read_sums(const hdf5::TableReader& table, std::size_t i, check::ClassCheck& check);
[[nodiscard]] std::vector<check::SubrunSummary> read_summary_rows(const hdf5::TableReader& table);

}  // namespace alisio::pipeline
