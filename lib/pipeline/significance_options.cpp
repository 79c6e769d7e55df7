#include "lib/pipeline/significance_options.hpp"

#include "lib/base/error.hpp"

namespace alisio::pipeline {
namespace {

/// Two bins up to the cut, as lstosa has them.
constexpr double bins_to_cut = 2;

dl3::OnOffBinning binning_of(const config::Configuration& c, const std::string& what) {
  const std::string key = "significance." + what;
  const auto [norm_low, norm_high] = c.range(key + "_norm");
  dl3::OnOffBinning binning{.cut = c.number(key + "_cut"),
                            .last = c.number(key + "_max"),
                            .norm_low = norm_low,
                            .norm_high = norm_high,
                            .bin_width = c.number(key + "_cut") / bins_to_cut};
  if (!(binning.cut > 0) || !(binning.last >= binning.cut) || binning.last > 1000 * binning.cut)
    throw Error(ErrorKind::configuration, "'" + key + "_cut' must be positive and '" + key +
                                              "_max' be from there to 1000 times it");
  if (!(binning.norm_low >= binning.cut && binning.norm_high > binning.norm_low))
    throw Error(ErrorKind::configuration,
                "'" + key + "_norm' must be a range beyond '" + key + "_cut'");
  return binning;
}

}  // namespace

SignificanceOptions significance_options(const config::Configuration& c) {
  const std::string block = "significance.";
  SignificanceOptions options;
  options.gammaness_cut = c.number(block + "gammaness_cut");
  options.interleaved = c.boolean(block + "interleaved");
  options.theta2 = binning_of(c, "theta2");
  options.alpha = binning_of(c, "alpha");
  if (c.text(block + "normalisation") == "positions")
    options.normalisation = dl3::Normalisation::positions;
  options.n_off = int(c.integer(block + "n_off"));
  options.focal_length = c.number(block + "focal_length");
  options.degree_per_metre = c.number(block + "degree_per_metre");
  options.max_separation_deg = c.number(block + "max_separation");
  return options;
}

}  // namespace alisio::pipeline
