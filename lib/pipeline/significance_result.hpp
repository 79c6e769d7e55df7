#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lib/pipeline/significance_options.hpp"
#include "lib/plot/histogram.hpp"
#include "lib/sky/icrs.hpp"
#include "reco/dl3/effective_time.hpp"
#include "reco/dl3/on_off.hpp"

namespace alisio::pipeline {

/// What was counted on and off a source, in one run or in all of them.
struct SignificanceRow {
  std::string run = {};           ///< "11220"; "all" for the sum
  sky::Equatorial pointing = {};  ///< mean, deg; NaN for the sum
  double separation_deg = 0;      ///< of the source from it; NaN for the sum
  std::int64_t events = 0;        ///< in the files
  std::int64_t selected = 0;      ///< of them pass the cut in gammaness and are no calibration
  dl3::EffectiveTime time = {};   ///< rate and dead time are NaN for the sum
  std::int64_t norm_on = 0, norm_off = 0;  ///< events in the range of the normalisation
  dl3::Excess excess = {};
  bool in_sum = true;       ///< false: see remark
  std::string remark = {};  ///< what is odd; may be empty
};

/// Return events per minute of effective time; NaN without time.
[[nodiscard]] double per_minute(double events, const SignificanceRow& row);

/// A source of a night.
struct SourceSignificance {
  std::string name = {};
  sky::Equatorial position = {};  ///< deg
  std::string chosen = {};        ///< why the runs count as observations of it
  std::vector<SignificanceRow> runs = {};
  SignificanceRow sum = {};
  std::vector<std::int64_t> on = {}, off = {};  ///< [bin], of the sum
};

/// Something that does not enter, and why.
struct LeftOut {
  std::string what, why;
};

/// The answer to what a night's telescope saw.
struct SignificanceResult {
  std::string date = {};  ///< YYYYMMDD; may be empty
  std::string prod_id = {};
  std::string quantity = "theta2";  ///< or "alpha", of source-dependent DL2
  std::string selection = {};       ///< terms that the files had to meet; may be empty
  SignificanceOptions options = {};
  std::vector<SourceSignificance> sources = {};  ///< in the order of their first runs
  std::vector<LeftOut> left_out = {};
};

/// Return the binning of the result's quantity.
[[nodiscard]] const dl3::OnOffBinning& binning_of(const SignificanceResult& result);

/// Return the result as JSON text; numbers that are not finite are null.
[[nodiscard]] std::string to_json(const SignificanceResult& result);
/// Read such a file. @throws Error(missing_input); Error(bad_input) if it is none.
[[nodiscard]] SignificanceResult read_significance(const std::filesystem::path& file);

/// Return the result as a table for people, one block a source.
[[nodiscard]] std::string to_text(const SignificanceResult& result);

/// Return the plot of a source's distributions on and off, off scaled to on.
[[nodiscard]] plot::Drawing significance_plot(const SignificanceResult& result,
                                              const SourceSignificance& source);

/// Return a source's name as a part of file names: letters, digits, '+', '-' and '_'.
[[nodiscard]] std::string file_word(const std::string& name);

}  // namespace alisio::pipeline
