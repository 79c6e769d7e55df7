#include "lib/pipeline/dl3_options.hpp"

#include <charconv>

#include "lib/base/error.hpp"

namespace alisio::pipeline {

dl3::EventRanges event_ranges(const config::Configuration& configuration) {
  dl3::EventRanges selection;
  for (const auto& [column, range] : configuration.ranges("EventSelector.filters"))
    selection.ranges.push_back({column, range.first, range.second});
  selection.finite = configuration.words("EventSelector.finite_params");
  return selection;
}

dl3::CutOptions cut_options(const config::Configuration& c) {
  dl3::CutOptions options;
  options.min_events = c.number("DL3Cuts.min_event_p_en_bin");
  options.global_gammaness = c.number("DL3Cuts.global_gh_cut");
  options.global_theta_deg = c.number("DL3Cuts.global_theta_cut");
  options.global_alpha_deg = c.number("DL3Cuts.global_alpha_cut");
  options.gammaness_efficiency = c.number("DL3Cuts.gh_efficiency");
  options.theta_containment = c.number("DL3Cuts.theta_containment");
  options.alpha_containment = c.number("DL3Cuts.alpha_containment");
  options.min_gammaness = c.number("DL3Cuts.min_gh_cut");
  options.max_gammaness = c.number("DL3Cuts.max_gh_cut");
  options.min_theta_deg = c.number("DL3Cuts.min_theta_cut");
  options.max_theta_deg = c.number("DL3Cuts.max_theta_cut");
  options.fill_theta_deg = c.number("DL3Cuts.fill_theta_cut");
  options.min_alpha_deg = c.number("DL3Cuts.min_alpha_cut");
  options.max_alpha_deg = c.number("DL3Cuts.max_alpha_cut");
  options.fill_alpha_deg = c.number("DL3Cuts.fill_alpha_cut");
  if (options.min_gammaness > options.max_gammaness ||
      options.min_theta_deg > options.max_theta_deg ||
      options.min_alpha_deg > options.max_alpha_deg)
    throw Error(ErrorKind::configuration, "a least cut is above the greatest one", "DL3Cuts",
                "check min_*_cut and max_*_cut");
  return options;
}

std::vector<int> allowed_telescopes(const config::Configuration& configuration) {
  std::vector<int> telescopes;
  for (const std::string& word : configuration.words("DL3Cuts.allowed_tels")) {
    int number = 0;
    const auto [end, failed] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (failed != std::errc{} || end != word.data() + word.size())
      throw Error(ErrorKind::configuration, "'" + word + "' is no number of a telescope",
                  "DL3Cuts.allowed_tels", "write a list as [1]");
    telescopes.push_back(number);
  }
  if (telescopes.empty())
    throw Error(ErrorKind::configuration, "no telescope is allowed", "DL3Cuts.allowed_tels",
                "write a list as [1]");
  return telescopes;
}

}  // namespace alisio::pipeline
