#include "lib/pipeline/significance_products.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <map>
#include <set>
#include <vector>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/stage/product_name.hpp"
#include "lib/stage/text_product.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;
namespace {

/// Return the names of a result's plots, one a source.
std::vector<std::string> plot_names(const SignificanceResult& result) {
  std::vector<std::string> names;
  std::set<std::string> words;
  for (const SourceSignificance& source : result.sources) {
    std::string word = file_word(source.name);
    while (!words.insert(word).second) word += "_";
    names.push_back(fmt::format("{}_{}{}.svg", result.quantity, word,
                                result.date.empty() ? "" : "_" + result.date));
  }
  return names;
}

/// Return the plots in a folder that a former result there made; those that hold anything else than
/// its plot, or whose result cannot be read, are not known to be ours.
std::set<fs::path> former_plots(const fs::path& result_file) {
  std::set<fs::path> plots;
  if (!fs::exists(result_file)) return plots;
  try {
    const SignificanceResult former = read_significance(result_file);
    const std::vector<std::string> names = plot_names(former);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const fs::path file = result_file.parent_path() / names[i];
      if (fs::is_regular_file(fs::symlink_status(file)) &&
          read_text_file(file) == plot::to_svg(significance_plot(former, former.sources[i])))
        plots.insert(file);
    }
  } catch (const Error& error) {
    spdlog::warn("plots of a former result are left as they are: {}", error.what());
  }
  return plots;
}

}  // namespace

std::string significance_name(const std::string& date) {
  constexpr int any_telescope = 1;  // the name tells none
  return date.empty() ? "significance.json"
                      : stage::night_product_name("significance", any_telescope, date);
}

void publish_significance(stage::StageRun& run, const fs::path& folder,
                          const SignificanceResult& result) {
  const fs::path target = folder / significance_name(result.date);
  std::set<fs::path> gone = former_plots(target);
  stage::create_text(run, "significance", target, to_json(result));
  std::map<std::string, std::string> attributes;
  const std::vector<std::string> names = plot_names(result);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const SourceSignificance& source = result.sources[i];
    const fs::path plot = folder / names[i];
    stage::create_text(run, "significance_plot", plot,
                       plot::to_svg(significance_plot(result, source)));
    gone.erase(plot);
    attributes["significance of " + source.name] =
        fmt::format("{:.2f}", source.sum.excess.significance);
  }
  run.publish("significance", attributes);
  for (const SourceSignificance& source : result.sources)
    run.publish("significance_plot", {{"source", source.name}});
  for (const fs::path& plot : gone) {
    spdlog::info("{} is removed: the result has this source no more", plot.string());
    std::error_code failed;
    fs::remove(plot, failed);
    if (failed) spdlog::warn("{} cannot be removed: {}", plot.string(), failed.message());
  }
}

}  // namespace alisio::pipeline
