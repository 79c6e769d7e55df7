#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "lib/event/image_parameters.hpp"
#include "reco/forest/forest_file.hpp"

namespace alisio::dl2 {

/// Images seen from an assumed source position, one entry per event; empty in an analysis without.
struct SourceColumns {
  std::vector<double> expected_src_x, expected_src_y;  ///< the position in the camera, m
  std::vector<double> time_gradient_from_source;       ///< positive away from it, ns/m
  std::vector<double> skewness_from_source;            ///< positive if the tail points away from it
  std::vector<double> dist;                            ///< of the centre of gravity, m
  std::vector<double> alpha;  ///< angle between the axis and the direction to the position, deg
};

/// The DL1 parameters table of one telescope, one entry per row; names, units and order of the
/// columns are those of the file. All vectors have the same length.
struct Dl1Columns {
  std::vector<std::int64_t> file_row;  ///< its number in the file, from 0
  std::vector<std::int64_t> obs_id, event_id;
  std::vector<ImageParameters> parameters;  ///< intensity … wl
  std::vector<double> alt_tel, az_tel;      ///< rad; NaN where the pointing is unknown
  std::vector<double> sin_az_tel;           ///< may be empty: then sin(az_tel) is used
  std::vector<std::int64_t> calibration_id;
  std::vector<double> dragon_time;  ///< UTC unix, s; may be empty: then there is no delta_t
  std::vector<std::int64_t> ucts_time, tib_time;
  std::vector<std::uint8_t> ucts_jump;
  std::vector<std::int64_t> mc_type;  ///< -9999 for data
  std::vector<std::int64_t> tel_id;
  std::vector<double> tel_pos_x, tel_pos_y, tel_pos_z;  ///< m
  std::vector<std::uint8_t> trigger_type, ucts_trigger_type;
  std::vector<double> trigger_time;  ///< UTC unix, s
  std::vector<std::int64_t> event_type;
  SourceColumns source;  ///< no columns of the file; resize() leaves them alone

  [[nodiscard]] std::size_t size() const noexcept { return event_id.size(); }
  void resize(std::size_t n);
  /// Append the rows of another table with the same columns filled.
  void append(const Dl1Columns& other);
  /// Return the rows with these numbers, in this order.
  [[nodiscard]] Dl1Columns select(const std::vector<std::size_t>& rows) const;
};

/// The DL2 table: the DL1 rows that could be reconstructed, and what was reconstructed, in the
/// column order of the file: the DL1 columns first.
struct Dl2Columns {
  Dl1Columns dl1;               ///< pointing imputed, az_tel in [0, 2 pi)
  std::vector<double> delta_t;  ///< time since the previous row of the DL1 table, s; or empty
  /// Neighbouring training altitudes (rad) and their weights; empty without interpolation.
  std::vector<double> alt0, alt1, w0, w1;
  std::vector<double> log_reco_energy;  ///< log10(TeV)
  std::vector<double> reco_energy;      ///< TeV
  /// Distance (m), side (+1, -1) and probability of side -1; empty if the disp vector is predicted.
  std::vector<double> reco_disp_norm;
  std::vector<std::int64_t> reco_disp_sign;
  std::vector<double> reco_disp_sign_proba;
  std::vector<double> reco_disp_dx, reco_disp_dy;             ///< m
  std::vector<double> reco_src_x, reco_src_y;                 ///< m
  std::vector<double> signed_time_gradient, signed_skewness;  ///< ns/m, -
  std::vector<double> reco_alt, reco_az;                      ///< rad
  /// Source-dependent analysis only: probability of the side on which the assumed source is, and
  /// how far the distance to it (m) is from the reconstructed one.
  std::vector<double> reco_disp_sign_correctness, reco_disp_norm_diff;
  std::vector<double> gammaness;        ///< probability of a gamma ray
  std::vector<std::int64_t> reco_type;  ///< 0 gamma, 101 proton

  /// Which of the columns there are that depend on the analysis, with rows or without.
  struct Made {
    bool interpolated = false;  ///< alt0, alt1, w0, w1
    bool norm_sign = true;      ///< reco_disp_norm, reco_disp_sign, reco_disp_sign_proba
    bool of_source = false;     ///< reco_disp_sign_correctness, reco_disp_norm_diff
  } made;

  [[nodiscard]] std::size_t size() const noexcept { return dl1.size(); }

