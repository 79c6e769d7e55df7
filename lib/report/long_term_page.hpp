#pragma once
#include <string>
#include <vector>

#include "lib/base/ids.hpp"
#include "lib/instrument/camera.hpp"
#include "lib/report/long_term.hpp"

namespace alisio::report {

/// What the page says besides the table.
struct LongTermPageFacts {
  std::string first_night, last_night;  ///< YYYY-MM-DD
  std::vector<std::string> left_out;    ///< files that could not be read, and why
  std::vector<NightDate> empty_nights;  ///< ascending
  double deviations = 5;  ///< robust standard deviations between median and edge of a band
};

/// Return longterm_dl1_check.html: outliers, trends against time with their bands, pixels over the
/// period, and the table of runs.
[[nodiscard]] std::string long_term_page(const LongTerm& table, const LongTermPageFacts& facts,
                                         const instrument::CameraGeometry& geometry);

}  // namespace alisio::report
