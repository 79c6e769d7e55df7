#pragma once
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/expected_subruns.hpp"
#include "lib/stage/runner.hpp"

namespace alisio::pipeline {

/// One row of a muon file; names, units and meaning are those of lstchain's table.
struct MuonRing {
  static constexpr double nan = std::numeric_limits<double>::quiet_NaN();

  std::int64_t event_id = 0;
  double event_time = nan;      ///< UTC unix, s
  std::int64_t mc_energy = -1;  ///< always -1: data
  float ring_size = 0;          ///< p.e. within a quarter of the radius around the ring
  float size_outside = 0;       ///< p.e. of cleaned pixels outside it
  double ring_center_x = nan, ring_center_y = nan;  ///< deg; longitude and latitude of the field
  double ring_radius = nan, ring_width = nan;       ///< deg
  bool good_ring = false;
  double muon_efficiency = nan;
  double ring_containment = nan, ring_completeness = nan;
  double impact_parameter = nan, impact_x_array = nan, impact_y_array = nan;  ///< m
  double radial_stdev = nan;                                                  ///< deg
  double radial_skewness = nan, radial_excess_kurtosis = nan;
  std::int64_t num_pixels_in_ring = 0;
  double mean_pixel_charge_around_ring = nan;           ///< p.e.
  std::int64_t hg_peak_sample = 0, lg_peak_sample = 0;  ///< of the stacked bright pixels

  // Of merged files only; -1: the name of the file did not tell.
  std::int64_t obs_id = -1, subrun = -1;

  // Of candidates only.
  std::string cut = "none";        ///< first cut that rejected it; "none": a good ring
  std::int64_t bright_pixels = 0;  ///< above 10 p.e. in the shower image
  std::int64_t bright_pixels_common_window =
      0;                                    ///< above 10 p.e. in the image of the ring analysis
  std::int64_t bright_pixels_in_ring = 0;   ///< of them, in the ring
  std::int64_t charged_pixels_in_ring = 0;  ///< pixels in the ring whose charge is not 0
  double fit_nll = nan;                     ///< negative log-likelihood of the light fit
};

/// What a muon file holds.
struct MuonTable {
  std::vector<MuonRing> rings;       ///< good ones only
  std::vector<MuonRing> candidates;  ///< all images that passed the first count of bright pixels
  bool has_candidates = true;        ///< false: the peers' file, which holds none
  bool has_runs = false;             ///< rows have obs_id and subrun: a merged file
  /// Events looked at: the denominator of rates. -1 if the file does not tell.
  std::int64_t events = -1;
};

/// Return whether a good ring tells the efficiency: nearly all of it lies in the camera, and the
/// fit did not run away (to an efficiency of 1 or more). lstchain's cuts.
[[nodiscard]] bool contained(const MuonRing& ring);

/// Facts for the primary header: keyword (at most 8 capitals, or longer: HIERARCH) and value.
using MuonFacts = std::vector<std::pair<std::string, std::string>>;

/// Write a muon file: HDU 1 is lstchain's table, HDU 2 `CANDIDATES` is ours, with `cut` and the
/// pixel counts. Readers that take the first table see lstchain's. An empty table is written too,
/// with the same columns.
/// @throws Error(resource) if it cannot be written.
void write_muons(const std::filesystem::path& path, const MuonTable& table, const MuonFacts& facts);

/// Read a muon file, ours or the peers', empty ones as well.
/// @throws Error(missing_input), Error(bad_input) naming file and column.
[[nodiscard]] MuonTable read_muons(const std::filesystem::path& path);

/// Say whether two tables hold the same rows, bit by bit; NaN equals NaN.
[[nodiscard]] bool same_muons(const MuonTable& a, const MuonTable& b);

/// What one merge_muons job is told.
struct MergeMuonsRequest {
  std::vector<std::filesystem::path> inputs;  ///< muon files of subruns or runs
  std::filesystem::path target;               ///< file to make
  std::string port = "muons_run";             ///< or "muons_night"
  bool skip_damaged = false;  ///< leave unreadable files out, with a warning, instead of failing
  ExpectedSubruns expected_subruns = {};  ///< of the run; of no account for a night
};

/// Concatenate muon files in the order of their names, so that run and subrun increase.
/// Candidates are merged if all files have them; a mixture would make efficiencies wrong.
/// The merged tables have columns `obs_id` and `subrun` at their end (-1 if a name does not tell):
/// event numbers are unique within a run only. Read back and compared before it is published.
/// Missing subruns of a run are warned of and told in the header (MISSING_SUBRUNS) and the record,
/// as are files left out (LEFT_OUT) and
/// subruns that operators left out (WITHOUT_SUBRUNS).
/// @return the number of good rings.
/// @throws Error(bad_input) for a damaged file (unless skip_damaged) or if none is left;
/// Error(usage) if a part of the product that is there would be lost without `overwrite`.
std::int64_t merge_muons(stage::StageRun& run, const MergeMuonsRequest& request);

}  // namespace alisio::pipeline
