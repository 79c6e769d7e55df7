#include "lib/pipeline/dl3_options.hpp"

#include <gtest/gtest.h>

#include <map>

#include "lib/base/error.hpp"

namespace alisio::pipeline {
namespace {

TEST(Dl3Options, DefaultsAreThoseOfTheFunctions) {
  const auto defaults = config::Configuration::defaults();
  const auto as_map = [](const dl3::EventRanges& selection) {
    std::map<std::string, std::pair<double, double>> ranges;
    for (const auto& [column, low, high] : selection.ranges) ranges[column] = {low, high};
    return ranges;
  };
  EXPECT_EQ(as_map(event_ranges(defaults)), as_map(dl3::standard_event_ranges()));
  EXPECT_EQ(event_ranges(defaults).finite, dl3::standard_event_ranges().finite);
  const dl3::CutOptions configured = cut_options(defaults), standard;
  EXPECT_EQ(configured.min_events, standard.min_events);
  EXPECT_EQ(configured.global_gammaness, standard.global_gammaness);
  EXPECT_EQ(configured.global_theta_deg, standard.global_theta_deg);
  EXPECT_EQ(configured.global_alpha_deg, standard.global_alpha_deg);
  EXPECT_EQ(configured.gammaness_efficiency, standard.gammaness_efficiency);
  EXPECT_EQ(configured.theta_containment, standard.theta_containment);
  EXPECT_EQ(configured.alpha_containment, standard.alpha_containment);
  EXPECT_EQ(configured.max_gammaness, standard.max_gammaness);
  EXPECT_EQ(configured.max_theta_deg, standard.max_theta_deg);
  EXPECT_EQ(configured.fill_alpha_deg, standard.fill_alpha_deg);
  EXPECT_EQ(allowed_telescopes(defaults), (std::vector<int>{1}));
}

TEST(Dl3Options, RefusesWhatMakesNoSense) {
  const auto with = [](const char* word) { return config::Configuration::load({}, {word}); };
  EXPECT_THROW((void)cut_options(with("DL3Cuts.min_theta_cut=0.5")), Error);
  EXPECT_THROW((void)allowed_telescopes(with("DL3Cuts.allowed_tels=[]")), Error);
  EXPECT_THROW((void)allowed_telescopes(with("DL3Cuts.allowed_tels=[one]")), Error);
  EXPECT_EQ(allowed_telescopes(with("DL3Cuts.allowed_tels=[1, 3]")), (std::vector<int>{1, 3}));
}

}  // namespace
}  // namespace alisio::pipeline
