#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "lib/instrument/camera.hpp"
#include "lib/report/page.hpp"
#include "lib/report/run_data.hpp"

namespace alisio::report {

/// What a run is shown with: the same quantities of other data.
struct Reference {
  std::string name;  ///< "night 20221214"; empty: there is none
  std::array<check::ClassCheck, check::n_classes> totals;  ///< num_events 0: none
  std::vector<double> muon_efficiencies;                   ///< of contained rings
  std::vector<check::SubrunSummary> summaries;             ///< of its runs
  [[nodiscard]] const check::ClassCheck* find(check::EventClass c) const {
    const check::ClassCheck& total = totals[std::size_t(c)];
    return name.empty() || total.num_events == 0 ? nullptr : &total;
  }
};

/// Add the plots of one run: triggers, rates, times, pointing, pedestals, flat-fields, spectra,
/// pulses, arrival times, centroids, image shapes, muons. A class that the run does not have gives
/// a sentence that says so.
/// @param camera  number of the camera on the page
void add_run_plots(Page& page, const RunData& run, const Reference& reference,
                   const instrument::CameraGeometry& geometry, std::size_t camera);

/// Add the plots of a run's muon rings, or the sentence that there are none.
void add_muon_plots(Page& page, const RunData& run, const Reference& reference);

/// Return what the bits of a trigger type mean: "mono + calibration".
[[nodiscard]] std::string trigger_text(int bits);

/// Return a histogram of values between their 0.1 and 99.9 % quantiles, values beyond which are
/// in the first and last bin; NaN are left out.
struct Binned {
  std::vector<double> edges, counts;
};
[[nodiscard]] Binned binned(const std::vector<double>& values, std::size_t bins);
/// Return the counts of values in given bins; the last one holds its upper edge.
[[nodiscard]] std::vector<double> counts_in(const std::vector<double>& edges,
                                            const std::vector<double>& values);

}  // namespace alisio::report
