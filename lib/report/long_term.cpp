#include "lib/report/long_term.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "lib/base/median.hpp"

namespace alisio::report {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Quantities that are followed from run to run; the others describe a run, or repeat these.
constexpr std::array followed{"rate_cosmics",
                              "rate_pedestals",
                              "rate_flatfield",
                              "unusable_pixels",
                              "num_ucts_jumps",
                              "ped_charge_mean",
                              "ped_charge_stddev",
                              "ped_fraction_pulses_above10",
                              "ff_charge_mean",
                              "ff_charge_stddev",
                              "ff_time_mean",
                              "ff_rel_time_stddev",
                              "cosmics_fraction_pulses_above10",
                              "cosmics_fraction_pulses_above30",
                              "rate_contained_mu_rings",
                              "mu_effi_mean",
                              "mu_width_mean",
                              "mu_intensity_mean",
                              "mu_hg_peak_sample_mean"};

/// Columns that the tables of all three classes of events begin with.
std::vector<LongTermColumn> subrun_columns() {
  return {{"runnumber", "", "run", true},
          {"subrun", "", "subrun", true},
          {"time", "s", "mean time of the events, UTC unix"},
          {"elapsed_time", "s", "from the first to the last event of the subrun"},
          {"events", "", "events of the class", true},
          {"azimuth", "rad", "azimuth in the middle of the subrun"},
          {"altitude", "rad", "altitude in the middle of the subrun"},
          {"wrong_ucts_trig_type", "", "events whose UCTS tag is of another class", true},
          {"wrong_tib_trig_type", "", "events whose TIB tag is of another class", true},
          {"unknown_ucts_trig_type", "", "events without UCTS tag", true},
          {"unknown_tib_trig_type", "", "events without TIB tag", true},
          {"num_ucts_jumps", "", "jumps of the UCTS data", true}};
}

LongTermTable table_of(std::vector<LongTermColumn> columns,
                       std::vector<LongTermColumn> further = {}) {
  LongTermTable table;
  table.columns = std::move(columns);
  table.columns.insert(table.columns.end(), further.begin(), further.end());
  table.values.resize(table.columns.size());
  return table;
}

}  // namespace

std::span<const double> LongTermTable::column(std::string_view name) const {
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (columns[i].name == name) return values[i];
  return {};
}

