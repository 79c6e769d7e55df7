#pragma once
#include "lib/config/configuration.hpp"
#include "reco/dl3/on_off.hpp"

namespace alisio::pipeline {

/// How events are counted on and off sources: the `significance` block of the configuration.
struct SignificanceOptions {
  double gammaness_cut = 0;  ///< events above it count
  bool interleaved = false;  ///< flat-field and pedestal events count too
  dl3::OnOffBinning theta2;  ///< deg^2
  dl3::OnOffBinning alpha;   ///< deg; of source-dependent DL2
  dl3::Normalisation normalisation = dl3::Normalisation::counts;
  int n_off = 1;                  ///< off positions
  double focal_length = 0;        ///< of the source's place in the camera, m
  double degree_per_metre = 0;    ///< turns distances in the camera into theta
  double max_separation_deg = 0;  ///< of a catalogue source from the pointing of its run
};

/// @throws Error(configuration) for values that make no sense together.
[[nodiscard]] SignificanceOptions significance_options(const config::Configuration& configuration);

}  // namespace alisio::pipeline
