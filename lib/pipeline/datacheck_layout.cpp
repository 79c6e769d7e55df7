#include "lib/pipeline/datacheck_layout.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "lib/base/error.hpp"

namespace alisio::pipeline {
namespace {

using check::ClassCheck;
using check::EventClass;
using check::Moments;
using check::SubrunSummary;
using hdf5::ColumnSpec;
using hdf5::ScalarType;

constexpr std::size_t n_trigger_types = 10;

template <typename T>
constexpr ScalarType type_of() {
  if constexpr (std::is_same_v<T, double>) return ScalarType::float64;
  if constexpr (std::is_same_v<T, float>) return ScalarType::float32;
  if constexpr (std::is_same_v<T, std::int64_t>) return ScalarType::int64;
}

/// @param unit null: none
ColumnSpec spec(const char* name, const char* description, const char* unit,
                std::vector<std::size_t> shape = {}) {
  return unit == nullptr
             ? hdf5::plain_column(name, ScalarType::float64, description, std::move(shape))
             : hdf5::quantity_column(name, unit, description, std::move(shape));
}

/// Collects the columns of a row; a thin cover over RowColumns.
struct Row {
  RowColumns columns;

  template <typename T>
  void scalar(const char* name, T value, const char* description, const char* unit = nullptr) {
    columns.add(spec(name, description, unit), &value, 1);
  }
  template <typename T>
  void array(const char* name, const std::vector<T>& values, const char* description,
             const char* unit = nullptr) {
    columns.add(spec(name, description, unit, {values.size()}), values.data(), values.size());
  }
};

/// Bits of the trigger and how often, in pairs padded with zeros: the commonest if there are more
/// than the table holds, in the order of the bits.
std::vector<std::int64_t> trigger_pairs(const std::map<int, std::int64_t>& types) {
  std::vector<std::pair<int, std::int64_t>> all(types.begin(), types.end());
  if (all.size() > n_trigger_types) {
    std::ranges::stable_sort(all, std::greater{}, [](const auto& pair) { return pair.second; });
    all.resize(n_trigger_types);
    std::ranges::sort(all);
  }
  std::vector<std::int64_t> pairs(2 * n_trigger_types, 0);
  for (std::size_t i = 0; i < all.size(); ++i) {
    pairs[2 * i] = all[i].first;
    pairs[2 * i + 1] = all[i].second;
  }
  return pairs;
}

std::map<int, std::int64_t> trigger_types(const std::vector<std::int64_t>& pairs) {
  std::map<int, std::int64_t> types;
  for (std::size_t i = 0; i + 1 < pairs.size(); i += 2)
    if (pairs[i + 1] > 0) types[int(pairs[i])] = pairs[i + 1];
  return types;
}

std::vector<double> as_doubles(const std::vector<std::int64_t>& values) {
  return {values.begin(), values.end()};
}

std::vector<float> as_floats(const std::vector<double>& values) {
  std::vector<float> out(values.size());
  std::ranges::transform(values, out.begin(), [](double v) { return float(v); });
  return out;
}

void add_histogram(Row& row, const ClassCheck& check, check::Histogram h) {
  const check::Binning& b = check::binning(h);
  const std::vector<double> counts = as_doubles(check.histograms[h]);
  std::vector<std::size_t> shape{b.x_bins()};
  if (!b.y.empty()) shape.push_back(b.y_bins());
  row.columns.add(spec(b.name, b.what, nullptr, std::move(shape)), counts.data(), counts.size());
}

/// Mean and spread of the pixels, or -1 twice if the class has none.
void add_moments(Row& row, const Moments& moments, bool filled, const char* mean_name,
                 const char* stddev_name, const char* mean_text, const char* stddev_text) {
  constexpr std::int64_t none = -1;
  if (filled) {
    row.array(mean_name, as_floats(moments.means()), mean_text);
    row.array(stddev_name, as_floats(moments.stddevs()), stddev_text);
  } else {
    row.scalar(mean_name, none, mean_text);
    row.scalar(stddev_name, none, stddev_text);
  }
}

/// A number of SubrunSummary: its column, and where it is. Counts have an integer member.
struct SummaryColumn {
  const char *name, *description, *unit;
  double SubrunSummary::*number = nullptr;
  std::int64_t SubrunSummary::*count = nullptr;
};

using S = SubrunSummary;
constexpr SummaryColumn summary_columns[] = {
    {"run", "Run", nullptr, nullptr, &S::run},
    {"subrun_index", "Subrun", nullptr, nullptr, &S::subrun},
    {"time_start", "Time of the first event, UTC unix", "s", &S::time_start},
    {"time_end", "Time of the last event, UTC unix", "s", &S::time_end},
    {"elapsed_time", "From the first to the last event", "s", &S::elapsed_time},
    {"num_events", "Events", nullptr, nullptr, &S::num_events},
    {"num_ucts_jumps", "Jumps of the UCTS clock, -1 if not known", nullptr, nullptr,
     &S::num_ucts_jumps},
    {"num_mistagged", "Events whose tag contradicts their looks, -1 if not known", nullptr, nullptr,
     &S::num_mistagged},
    {"num_unknown", "Events of no known type, -1 if not known", nullptr, nullptr, &S::num_unknown},
    {"alt_tel", "Altitude of the pointing at the middle event", "rad", &S::alt_tel},
    {"az_tel", "Azimuth of the pointing at the middle event", "rad", &S::az_tel},
    {"ra_tel", "Right ascension of the pointing, ICRS", "deg", &S::ra_tel},
    {"dec_tel", "Declination of the pointing, ICRS", "deg", &S::dec_tel},
    {"unusable_pixels",
     "Fraction of pixels that their calibration, a charge that never changes or a flat-field "
     "charge "
     "far from the camera's tells to be unusable",
     nullptr, &S::unusable_pixels},
    {"pedestal_charge", "Camera mean of the charge of pedestals, p.e.", nullptr,
     &S::pedestal_charge},
    {"pedestal_spread", "Camera mean of the spread of that charge, p.e.", nullptr,
     &S::pedestal_spread},
    {"flatfield_charge", "Camera mean of the charge of flat-fields, p.e.", nullptr,
     &S::flatfield_charge},
    {"flatfield_spread", "Camera mean of the spread of that charge, p.e.", nullptr,
     &S::flatfield_spread},
    {"flatfield_time", "Camera mean of the pulse times of flat-fields, ns", nullptr,
     &S::flatfield_time},
    {"flatfield_time_spread", "Camera mean of the spread of the times less those of the event, ns",
     nullptr, &S::flatfield_time_spread},
    {"pedestal_pulses_above_10", "Fraction of pulses above 10 p.e. in pedestals", nullptr,
     &S::pedestal_pulses_above_10},
    {"pedestal_pulses_above_30", "Fraction of pulses above 30 p.e. in pedestals", nullptr,
     &S::pedestal_pulses_above_30},
    {"cosmics_pulses_above_10", "Fraction of pulses above 10 p.e. in cosmics", nullptr,
     &S::cosmics_pulses_above_10},
    {"cosmics_pulses_above_30", "Fraction of pulses above 30 p.e. in cosmics", nullptr,
     &S::cosmics_pulses_above_30},
    {"num_muon_rings", "Good muon rings, -1 if not known", nullptr, nullptr, &S::num_muon_rings},
    {"num_contained_rings", "Good muon rings wholly in the camera, -1 if not known", nullptr,
     nullptr, &S::num_contained_rings},
    {"muon_efficiency", "Mean efficiency of the contained rings", nullptr, &S::muon_efficiency},
};

const char* events_column(EventClass c) {
  constexpr std::array names{"num_pedestals", "num_flatfield", "num_cosmics"};
  return names[std::size_t(c)];
}
const char* cleaned_column(EventClass c) {
  constexpr std::array names{"num_cleaned_pedestals", "num_cleaned_flatfield",
                             "num_cleaned_cosmics"};
  return names[std::size_t(c)];
}

/// The moments that our own tables keep, and the names of their columns.
struct SumColumns {
  Moments ClassCheck::*moments;
  const char *count, *sum, *sum2;  ///< count null: all events, or as that before
  EventClass first;                ///< classes from this one on have them
};
constexpr SumColumns sum_columns[] = {
    {&ClassCheck::charge, nullptr, "charge_sum", "charge_sum2", EventClass::pedestals},
    {&ClassCheck::time, "time_count", "time_sum", "time_sum2", EventClass::flatfield},
    {&ClassCheck::relative_time, nullptr, "relative_time_sum", "relative_time_sum2",
     EventClass::flatfield},
    {&ClassCheck::time_above_030_pe, "time_count_above_030_pe", "time_sum_above_030_pe",
     "time_sum2_above_030_pe", EventClass::cosmics}};

/// Sums as if every event had counted.
Moments moments_of(const std::vector<double>& means, const std::vector<double>& stddevs,
                   std::int64_t events) {
  Moments moments;
  moments.resize(means.size());
  for (std::size_t i = 0; i < means.size(); ++i) {
    if (std::isnan(means[i])) continue;
    moments.count[i] = events;
    moments.sum[i] = means[i] * double(events);
    moments.sum2[i] = (means[i] * means[i] + stddevs[i] * stddevs[i]) * double(events);
  }
  return moments;
}

}  // namespace

template <typename T>
void RowColumns::add(ColumnSpec column, const T* values, std::size_t n) {
  column.type = type_of<T>();
  std::vector<std::byte>& stored = values_.emplace_back(n * sizeof(T));
  if (n > 0) std::memcpy(stored.data(), values, n * sizeof(T));
  sources_.push_back({stored.data(), 0});
  specs_.push_back(std::move(column));
}

RowColumns lstchain_row(EventClass c, const ClassCheck& check) {
  using H = check::Histogram;
  const std::vector<std::size_t> pairs{n_trigger_types, 2};
  const bool times = c != EventClass::pedestals, bright = c == EventClass::cosmics;
  Row row;
  row.scalar("subrun_index", check.subrun, "Subrun");
  row.scalar("elapsed_time", check.elapsed_time, "From the first to the last event", "s");
  row.scalar("num_events", check.num_events, "Events of the class");
  row.scalar("num_cleaned_events", check.num_cleaned_events, "Those with an image after cleaning");
  for (const auto& [name, types, what] :
       {std::tuple{"trigger_type", &check.trigger_types, "Trigger bits of the TIB, events"},
        std::tuple{"ucts_trigger_type", &check.ucts_trigger_types,
                   "Trigger bits of the UCTS, events"}}) {
    const auto values = trigger_pairs(*types);
    row.columns.add(spec(name, what, nullptr, pairs), values.data(), values.size());
  }
  row.scalar("num_ucts_jumps", check.num_ucts_jumps, "Jumps of the UCTS clock");
  row.scalar("mean_alt_tel", check.alt_tel, "Altitude of the pointing at the middle event", "rad");
  row.scalar("mean_az_tel", check.az_tel, "Azimuth of the pointing at the middle event", "rad");
  row.scalar("tel_ra", check.ra_tel, "Right ascension of the pointing, ICRS", "deg");
  row.scalar("tel_dec", check.dec_tel, "Declination of the pointing, ICRS", "deg");
  row.array("sampled_event_ids", check.sampled_event_ids, "Numbers of the sampled events");
  row.array("ucts_time", check.ucts_time, "Their times by the UCTS", "s");
  row.array("tib_time", check.tib_time, "Their times by the TIB", "s");
  row.array("dragon_time", check.dragon_time, "Their times by the camera modules", "s");
  add_histogram(row, check, H::delta_t);
  add_histogram(row, check, H::npixels);
  add_histogram(row, check, H::nislands);
  add_histogram(row, check, H::intensity);
  add_histogram(row, check, H::dist0);
  add_histogram(row, check, H::dist0_intensity_gt_200);
  add_histogram(row, check, H::width);
  add_histogram(row, check, H::length);
  add_histogram(row, check, H::skewness);
  add_histogram(row, check, H::pixelchargespectrum);
  add_histogram(row, check, H::psi);
  add_histogram(row, check, H::intercept);
  add_histogram(row, check, H::tgrad_vs_length);
  add_histogram(row, check, H::tgrad_vs_length_intensity_gt_200);
  row.array("cog_within_pixel", as_doubles(check.cog_within_pixel), "Centroids in the pixel");
  row.array("cog_within_pixel_intensity_gt_200",
            as_doubles(check.cog_within_pixel_intensity_gt_200), "The same, above 200 p.e.");
  row.array("num_nearby_stars", check.num_nearby_stars, "Bright stars near the pixel: not counted");
  add_moments(row, check.charge, true, "charge_mean", "charge_stddev", "Mean charge, p.e.",
              "Standard deviation of the charge, p.e.");
  add_moments(row, check.time, times, "time_mean", "time_stddev",
              "Mean time of pulses above 1 p.e., ns", "Its standard deviation, ns");
  add_moments(row, check.time_above_030_pe, bright, "time_mean_above_030_pe",
              "time_stddev_above_030_pe",
              "Mean time of pulses above 30 p.e. less the median of the event, ns",
              "Its standard deviation, ns");
  add_moments(row, check.relative_time, times, "relative_time_mean", "relative_time_stddev",
              "Mean time of pulses above 1 p.e. less the median of the event, ns",
              "Its standard deviation, ns");
  constexpr std::array pulse_names{"num_pulses_above_0010_pe", "num_pulses_above_0030_pe",
                                   "num_pulses_above_0100_pe", "num_pulses_above_0300_pe",
                                   "num_pulses_above_1000_pe"};
  for (std::size_t i = 0; i < pulse_names.size(); ++i)
    row.array(pulse_names[i], check.pulses_above[i], "Pulses above so many p.e.");
  return std::move(row.columns);
}

RowColumns binning_row() {
  // lstchain has room for one more histogram than it fills, in an order of its own.
  constexpr std::array names{"hist_delta_t",
                             "hist_pixelchargespectrum",
                             "hist_intensity",
                             "hist_dist0",
                             "hist_dist0_intensity_gt_200",
                             "hist_psi",
                             "hist_psi_intensity_gt_200",
                             "hist_nislands",
                             "hist_npixels",
                             "hist_width",
                             "hist_length",
                             "hist_skewness",
                             "hist_tgrad_vs_length",
                             "hist_tgrad_vs_length_intensity_gt_200",
                             "hist_intercept"};
  RowColumns row;
  for (const std::string name : names) {
    const std::string same = name == "hist_psi_intensity_gt_200" ? "hist_psi" : name;
    const auto found = std::ranges::find_if(
        check::binnings(), [&](const check::Binning& b) { return same == b.name; });
    std::vector<double> edges = found->x;
    std::vector<std::size_t> shape{edges.size()};
    if (!found->y.empty()) {
      shape.insert(shape.begin(), 2);
      edges.insert(edges.end(), found->y.begin(), found->y.end());
    }
    row.add(spec(name.c_str(), "Edges of the bins", nullptr, shape), edges.data(), edges.size());
  }
  return row;
}

RowColumns sums_row(EventClass c, const ClassCheck& check) {
  Row row;
  row.scalar("run", check.run, "Run");
  row.scalar("subrun_index", check.subrun, "Subrun");
  row.scalar("num_subruns", check.n_subruns, "Subruns that are added up");
  row.scalar("exact", std::int64_t(check.exact),
             "0: made from means of a file without sums, as if all events had pulses");
  for (const SumColumns& columns : sum_columns) {
    if (c < columns.first) continue;
    const Moments& moments = check.*columns.moments;
    if (columns.count != nullptr)
      row.array(columns.count, moments.count, "Values that are added up");
    row.array(columns.sum, moments.sum, "Sum over events");
    row.array(columns.sum2, moments.sum2, "Sum of squares over events");
  }
  return std::move(row.columns);
}

RowColumns summary_row(const SubrunSummary& summary) {
  Row row;
  for (const SummaryColumn& column : summary_columns) {
    if (column.count != nullptr)
      row.scalar(column.name, summary.*column.count, column.description, column.unit);
    else
      row.scalar(column.name, summary.*column.number, column.description, column.unit);
  }
  for (const EventClass c : check::event_classes) {
    row.scalar(events_column(c), summary.num_class_events[std::size_t(c)], "Events of the class");
    row.scalar(cleaned_column(c), summary.num_cleaned_events[std::size_t(c)],
               "Those with an image after cleaning");
  }
  return std::move(row.columns);
}

ClassCheck read_lstchain_row(const hdf5::TableReader& table, std::size_t i) {
  const hdf5::Rows rows = table.read(i, 1);
  const auto integers = [&](const char* name) { return rows.arrays<std::int64_t>(name); };
  const auto numbers = [&](const char* name) { return rows.arrays<double>(name); };
  ClassCheck check;
  check.subrun = integers("subrun_index").front();
  check.elapsed_time = numbers("elapsed_time").front();
  check.num_events = integers("num_events").front();
  check.num_cleaned_events = integers("num_cleaned_events").front();
  check.trigger_types = trigger_types(integers("trigger_type"));
  check.ucts_trigger_types = trigger_types(integers("ucts_trigger_type"));
  check.num_ucts_jumps = integers("num_ucts_jumps").front();
  check.alt_tel = numbers("mean_alt_tel").front();
  check.az_tel = numbers("mean_az_tel").front();
  check.ra_tel = numbers("tel_ra").front();
  check.dec_tel = numbers("tel_dec").front();
  check.sampled_event_ids = integers("sampled_event_ids");
  check.ucts_time = numbers("ucts_time");
  check.tib_time = numbers("tib_time");
  check.dragon_time = numbers("dragon_time");
  for (std::size_t h = 0; h < check::n_histograms; ++h) {
    const check::Binning& b = check::binnings()[h];
    auto counts = integers(b.name);
    if (counts.size() != b.size())
      throw Error(ErrorKind::bad_input,
                  std::string("column '") + b.name + "' has another number of bins",
                  std::to_string(counts.size()), "make the check again");
    check.histograms.of[h] = std::move(counts);
  }
  check.cog_within_pixel = integers("cog_within_pixel");
  check.cog_within_pixel_intensity_gt_200 = integers("cog_within_pixel_intensity_gt_200");
  check.num_nearby_stars = integers("num_nearby_stars");
  const std::size_t n = check.cog_within_pixel.size();
  if (check.num_nearby_stars.size() != n) check.num_nearby_stars.assign(n, 0);
  const auto moments = [&](const char* mean, const char* stddev) {
    const auto means = numbers(mean), stddevs = numbers(stddev);
    Moments made;
    made.resize(n);
    return means.size() == n && stddevs.size() == n ? moments_of(means, stddevs, check.num_events)
                                                    : made;
  };
  check.charge = moments("charge_mean", "charge_stddev");
  check.time = moments("time_mean", "time_stddev");
  check.relative_time = moments("relative_time_mean", "relative_time_stddev");
  check.time_above_030_pe = moments("time_mean_above_030_pe", "time_stddev_above_030_pe");
  check.pulses_above = {integers("num_pulses_above_0010_pe"), integers("num_pulses_above_0030_pe"),
                        integers("num_pulses_above_0100_pe"), integers("num_pulses_above_0300_pe"),
                        integers("num_pulses_above_1000_pe")};
  check.exact = false;
  return check;
}

void read_sums(const hdf5::TableReader& table, std::size_t i, ClassCheck& check) {
  const hdf5::Rows rows = table.read(i, 1);
  check.run = rows.column<std::int64_t>("run").front();
  check.subrun = rows.column<std::int64_t>("subrun_index").front();
  check.n_subruns = rows.column<std::int64_t>("num_subruns").front();
  check.exact = rows.column<std::int64_t>("exact").front() != 0;
  for (const SumColumns& columns : sum_columns) {
    if (!table.has_column(columns.sum)) continue;
    Moments& moments = check.*columns.moments;
    moments.sum = rows.arrays<double>(columns.sum);
    moments.sum2 = rows.arrays<double>(columns.sum2);
    if (columns.count != nullptr)
      moments.count = rows.arrays<std::int64_t>(columns.count);
    else if (columns.moments == &ClassCheck::charge)
      moments.count.assign(moments.sum.size(), check.num_events);
    else
      moments.count = check.time.count;
  }
}

std::vector<SubrunSummary> read_summary_rows(const hdf5::TableReader& table) {
  const hdf5::Rows rows = table.read_all();
  std::vector<SubrunSummary> all(rows.size());
  const auto put = [&](const char* name, auto example, auto&& member) {
    const auto values = rows.column<decltype(example)>(name);
    for (std::size_t i = 0; i < all.size(); ++i) member(all[i]) = values[i];
  };
  for (const SummaryColumn& column : summary_columns) {
    // Files of earlier versions lack it.
    if (column.count == &S::num_contained_rings && !table.has_column(column.name)) continue;
    if (column.count != nullptr)
      put(column.name, std::int64_t{}, [&](S& s) -> std::int64_t& { return s.*column.count; });
    else
      put(column.name, double{}, [&](S& s) -> double& { return s.*column.number; });
  }
  for (const EventClass c : check::event_classes) {
    const auto i = std::size_t(c);
    put(events_column(c), std::int64_t{},
        [&](S& s) -> std::int64_t& { return s.num_class_events[i]; });
    put(cleaned_column(c), std::int64_t{},
        [&](S& s) -> std::int64_t& { return s.num_cleaned_events[i]; });
  }
  return all;
}

}  // namespace alisio::pipeline