LongTerm empty_long_term() {
  LongTerm table;
  table.runs = table_of({
      {"runnumber", "", "run", true},
      {"time", "s", "mean time of the events, UTC unix"},
      {"elapsed_time", "s", "sum over the subruns"},
      {"min_altitude", "rad", "lowest altitude"},
      {"mean_altitude", "rad", "mean altitude"},
      {"max_altitude", "rad", "highest altitude"},
      {"min_azimuth", "rad", "least azimuth"},
      {"max_azimuth", "rad", "greatest azimuth"},
      {"mean_azimuth", "rad", "mean azimuth, on the circle"},
      {"mean_ra", "deg", "mean right ascension of the pointing, on the circle"},
      {"mean_dec", "deg", "mean declination of the pointing"},
      {"num_cosmics", "", "events that are neither pedestals nor flat-fields", true},
      {"num_pedestals", "", "interleaved pedestals", true},
      {"num_flatfield", "", "interleaved flat-fields", true},
      {"num_unknown_ucts_trigger_tags", "", "events without UCTS tag", true},
      {"num_wrong_ucts_tags_in_cosmics", "", "cosmics whose UCTS tag says otherwise", true},
      {"num_wrong_ucts_tags_in_pedestals", "", "pedestals whose UCTS tag says otherwise", true},
      {"num_wrong_ucts_tags_in_flatfield", "", "flat-fields whose UCTS tag says otherwise", true},
      {"num_ucts_jumps", "", "jumps of the UCTS data", true},
      {"num_unknown_tib_trigger_tags", "", "events without TIB tag", true},
      {"num_wrong_tib_tags_in_cosmics", "", "cosmics whose TIB tag says otherwise", true},
      {"num_wrong_tib_tags_in_pedestals", "", "pedestals whose TIB tag says otherwise", true},
      {"num_wrong_tib_tags_in_flatfield", "", "flat-fields whose TIB tag says otherwise", true},
      {"num_pedestals_after_cleaning", "", "pedestals of which cleaning left an image", true},
      {"num_contained_mu_rings", "", "muon rings that are whole and clean", true},
      {"ff_charge_mean", "p.e.", "flat-field charge, mean over pixels"},
      {"ff_charge_mean_err", "p.e.", "its standard error"},
      {"ff_charge_stddev", "p.e.", "spread of the flat-field charge, mean over pixels"},
      {"ff_time_mean", "ns", "flat-field pulse time, mean over pixels"},
      {"ff_time_mean_err", "ns", "its standard error"},
      {"ff_time_stddev", "ns", "spread of the flat-field pulse time, mean over pixels"},
      {"ff_rel_time_stddev", "ns",
       "spread of the flat-field pulse time within the camera, mean over pixels"},
      {"ped_charge_mean", "p.e.", "pedestal charge, mean over pixels"},
      {"ped_charge_mean_err", "p.e.", "its standard error"},
      {"ped_charge_stddev", "p.e.", "spread of the pedestal charge, mean over pixels"},
      {"ped_fraction_pulses_above10", "", "pedestal pulses above 10 p.e."},
      {"ped_fraction_pulses_above30", "", "pedestal pulses above 30 p.e."},
      {"cosmics_fraction_pulses_above10", "", "pulses of cosmics above 10 p.e."},
      {"cosmics_fraction_pulses_above30", "", "pulses of cosmics above 30 p.e."},
      {"mu_effi_mean", "", "light efficiency from contained muon rings"},
      {"mu_effi_stddev", "", "its spread"},
      {"mu_width_mean", "deg", "width of contained muon rings"},
      {"mu_width_stddev", "deg", "its spread"},
      {"mu_hg_peak_sample_mean", "", "sample of the peak of muon rings, high gain"},
      {"mu_hg_peak_sample_stddev", "", "its spread"},
      {"mu_intensity_mean", "p.e.", "light of contained muon rings"},
      {"mean_number_of_pixels_nearby_stars", "", "pixels close to bright stars"},
      // Ours, after lstchain's.
      {"night", "", "date of the evening, YYYYMMDD", true},
      {"rate_cosmics", "Hz", "cosmics"},
      {"rate_pedestals", "Hz", "interleaved pedestals"},
      {"rate_flatfield", "Hz", "interleaved flat-fields"},
      {"rate_contained_mu_rings", "Hz", "contained muon rings"},
      {"unusable_pixels", "", "fraction of unusable pixels"},
  });
  table.cosmics = table_of(subrun_columns(),
                           {{"num_contained_mu_rings", "", "whole and clean muon rings", true},
                            {"mu_effi_mean", "", "light efficiency from them"},
                            {"mu_effi_stddev", "", "its spread"},
                            {"mu_width_mean", "deg", "width of the rings"},
                            {"mu_width_stddev", "deg", "its spread"},
                            {"mu_radius_mean", "deg", "radius of the rings"},
                            {"mu_radius_stddev", "deg", "its spread"},
                            {"mu_intensity_mean", "p.e.", "light of the rings"},
                            {"mu_hg_peak_sample", "", "sample of the peak, high gain"},
                            {"mu_hg_peak_sample_stddev", "", "its spread"},
                            {"fraction_pulses_above10", "", "pulses above 10 p.e."},
                            {"fraction_pulses_above30", "", "pulses above 30 p.e."}});
  table.pedestals =
      table_of(subrun_columns(), {{"fraction_pulses_above10", "", "pulses above 10 p.e."},
                                  {"fraction_pulses_above30", "", "pulses above 30 p.e."},
                                  {"charge_mean", "p.e.", "charge, mean over pixels"},
                                  {"charge_stddev", "p.e.", "spread, mean over pixels"}});
  table.flatfield =
      table_of(subrun_columns(), {{"charge_mean", "p.e.", "charge, mean over pixels"},
                                  {"charge_stddev", "p.e.", "spread, mean over pixels"},
                                  {"rel_time_mean", "ns", "relative time, mean over pixels"},
                                  {"rel_time_stddev", "ns", "its spread, mean over pixels"}});
  for (const char* name :
       {"ff_pix_charge_mean", "ff_pix_charge_stddev", "ff_pix_rel_time_mean",
        "ff_pix_rel_time_stddev", "ped_pix_charge_mean", "ped_pix_charge_stddev",
        "ped_pix_fraction_pulses_above10", "ped_pix_fraction_pulses_above30",
        "cosmics_pix_fraction_pulses_above10", "cosmics_pix_fraction_pulses_above30",
        "cosmics_cog_within_pixel", "cosmics_cog_within_pixel_intensity_gt_200", "ncosmics_per_pix",
        "elapsed_time_per_pix"}) {
    table.pixels.push_back({name, {}});
    table.pixels_without_stars.push_back({name, {}});
  }
  return table;
}

TrendBand trend_band(std::span<const double> values, double deviations) {
  std::vector<double> finite;
  for (const double value : values)
    if (std::isfinite(value)) finite.push_back(value);
  TrendBand band{nan, nan, nan, nan, finite.size()};
  if (finite.empty()) return band;
  std::vector<double> copy = finite;
  band.median = nan_median(copy);
  for (double& value : finite) value = std::abs(value - band.median);
  constexpr double of_normal = 1.4826;  // standard deviations in a median absolute deviation
  const double smallest = std::max(1e-9 * std::abs(band.median), 1e-12);
  band.spread = of_normal * nan_median(finite);
  const double half = std::max(deviations * band.spread, smallest);
  band.low = band.median - half;
  band.high = band.median + half;
  return band;
}

std::span<const char* const> followed_quantities() {
  return followed;
}

std::vector<Outlier> outliers_of(const LongTermTable& runs, double deviations) {
  constexpr std::size_t least_runs = 5;
  const auto numbers = runs.column("runnumber");
  std::vector<Outlier> outliers;
  for (const char* name : followed) {
    const auto column = std::ranges::find(runs.columns, name, &LongTermColumn::name);
    if (column == runs.columns.end()) continue;
    const auto values = runs.column(name);
    const TrendBand band = trend_band(values, deviations);
    if (band.n < least_runs) continue;
    for (std::size_t i = 0; i < values.size(); ++i)
      if (values[i] < band.low || values[i] > band.high)
        outliers.push_back({std::int64_t(numbers[i]), column->name, column->unit, values[i], band});
  }
  std::ranges::stable_sort(outliers, {}, &Outlier::run);
  return outliers;
}

}  // namespace alisio::report
