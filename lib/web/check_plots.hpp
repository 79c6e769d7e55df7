#pragma once
#include <cstddef>
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "lib/night/state.hpp"

/// What the data checks of a night hold, drawn when somebody looks.
namespace alisio::web {

/// Texts that were costly to make, by what they were made from; the ones not asked for longest go
/// first. One is made at a time: HDF5 serves one thread.
class DrawingCache {
 public:
  explicit DrawingCache(std::size_t most_bytes) : most_bytes_(most_bytes) {}
  /// Return what is kept under a key, or make it. @throws whatever `make` throws.
  [[nodiscard]] std::string get(const std::string& key, const std::function<std::string()>& make);

 private:
  std::mutex mutex_;
  std::size_t most_bytes_, bytes_ = 0;
  std::list<std::pair<std::string, std::string>> kept_;  ///< the latest first
  std::map<std::string, decltype(kept_)::iterator> places_;
};

/// A drawing that can be asked for.
struct CheckPlot {
  std::string name;     ///< in addresses: "flatfield-charge"
  std::string title;    ///< "Flat-field charge of each pixel"
  bool camera = false;  ///< of the pixels of one data check; else over subruns or runs
};

/// Which drawing, of what.
struct CheckPlotRequest {
  std::string name;
  std::string place;                         ///< for its title: "run 11220"
  std::vector<std::filesystem::path> files;  ///< data checks
  bool over_runs = false;                    ///< one place along the axis a file, else a subrun
};

/// Who draws.
struct CheckPlotSource {
  std::vector<CheckPlot> plots;  ///< that there are
  std::function<std::string(const CheckPlotRequest&)> draw;
  std::shared_ptr<DrawingCache> cache;
};

/// Return the drawings that there are of the night (its runs along the axis), of a run (its
/// subruns along the axis, and its camera), or of a subrun (its camera). Nothing if no data check
/// of it is on record. @param key run whole_night: of the night; subrun whole_run: of the run
[[nodiscard]] std::vector<CheckPlot> check_plots(night::State& state, const night::NightKey& night,
                                                 const night::JobKey& key,
                                                 const CheckPlotSource& source);

/// Return one of them, SVG, drawn now or before. @throws Error(incomplete) if there is none of that
/// name; what `draw` throws.
[[nodiscard]] std::string draw_check_plot(night::State& state, const night::NightKey& night,
                                          const night::JobKey& key, const std::string& name,
                                          const CheckPlotSource& source);

/// Return the section of a page that shows drawings, each loaded when it comes into view.
/// @param base address of the drawings: "/nights/20240115/v1/plot/11220"
[[nodiscard]] std::string check_plots_html(const std::vector<CheckPlot>& plots,
                                           const std::string& base);

}  // namespace alisio::web