  /// What became of the rows.
  struct Counts {
    std::size_t input = 0;
    std::size_t outside_filters = 0;      ///< outside a range of the event filters, or NaN there
    std::size_t non_finite_features = 0;  ///< inside, but a feature is NaN or infinite
    std::size_t non_finite_results = 0;   ///< reconstructed to something that is not a number
    std::size_t imputed_pointings = 0;    ///< pointing was NaN and was interpolated or set
    std::size_t output = 0;
  } counts;
};

enum class DispMethod { norm_sign, vector };

/// Keep rows with minimum <= column <= maximum; a NaN fails.
struct EventFilter {
  std::string column;  ///< of the DL1 parameters table
  double minimum, maximum;
};

/// The standard filters: intensity, width, length, wl, r, leakage_intensity_width_2 in [0, inf].
[[nodiscard]] std::vector<EventFilter> standard_filters();

struct Options {
  std::vector<EventFilter> events_filters = standard_filters();
  /// Interpolate in cos(zenith) between the training pointings (off if the models name none).
  bool interpolate_energy = true, interpolate_direction = true, interpolate_gammaness = true;
  DispMethod disp_method = DispMethod::norm_sign;
  /// Effective focal length of the telescope (aberration included), m.
  double effective_focal_length = 29.30565;
};

/// The forests of one model set, found by name in a forest file that must outlive this.
struct ModelSet {
  const forest::Forest* energy = nullptr;       ///< reg_energy
  const forest::Forest* disp_norm = nullptr;    ///< reg_disp_norm
  const forest::Forest* disp_sign = nullptr;    ///< cls_disp_sign
  const forest::Forest* disp_vector = nullptr;  ///< reg_disp_vector, instead of the two above
  const forest::Forest* gammaness = nullptr;    ///< cls_gh
  std::vector<forest::TrainingPointing> training_pointings;
  bool source_dependent = false;  ///< the rows have SourceColumns

  /// Look up the forests and check that every feature they want is one that can be made and that
  /// their classes are the known ones. @throws Error(bad_input).
  /// @param source_dependent  whether the rows will have SourceColumns, which the models must want
  [[nodiscard]] static ModelSet from(const forest::ForestFile& file,
                                     DispMethod method = DispMethod::norm_sign,
                                     bool source_dependent = false);
};

/// DL1 rows ready for reconstruction: what depends on neighbouring rows is settled, so any split of
/// them can be reconstructed in any order and on any thread with the same result.
struct Prepared {
  Dl1Columns dl1;               ///< pointing imputed, az_tel in [0, 2 pi), sin_az_tel filled
  std::vector<double> delta_t;  ///< s; empty if there is no dragon_time
  std::size_t imputed_pointings = 0;
};

/// The part of the work that needs the rows in order: delta_t, and the pointing of rows where it is
/// unknown (NaN), interpolated linearly by row position between the neighbours that have one (the
/// nearest value at the ends; both angles -pi/2 if no row has one, as lstchain does). The DL1
/// column sin_az_tel is left alone where it exists, so rows without pointing do not survive the
/// filter on finite features unless the file lacks that column.
class Preparer {
 public:
  /// Add rows; return those whose pointing is settled. Rows without pointing wait for one that has.
  [[nodiscard]] Prepared push(const Dl1Columns& rows);
  /// Return what is left.
  [[nodiscard]] Prepared finish();

 private:
  Prepared settle(std::size_t n, bool at_end);

  Prepared waiting_;
  bool has_previous_ = false, has_anchor_ = false;
  double previous_time_ = 0;
  double anchor_alt_ = 0, anchor_az_ = 0;  ///< pointing of the row before the first waiting one
};

/// Prepare a whole table. If pointings are missing, the rows are sorted by event_id first.
[[nodiscard]] Prepared prepare(const Dl1Columns& dl1);

/// Reconstruct prepared rows: filter, energy, direction, gammaness, sky position, in the order and
/// with the meaning of lstchain 0.12's lstchain_dl1_to_dl2. Rows outside the filters are dropped;
/// if none is left the result is an empty table. Quiet: the counts say what happened.
/// @throws Error(configuration) if a filter names an unknown column.
[[nodiscard]] Dl2Columns reconstruct(const Prepared& rows, const ModelSet& models,
                                     const Options& options = {});

/// Prepare and reconstruct a whole DL1 table, and warn() of what was odd.
[[nodiscard]] Dl2Columns reconstruct(const Dl1Columns& dl1, const ModelSet& models,
                                     const Options& options = {});

/// Log one line for each oddity that was counted, and if interpolation is asked for but the models
/// name fewer than two training pointings.
void warn(const Dl2Columns::Counts& counts, const ModelSet& models, const Options& options);

}  // namespace alisio::dl2
