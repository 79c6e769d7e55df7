#include "lib/pipeline/dl1_layout.hpp"

namespace alisio::pipeline {
namespace {

using hdf5::ColumnSpec;
using hdf5::ScalarType;

constexpr ScalarType f4 = ScalarType::float32;
constexpr ScalarType f8 = ScalarType::float64;
constexpr ScalarType i1 = ScalarType::int8;
constexpr ScalarType i8 = ScalarType::int64;
constexpr ScalarType u1 = ScalarType::uint8;
constexpr ScalarType flag = ScalarType::boolean;

// pickle.dumps(EventType, 0) of the Python class: what ctapipe needs to give the numbers names.
constexpr const char* event_type_pickle = "cctapipe.containers\nEventType\np0\n.";

ColumnSpec plain(const char* name, ScalarType type, const char* description,
                 std::vector<std::size_t> shape = {}) {
  ColumnSpec column;
  column.name = name;
  column.type = type;
  column.shape = std::move(shape);
  column.description = description;
  return column;
}

/// A column with a unit; an empty unit says that it is a dimensionless quantity.
ColumnSpec quantity(const char* name, const char* unit, const char* description,
                    std::vector<std::size_t> shape = {}) {
  ColumnSpec column = plain(name, f8, description, std::move(shape));
  column.transform = hdf5::Transform::quantity;
  column.unit = unit;
  return column;
}

std::vector<ColumnSpec> monitoring_ids() {
  return {plain("tel_id", i8, "Telescope"),
          plain("calibration_id", i8, "Number of the calibration row"),
          plain("pedestal_id", i8, "Number of the pedestal row"),
          plain("flatfield_id", i8, "Number of the flat-field row")};
}

}  // namespace

std::vector<ColumnSpec> parameter_columns() {
  std::vector<ColumnSpec> columns{
      plain("obs_id", i8, "Run"),
      plain("event_id", i8, "Event"),
      plain("intensity", f8, "Charge of the cleaned image, p.e."),
      plain("log_intensity", f8, "Decimal logarithm of intensity"),
      quantity("x", "m", "Centroid along x"),
      quantity("y", "m", "Centroid along y"),
      quantity("r", "m", "Distance of the centroid from the camera centre"),
      quantity("phi", "rad", "Polar angle of the centroid"),
      quantity("length", "deg", "RMS along the major axis"),
      quantity("length_uncertainty", "deg", "Uncertainty of length"),
      quantity("width", "deg", "RMS along the minor axis"),
      quantity("width_uncertainty", "deg", "Uncertainty of width"),
      quantity("psi", "rad", "Angle of the major axis"),
      plain("skewness", f8, "Third moment along the major axis"),
      plain("kurtosis", f8, "Fourth moment along the major axis, 3 for a Gaussian"),
      plain("time_gradient", f8, "Slope of time along the major axis, ns/m"),
      plain("intercept", f8, "Time at the centroid, ns"),
      plain("leakage_intensity_width_1", f4, "Fraction of the charge in border pixels"),
      plain("leakage_intensity_width_2", f4, "Fraction of the charge in the two outer rings"),
      plain("leakage_pixels_width_1", f8, "Fraction of the pixels in the border"),
      plain("leakage_pixels_width_2", f8, "Fraction of the pixels in the two outer rings"),
      plain("n_pixels", i8, "Pixels that survive the cleaning"),
      plain("concentration_cog", f8, "Fraction of the charge within one pixel of the centroid"),
      plain("concentration_core", f8, "Fraction of the charge inside the ellipse"),
      plain("concentration_pixel", f8, "Fraction of the charge in the brightest pixel"),
      plain("n_islands", i8, "Islands"),
      quantity("alt_tel", "rad", "Altitude of the pointing"),
      quantity("az_tel", "rad", "Azimuth of the pointing"),
      quantity("sin_az_tel", "", "Sine of the pointing azimuth"),
      plain("calibration_id", i8, "Monitoring row in force"),
      plain("dragon_time", f8, "Event time, UTC unix s"),
      plain("ucts_time", i8, "Not filled"),
      plain("tib_time", i8, "Not filled"),
      plain("ucts_jump", flag, "UCTS information had jumped and was repaired"),
      plain("mc_type", i8, "Simulated particle, -9999 for data"),
      quantity("wl", "", "width / length"),
      plain("tel_id", i8, "Telescope"),
      quantity("tel_pos_x", "m", "Telescope position, north"),
      quantity("tel_pos_y", "m", "Telescope position, west"),
      quantity("tel_pos_z", "m", "Telescope position, up"),
      plain("trigger_type", u1, "Trigger bits of the TIB"),
      plain("ucts_trigger_type", u1, "Trigger bits of the UCTS"),
      plain("trigger_time", f8, "Event time, UTC unix s"),
      plain("event_type", i8, "Kind of event"),
  };
  columns.back().transform = hdf5::Transform::enumeration;
  columns.back().enumeration = event_type_pickle;
  return columns;
}

std::vector<ColumnSpec> image_columns(std::size_t n_pixels) {
  return {plain("obs_id", i8, "Run"),
          plain("event_id", i8, "Event"),
          plain("image", f4, "Charge of each pixel, p.e.", {n_pixels}),
          plain("peak_time", f4, "Time of each pixel's pulse, ns", {n_pixels}),
          plain("image_mask", flag, "Pixel survives the cleaning", {n_pixels}),
          plain("is_valid", flag, "Charges could be extracted"),
          plain("tel_id", i8, "Telescope"),
          plain("selected_gain_channel", i1, "0 high gain, 1 low gain", {n_pixels})};
}

std::vector<ColumnSpec> calibration_columns(std::size_t n) {
  std::vector<ColumnSpec> columns = monitoring_ids();
  columns.insert(
      columns.end(),
      {quantity("time", "s", "Time of the calibration"), quantity("time_min", "s", "Valid from"),
       quantity("time_max", "s", "Valid to"), plain("dc_to_pe", f8, "ADC counts to p.e.", {2, n}),
       plain("pedestal_per_sample", f8, "Pedestal of one sample, ADC", {2, n}),
       quantity("time_correction", "ns", "Added to the peak time", {2, n}),
       plain("n_pe", f8, "Flat-field signal, p.e.", {2, n}),
       plain("unusable_pixels", flag, "Pixel must not be used", {2, n})});
  return columns;
}

std::vector<ColumnSpec> pedestal_columns(std::size_t n) {
  std::vector<ColumnSpec> columns = monitoring_ids();
  columns.insert(columns.end(),
                 {plain("n_events", i8, "Events of the sample"),
                  quantity("sample_time", "s", "Middle of the sample"),
                  quantity("sample_time_min", "s", "First event of the sample"),
                  quantity("sample_time_max", "s", "Last event of the sample"),
                  plain("charge_mean", f8, "Mean charge, ADC", {2, n}),
                  plain("charge_median", f8, "Median charge, ADC", {2, n}),
                  plain("charge_std", f8, "Standard deviation of the charge, ADC", {2, n}),
                  plain("charge_median_outliers", flag, "Median is out of bounds", {2, n}),
                  plain("charge_std_outliers", flag, "Deviation is out of bounds", {2, n})});
  return columns;
}

std::vector<ColumnSpec> flatfield_columns(std::size_t n) {
  std::vector<ColumnSpec> columns = monitoring_ids();
  columns.insert(
      columns.end(),
      {quantity("sample_time", "s", "Middle of the sample"),
       quantity("sample_time_min", "s", "First event of the sample"),
       quantity("sample_time_max", "s", "Last event of the sample"),
       plain("n_events", i8, "Events of the sample"),
       plain("charge_mean", f8, "Mean charge, ADC", {2, n}),
       plain("charge_median", f8, "Median charge, ADC", {2, n}),
       plain("charge_std", f8, "Standard deviation of the charge, ADC", {2, n}),
       quantity("time_mean", "ns", "Mean peak time", {2, n}),
       quantity("time_median", "ns", "Median peak time", {2, n}),
       quantity("time_std", "ns", "Standard deviation of the peak time", {2, n}),
       plain("relative_gain_mean", f8, "Mean of charge / camera median", {2, n}),
       plain("relative_gain_median", f8, "Median of charge / camera median", {2, n}),
       plain("relative_gain_std", f8, "Deviation of charge / camera median", {2, n}),
       quantity("relative_time_median", "ns", "Median time less that of the camera", {2, n}),
       plain("charge_median_outliers", flag, "Median is out of bounds", {2, n}),
       plain("charge_std_outliers", flag, "Deviation is out of bounds", {2, n}),
       plain("time_median_outliers", flag, "Time is out of bounds", {2, n})});
  return columns;
}

}  // namespace alisio::pipeline
