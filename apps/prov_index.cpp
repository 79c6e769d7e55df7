#include "apps/prov_index.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

#include "apps/configuration_file.hpp"
#include "apps/prov_command.hpp"
#include "apps/provenance_setup.hpp"
#include "lib/base/error.hpp"
#include "lib/base/path_below.hpp"

namespace alisio::apps {

namespace po = boost::program_options;
namespace fs = std::filesystem;

namespace {

/// Looks for folders named `log`, without a look at what stands in them.
class LogFolders {
 public:
  /// @param date of the night that is looked for, YYYYMMDD; empty: all
  explicit LogFolders(std::string date) : date_(std::move(date)) {}

  /// Look below a folder. Links are followed last, to where nothing else leads: a night or a whole
  /// level may stand on another disk, while a calibration's `pro` is another name of its folder.
  void find_below(const fs::path& folder) {
    walk(folder);
    while (!links_.empty()) {
      const fs::path link = links_.front();
      links_.erase(links_.begin());
      std::error_code problem;
      const fs::path target = fs::canonical(link, problem);
      if (!problem && !walked_.contains(target)) take(link);
    }
  }
  [[nodiscard]] std::vector<fs::path> sources() const { return sources_; }

 private:
  void walk(const fs::path& folder) {
    std::error_code problem;
    if (!walked_.insert(fs::weakly_canonical(folder, problem)).second) return;
    std::vector<fs::path> below;
    for (fs::directory_iterator at(folder, problem); !problem && at != fs::directory_iterator();
         at.increment(problem)) {
      std::error_code unreadable;
      if (!at->is_directory(unreadable)) continue;
      if (!at->is_symlink(unreadable))
        below.push_back(at->path());
      else if (at->path().filename() != "log")  // another name of journals that are found
        links_.push_back(at->path());
    }
    std::sort(below.begin(), below.end());
    for (const fs::path& path : below) take(path);
  }

  void take(const fs::path& folder) {
    const std::string name = folder.filename().string();
    if (name != "log") {
      const bool night =
          name.size() == 8 && name.find_first_not_of("0123456789") == std::string::npos;
      if (date_.empty() || !night || name == date_) walk(folder);
      return;
    }
    std::error_code problem;
    if (fs::is_directory(folder / "journal", problem)) {
      sources_.push_back(folder / "journal");
      return;
    }
    for (fs::directory_iterator at(folder, problem); !problem && at != fs::directory_iterator();
         at.increment(problem))
      if (at->path().filename().string().ends_with("_prov.log")) sources_.push_back(at->path());
  }

  std::string date_;
  std::set<fs::path> walked_;  ///< without links
  std::vector<fs::path> links_, sources_;
};

}  // namespace

config::Configuration configuration_of(const po::variables_map& values) {
  return configuration_of(values.count("config") != 0 ? fs::path(values["config"].as<std::string>())
                                                      : fs::path());
}

po::options_description index_options() {
  po::options_description options("Index");
  options.add_options()("config", po::value<std::string>(),
                        "configuration file: says where the index is")(
      "index", po::value<std::string>(),
      "index of provenance: a file, or postgresql://... (default: as configured)")(
      "journals", po::value<std::vector<std::string>>()->composing(),
      "journal, or folder of journals, to ask without an index; may be given again");
  return options;
}

std::string index_place(const po::variables_map& values) {
  if (values.count("index") != 0) return values["index"].as<std::string>();
  return index_place(configuration_of(values));
}

std::string index_place(const config::Configuration& configuration) {
  const std::string place = configuration.text("provenance.index");
  if (place.empty()) return (configuration.path("paths.state") / "provenance.sqlite").string();
  if (place.find("://") != std::string::npos || configuration.files().empty()) return place;
  return (configuration.files().back().parent_path() / place).lexically_normal().string();
}

prov::Store open_index(const po::variables_map& values, const Program& program) {
  if (values.count("index") != 0 || values.count("journals") == 0)
    return prov::Store::open(index_place(values), prov::StoreMode::read_only);
  prov::Store store = prov::Store::open(":memory:", prov::StoreMode::update);
  store.index(paths_option(values, "journals"), load_definition(program.cfg_folder),
              load_logger(program.cfg_folder));
  return store;
}

std::vector<fs::path> find_journals(const po::variables_map& values, const std::string& date) {
  return find_journals(configuration_of(values), date);
}

std::vector<fs::path> find_journals(const config::Configuration& configuration,
                                    const std::string& date) {
  LogFolders found(date);
  const fs::path products = configuration.path("paths.products");
  for (const fs::path& folder : {products / "DL1", products / "DL2", products / "DL3",
                                 configuration.path("paths.calibration")})
    found.find_below(folder);
  std::vector<fs::path> sources = found.sources();
  // The jobs of both levels write to the journals below DL1: what was merged of them says no more.
  std::erase_if(sources, [&](const fs::path& source) {
    const std::optional<fs::path> below = path_below(source.parent_path(), products / "DL2");
    std::error_code problem;
    return below && source.extension() == ".log" &&
           fs::is_directory(products / "DL1" / *below / "journal", problem);
  });
  if (const fs::path more = configuration.path("provenance.journals"); !more.empty())
    sources.push_back(more);
  return sources;
}

void move_roots(prov::Store& store, const config::Configuration& configuration) {
  if (const std::vector<std::string> moved = configuration.words("provenance.moved_from");
      !moved.empty())
    store.move_roots(moved, fs::weakly_canonical(configuration.path("paths.products")).string());
}

void index_night(const config::Configuration& configuration, const NightDate& date,
                 const Program& program) {
  try {
    const std::vector<fs::path> sources = find_journals(configuration, date.compact());
    if (sources.empty()) return;
    prov::Store store = prov::Store::open(index_place(configuration), prov::StoreMode::update);
    store.index(sources, load_definition(program.cfg_folder), load_logger(program.cfg_folder));
    move_roots(store, configuration);
  } catch (const Error& error) {
    // The journals are the truth, and they are whole: a night does not fail by its index.
    spdlog::warn("the index of provenance was not brought up to date: {}; `alisio prov index` does",
                 error.what());
  }
}

}  // namespace alisio::apps
