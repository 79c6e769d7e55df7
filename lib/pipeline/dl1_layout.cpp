#include "lib/pipeline/dl1_layout.hpp"

namespace alisio::pipeline {
namespace {

using hdf5::ColumnSpec;
using hdf5::enumeration_column;
using hdf5::plain_column;
using hdf5::quantity_column;
using hdf5::ScalarType;

constexpr ScalarType f4 = ScalarType::float32;
constexpr ScalarType f8 = ScalarType::float64;
constexpr ScalarType i1 = ScalarType::int8;
constexpr ScalarType i8 = ScalarType::int64;
constexpr ScalarType u1 = ScalarType::uint8;
constexpr ScalarType flag = ScalarType::boolean;

std::vector<ColumnSpec> monitoring_ids() {
  return {plain_column("tel_id", i8, "Telescope"),
          plain_column("calibration_id", i8, "Number of the calibration row"),
          plain_column("pedestal_id", i8, "Number of the pedestal row"),
          plain_column("flatfield_id", i8, "Number of the flat-field row")};
}

}  // namespace

std::vector<ColumnSpec> parameter_columns() {
  return {
      plain_column("obs_id", i8, "Run"),
      plain_column("event_id", i8, "Event"),
      plain_column("intensity", f8, "Charge of the cleaned image, p.e."),
      plain_column("log_intensity", f8, "Decimal logarithm of intensity"),
      quantity_column("x", "m", "Centroid along x"),
      quantity_column("y", "m", "Centroid along y"),
      quantity_column("r", "m", "Distance of the centroid from the camera centre"),
      quantity_column("phi", "rad", "Polar angle of the centroid"),
      quantity_column("length", "deg", "RMS along the major axis"),
      quantity_column("length_uncertainty", "deg", "Uncertainty of length"),
      quantity_column("width", "deg", "RMS along the minor axis"),
      quantity_column("width_uncertainty", "deg", "Uncertainty of width"),
      quantity_column("psi", "rad", "Angle of the major axis"),
      plain_column("skewness", f8, "Third moment along the major axis"),
      plain_column("kurtosis", f8, "Fourth moment along the major axis, 3 for a Gaussian"),
      plain_column("time_gradient", f8, "Slope of time along the major axis, ns/m"),
      plain_column("intercept", f8, "Time at the centroid, ns"),
      plain_column("leakage_intensity_width_1", f4, "Fraction of the charge in border pixels"),
      plain_column("leakage_intensity_width_2", f4,
                   "Fraction of the charge in the two outer rings"),
      plain_column("leakage_pixels_width_1", f8, "Fraction of the pixels in the border"),
      plain_column("leakage_pixels_width_2", f8, "Fraction of the pixels in the two outer rings"),
      plain_column("n_pixels", i8, "Pixels that survive the cleaning"),
      plain_column("concentration_cog", f8,
                   "Fraction of the charge within one pixel of the centroid"),
      plain_column("concentration_core", f8, "Fraction of the charge inside the ellipse"),
      plain_column("concentration_pixel", f8, "Fraction of the charge in the brightest pixel"),
      plain_column("n_islands", i8, "Islands"),
      quantity_column("alt_tel", "rad", "Altitude of the pointing"),
      quantity_column("az_tel", "rad", "Azimuth of the pointing"),
      quantity_column("sin_az_tel", "", "Sine of the pointing azimuth"),
      plain_column("calibration_id", i8, "Monitoring row in force"),
      plain_column("dragon_time", f8, "Event time, UTC unix s"),
      plain_column("ucts_time", i8, "Not filled"),
      plain_column("tib_time", i8, "Not filled"),
      plain_column("ucts_jump", flag, "UCTS information had jumped and was repaired"),
      plain_column("mc_type", i8, "Simulated particle, -9999 for data"),
      quantity_column("wl", "", "width / length"),
      plain_column("tel_id", i8, "Telescope"),
      quantity_column("tel_pos_x", "m", "Telescope position, north"),
      quantity_column("tel_pos_y", "m", "Telescope position, west"),
      quantity_column("tel_pos_z", "m", "Telescope position, up"),
      plain_column("trigger_type", u1, "Trigger bits of the TIB"),
      plain_column("ucts_trigger_type", u1, "Trigger bits of the UCTS"),
      plain_column("trigger_time", f8, "Event time, UTC unix s"),
      enumeration_column("event_type", "EventType", "Kind of event"),
  };
}

std::vector<ColumnSpec> image_columns(std::size_t n_pixels) {
  return {plain_column("obs_id", i8, "Run"),
          plain_column("event_id", i8, "Event"),
          plain_column("image", f4, "Charge of each pixel, p.e.", {n_pixels}),
          plain_column("peak_time", f4, "Time of each pixel's pulse, ns", {n_pixels}),
          plain_column("image_mask", flag, "Pixel survives the cleaning", {n_pixels}),
          plain_column("is_valid", flag, "Charges could be extracted"),
          plain_column("tel_id", i8, "Telescope"),
          plain_column("selected_gain_channel", i1, "0 high gain, 1 low gain", {n_pixels})};
}

std::vector<ColumnSpec> calibration_columns(std::size_t n) {
  std::vector<ColumnSpec> columns = monitoring_ids();
  columns.insert(
      columns.end(),
      {quantity_column("time", "s", "Time of the calibration"),
       quantity_column("time_min", "s", "Valid from"), quantity_column("time_max", "s", "Valid to"),
       plain_column("dc_to_pe", f8, "ADC counts to p.e.", {2, n}),
       plain_column("pedestal_per_sample", f8, "Pedestal of one sample, ADC", {2, n}),
       quantity_column("time_correction", "ns", "Added to the peak time", {2, n}),
       plain_column("n_pe", f8, "Flat-field signal, p.e.", {2, n}),
       plain_column("unusable_pixels", flag, "Pixel must not be used", {2, n})});
  return columns;
}

std::vector<ColumnSpec> pedestal_columns(std::size_t n) {
  std::vector<ColumnSpec> columns = monitoring_ids();
  columns.insert(columns.end(),
                 {plain_column("n_events", i8, "Events of the sample"),
                  quantity_column("sample_time", "s", "Middle of the sample"),
                  quantity_column("sample_time_min", "s", "First event of the sample"),
                  quantity_column("sample_time_max", "s", "Last event of the sample"),
                  plain_column("charge_mean", f8, "Mean charge, ADC", {2, n}),
                  plain_column("charge_median", f8, "Median charge, ADC", {2, n}),
                  plain_column("charge_std", f8, "Standard deviation of the charge, ADC", {2, n}),
                  plain_column("charge_median_outliers", flag, "Median is out of bounds", {2, n}),
                  plain_column("charge_std_outliers", flag, "Deviation is out of bounds", {2, n})});
  return columns;
}

std::vector<ColumnSpec> flatfield_columns(std::size_t n) {
  std::vector<ColumnSpec> columns = monitoring_ids();
  columns.insert(
      columns.end(),
      {quantity_column("sample_time", "s", "Middle of the sample"),
       quantity_column("sample_time_min", "s", "First event of the sample"),
       quantity_column("sample_time_max", "s", "Last event of the sample"),
       plain_column("n_events", i8, "Events of the sample"),
       plain_column("charge_mean", f8, "Mean charge, ADC", {2, n}),
       plain_column("charge_median", f8, "Median charge, ADC", {2, n}),
       plain_column("charge_std", f8, "Standard deviation of the charge, ADC", {2, n}),
       quantity_column("time_mean", "ns", "Mean peak time", {2, n}),
       quantity_column("time_median", "ns", "Median peak time", {2, n}),
       quantity_column("time_std", "ns", "Standard deviation of the peak time", {2, n}),
       plain_column("relative_gain_mean", f8, "Mean of charge / camera median", {2, n}),
       plain_column("relative_gain_median", f8, "Median of charge / camera median", {2, n}),
       plain_column("relative_gain_std", f8, "Deviation of charge / camera median", {2, n}),
       quantity_column("relative_time_median", "ns", "Median time less that of the camera", {2, n}),
       plain_column("charge_median_outliers", flag, "Median is out of bounds", {2, n}),
       plain_column("charge_std_outliers", flag, "Deviation is out of bounds", {2, n}),
       plain_column("time_median_outliers", flag, "Time is out of bounds", {2, n})});
  return columns;
}

}  // namespace alisio::pipeline
