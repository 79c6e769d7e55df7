#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "lib/io/hdf5/file.hpp"
#include "reco/recalibrate/correction.hpp"

/// Cat-B calibration files: what dl1ab reads of them and takes over into DL1.
namespace alisio::pipeline {

inline constexpr const char* catb_path = "/dl1/monitoring/telescope/catB";

/// The intervals of a Cat-B file, in time.
struct CatBConstants {
  std::vector<double> time_min;  ///< UTC unix, s
  std::vector<recalibrate::Interval> intervals;
  /// Pedestal charge in the window [interval][pixel], high gain, p.e. of Cat-A.
  std::vector<std::vector<double>> pedestal_mean, pedestal_std;
};

/// Read a Cat-B file, ours or lstchain's.
/// @throws Error(missing_input, bad_input): no such table or column, another camera, no intervals,
/// tables of different lengths, intervals out of order.
[[nodiscard]] CatBConstants read_catb(const hdf5::File& file, std::int64_t tel_id,
                                      std::size_t n_pixels);

/// Return for each interval whether fewer than `max_unusable_pixels` pixels are unusable in the
/// worse gain.
[[nodiscard]] std::vector<std::uint8_t> good_intervals(const CatBConstants& constants,
                                                       std::int64_t max_unusable_pixels);

/// Copy the three tables below catb_path of a DL1 file. Each gets the row number as calibration_id,
/// pedestal_id or flatfield_id, the calibration all three and `gti`. (The peer calls the flat-field
/// table's column pedestal_id.)
/// @param gti one value per interval, from good_intervals
void copy_catb_tables(const hdf5::File& file, hdf5::File& target, std::int64_t tel_id,
                      std::size_t n_pixels, const std::vector<std::uint8_t>& gti);

}  // namespace alisio::pipeline
