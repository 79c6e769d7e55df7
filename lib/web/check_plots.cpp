#include "lib/web/check_plots.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/error.hpp"
#include "lib/base/markup.hpp"
#include "lib/night/products.hpp"
#include "lib/web/html.hpp"

namespace alisio::web {
namespace {

namespace fs = std::filesystem;

/// The data checks that a drawing is made of.
struct CheckFiles {
  std::vector<fs::path> files;
  bool camera = false;  ///< one file that tells of the pixels
};

/// Find the data checks of a night, a run or a subrun; of a run the merged one if it is there.
CheckFiles files_of(night::State& state, const night::NightKey& night, const night::JobKey& key) {
  const auto products = [&](const char* stage, const char* port, const auto& fits) {
    std::vector<fs::path> files;
    for (const night::RecordedProduct& product : night::recorded_products(state, night, stage)) {
      std::error_code problem;
      if (product.port == port && fits(product.made_by) &&
          fs::is_regular_file(product.path, problem))
        files.push_back(product.path);
    }
    return files;
  };
  const bool of_night = key.run == night::whole_night;
  const auto of_run = [&](const night::JobKey& made) {
    return made.run != night::whole_night && (of_night || made.run == key.run);
  };
  CheckFiles found;
  if (key.subrun == night::whole_run)
    found.files = products("merge_datacheck", "dl1_datacheck_run", of_run);
  found.camera = !of_night && found.files.size() == 1;
  if (!found.files.empty() || of_night) return found;
  for (const char* stage : {"dl1ab", "r0_to_dl1", "check_dl1"}) {
    if (!found.files.empty()) break;
    found.files = products(stage, "dl1_datacheck", [&](const night::JobKey& made) {
      return made.run == key.run && (key.subrun == night::whole_run || made.subrun == key.subrun);
    });
  }
  found.camera = key.subrun != night::whole_run && found.files.size() == 1;
  return found;
}

/// Name the content of files: by the recorded hash while it is known to hold, else by their stamps.
std::string content_of(night::State& state, const std::vector<fs::path>& files) {
  std::string text;
  for (const fs::path& file : files) {
    const auto now = night::stamp_of(file);
    const auto known = state.known_file(file.string());
    if (now && known && night::same_stamp(*now, *known) && !known->sha256.empty())
      text += known->sha256 + ' ';
    else
      text += fmt::format("{} {} {} ", file.string(), now ? now->size : 0, now ? now->mtime_ns : 0);
  }
  return text;
}

std::string place_text(const night::JobKey& key) {
  if (key.run == night::whole_night) return "runs of the night";
  return (key.subrun == night::whole_run ? "run " : "subrun ") + night::job_name(key);
}

}  // namespace

std::string DrawingCache::get(const std::string& key, const std::function<std::string()>& make) {
  const std::scoped_lock lock(mutex_);
  if (const auto known = places_.find(key); known != places_.end()) {
    kept_.splice(kept_.begin(), kept_, known->second);
    return known->second->second;
  }
  std::string text = make();
  kept_.emplace_front(key, text);
  places_[key] = kept_.begin();
  bytes_ += text.size();
  while (bytes_ > most_bytes_ && kept_.size() > 1) {
    bytes_ -= kept_.back().second.size();
    places_.erase(kept_.back().first);
    kept_.pop_back();
  }
  return text;
}

std::vector<CheckPlot> check_plots(night::State& state, const night::NightKey& night,
                                   const night::JobKey& key, const CheckPlotSource& source) {
  const CheckFiles found = files_of(state, night, key);
  std::vector<CheckPlot> plots;
  if (found.files.empty()) return plots;
  for (const CheckPlot& plot : source.plots)
    if (plot.camera ? found.camera : key.subrun == night::whole_run) plots.push_back(plot);
  return plots;
}

std::string draw_check_plot(night::State& state, const night::NightKey& night,
                            const night::JobKey& key, const std::string& name,
                            const CheckPlotSource& source) {
  const std::vector<CheckPlot> plots = check_plots(state, night, key, source);
  if (std::none_of(plots.begin(), plots.end(),
                   [&](const CheckPlot& plot) { return plot.name == name; }))
    throw Error(ErrorKind::incomplete, "there is no such drawing", "/nights/",
                "the pages of runs link those that there are");
  const CheckFiles found = files_of(state, night, key);
  const std::string content =
      name + ' ' + night::job_name(key) + ' ' + content_of(state, found.files);
  return source.cache->get(content, [&] {
    return source.draw({.name = name,
                        .place = place_text(key),
                        .files = found.files,
                        .over_runs = key.run == night::whole_night});
  });
}

std::string check_plots_html(const std::vector<CheckPlot>& plots, const std::string& base) {
  if (plots.empty()) return {};
  std::string figures;
  for (const CheckPlot& plot : plots)
    figures += fmt::format(
        "<figure><a href=\"{0}\"><img src=\"{0}\" alt=\"{1}\" loading=\"lazy\" width=\"800\"></a>"
        "<figcaption>{1}</figcaption></figure>\n",
        markup_escaped(base + '/' + plot.name + ".svg"), markup_escaped(plot.title));
  return "<section id=\"checks\"><h2>Drawings of the data check</h2><div class=\"figures\">" +
         figures + "</div></section>\n";
}

}  // namespace alisio::web
