#include "lib/night/models.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <regex>

#include "lib/base/error.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

/// For which picture threshold (p.e.) a night-sky level (p.e./ns) was trained, in steps of 0.01.
struct Level {
  int threshold;
  int nsb_hundredths;
};
constexpr std::array<Level, 10> levels{{{8, 0},
                                        {8, 7},
                                        {8, 14},
                                        {8, 22},
                                        {10, 38},
                                        {10, 50},
                                        {12, 81},
                                        {14, 125},
                                        {16, 176},
                                        {18, 234}}};

bool trained_for(const ModelSet& set, double picture_threshold) {
  const long hundredths = std::lround(set.nsb * 100);
  return std::any_of(levels.begin(), levels.end(), [&](const Level& level) {
    return level.nsb_hundredths == hundredths &&
           std::abs(level.threshold - picture_threshold) < 0.01;
  });
}

}  // namespace

ModelChoice choose_models(const std::vector<ModelSet>& sets, double declination_deg, double nsb,
                          double picture_threshold, double latitude_deg) {
  if (!(nsb >= 0))
    throw Error(ErrorKind::configuration, fmt::format("the night-sky level is {}", nsb), "dl2.nsb",
                "it must not be negative");
  if (!std::isfinite(declination_deg))
    throw Error(ErrorKind::configuration, "the declination of the pointing is not known",
                "dl2.catalogue", "give a run catalogue or choose a fixed set of models");
  std::vector<ModelSet> fitting;
  for (const ModelSet& set : sets)
    if (trained_for(set, picture_threshold)) fitting.push_back(set);
  if (fitting.empty())
    throw Error(ErrorKind::configuration,
                fmt::format("no model set fits a picture threshold of {} p.e.", picture_threshold),
                "dl2.models", "choose another folder of models or a fixed set");

  const double nearest_level =
      std::min_element(fitting.begin(), fitting.end(), [&](const auto& a, const auto& b) {
        return std::abs(a.nsb - nsb) < std::abs(b.nsb - nsb);
      })->nsb;
  std::erase_if(fitting, [&](const ModelSet& set) { return set.nsb != nearest_level; });

  std::stable_sort(fitting.begin(), fitting.end(), [&](const ModelSet& a, const ModelSet& b) {
    return std::abs(a.declination_deg - declination_deg) <
           std::abs(b.declination_deg - declination_deg);
  });
  // The two lines that enclose the latitude: between them a source culminates so high that the
  // nearest line is always near enough.
  std::optional<double> below, above;
  for (const ModelSet& set : fitting) {
    const double line = set.declination_deg;
    if (line <= latitude_deg && (!below || line > *below)) below = line;
    if (line >= latitude_deg && (!above || line < *above)) above = line;
  }
  const bool enclosed = below && above && declination_deg >= *below && declination_deg <= *above;
  const ModelSet* chosen = &fitting.front();
  std::string why = "nearest line";
  if (!enclosed) {
    const auto high_enough = std::find_if(fitting.begin(), fitting.end(), [&](const ModelSet& set) {
      return std::abs(latitude_deg - set.declination_deg) <=
             std::abs(latitude_deg - declination_deg);
    });
    if (high_enough != fitting.end() && high_enough != fitting.begin()) {
      chosen = &*high_enough;
      why = "nearest line that culminates no lower";
    }
  }
  return {*chosen, fmt::format("{} to declination {:.2f} deg: {:.2f} deg; night-sky level {:.2f} "
                               "for {:.2f}",
                               why, declination_deg, chosen->declination_deg, chosen->nsb, nsb)};
}

std::vector<ModelSet> list_model_sets(const fs::path& folder) {
  const std::regex level_pattern(R"(.*nsb_tuning_(\d+\.\d+))");
  const std::regex line_pattern(R"(dec_(min_)?(\d+)(?:\.[A-Za-z0-9]+)?)");
  std::vector<ModelSet> sets;
  std::error_code failed;
  for (const fs::directory_entry& level : fs::directory_iterator(folder, failed)) {
    const std::string level_name = level.path().filename().string();
    std::smatch nsb;
    if (!level.is_directory() || !std::regex_match(level_name, nsb, level_pattern)) continue;
    for (const fs::directory_entry& line : fs::directory_iterator(level.path(), failed)) {
      const std::string line_name = line.path().filename().string();
      std::smatch declination;
      if (!std::regex_match(line_name, declination, line_pattern)) continue;
      const double degrees = std::stod(declination[2]) / 100;
      sets.push_back({line.path(), declination[1].matched ? -degrees : degrees, std::stod(nsb[1])});
    }
  }
  std::sort(sets.begin(), sets.end(),
            [](const ModelSet& a, const ModelSet& b) { return a.path < b.path; });
  return sets;
}

}  // namespace alisio::night
