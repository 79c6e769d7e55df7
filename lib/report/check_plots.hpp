#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "lib/instrument/camera.hpp"

namespace alisio::report {

/// A drawing of what data checks hold, for whoever wants one alone and not the whole report.
struct CheckPlot {
  std::string name;     ///< "flatfield-charge"
  std::string title;    ///< "Flat-field charge of each pixel"
  bool camera = false;  ///< of the pixels of one file; else over subruns or runs
};

/// Return those that there are.
[[nodiscard]] const std::vector<CheckPlot>& check_plots();

/// Which drawing, of what.
struct CheckPlotRequest {
  std::string name;
  std::string place;                         ///< for its title: "run 11220"
  std::vector<std::filesystem::path> files;  ///< data checks; a camera is drawn of the first
  bool over_runs = false;                    ///< one place along the axis a file, else a subrun
};

/// Draw one as SVG. @throws Error(missing_input, bad_input) if a data check cannot be read,
/// Error(incomplete) if it has none of the events.
[[nodiscard]] std::string draw_check_plot(const CheckPlotRequest& request,
                                          const instrument::CameraGeometry& camera);

}  // namespace alisio::report
