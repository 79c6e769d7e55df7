#include "lib/report/long_term_collect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <numeric>
#include <optional>
#include <string>

#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"
#include "lib/base/run_file_name.hpp"
#include "lib/pipeline/datacheck_file.hpp"
#include "lib/pipeline/muon_file.hpp"

namespace alisio::report {
namespace {

namespace fs = std::filesystem;
using check::ClassCheck;
using check::EventClass;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Values of one row of a table, by name.
using Row = std::map<std::string, double>;

void append(LongTermTable& table, const Row& row) {
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    const auto value = row.find(table.columns[c].name);
    table.values[c].push_back(value == row.end() ? nan : value->second);
  }
}

struct Spread {
  double mean = nan, stddev = nan;
  std::size_t n = 0;
};

/// Mean and standard deviation of what is finite.
Spread spread_of(const std::vector<double>& values, std::size_t ddof) {
  Spread spread;
  double sum = 0, sum2 = 0;
  for (const double value : values)
    if (std::isfinite(value)) ++spread.n, sum += value;
  if (spread.n == 0) return spread;
  spread.mean = sum / double(spread.n);
  for (const double value : values)
    if (std::isfinite(value)) sum2 += (value - spread.mean) * (value - spread.mean);
  if (spread.n > ddof) spread.stddev = std::sqrt(sum2 / double(spread.n - ddof));
  return spread;
}

double average(const std::vector<double>& values) {
  return spread_of(values, 0).mean;
}

double total(const std::vector<std::int64_t>& values) {
  return double(std::accumulate(values.begin(), values.end(), std::int64_t(0)));
}

/// Return the mean of angles on the circle, within [0, period).
double circular_mean(const std::vector<double>& angles, double period) {
  const double scale = 2 * std::numbers::pi / period;
  double s = 0, c = 0;
  for (const double angle : angles) s += std::sin(angle * scale), c += std::cos(angle * scale);
  const double mean = std::atan2(s, c) / scale;
  return mean < 0 ? mean + period : mean;
}

/// Trigger bits that an event of a class should have.
int bits_of(EventClass c) {
  constexpr int mono = 1, stereo = 2, calibration = 4, pedestal = 32;
  return c == EventClass::cosmics     ? mono | stereo
         : c == EventClass::pedestals ? pedestal
                                      : calibration;
}

struct Tags {
  double wrong = 0, unknown = 0;
};
Tags count_tags(const std::map<int, std::int64_t>& types, EventClass c) {
  Tags tags;
  for (const auto& [bits, n] : types)
    if (bits == 0)
      tags.unknown += double(n);
    else if ((bits & bits_of(c)) == 0)
      tags.wrong += double(n);
  return tags;
}

/// What the subruns of one class add up to, pixel by pixel.
struct PixelTotals {
  std::vector<double> events, elapsed, above_10, above_30, cog, cog_gt_200;  ///< [pixel]
  check::Moments charge, time, relative_time;

  void add(const ClassCheck& row, bool without_stars) {
    const std::size_t n = row.n_pixels();
    if (events.empty()) {
      for (auto* values : {&events, &elapsed, &above_10, &above_30, &cog, &cog_gt_200})
        values->assign(n, 0.0);
      for (auto* moments : {&charge, &time, &relative_time}) moments->resize(n);
    }
    for (std::size_t i = 0; i < n; ++i) {
      if (without_stars && row.num_nearby_stars[i] > 0) continue;
      events[i] += double(row.num_events);
      elapsed[i] += row.elapsed_time;
      above_10[i] += double(row.pulses_above[0][i]);
      above_30[i] += double(row.pulses_above[1][i]);
      cog[i] += double(row.cog_within_pixel[i]);
      cog_gt_200[i] += double(row.cog_within_pixel_intensity_gt_200[i]);
      for (const auto& [to, from] : {std::pair{&charge, &row.charge}, std::pair{&time, &row.time},
                                     std::pair{&relative_time, &row.relative_time}}) {
        if (from->count.size() != n) continue;
        to->count[i] += from->count[i];
        to->sum[i] += from->sum[i];
        to->sum2[i] += from->sum2[i];
      }
    }
  }

  [[nodiscard]] static double fraction(const std::vector<double>& pulses,
                                       const std::vector<double>& events) {
    return std::accumulate(pulses.begin(), pulses.end(), 0.0) /
           std::accumulate(events.begin(), events.end(), 0.0);
  }
};

/// What is kept of a class of a run.
struct ClassTotals {
  std::size_t rows = 0;
  double events = 0, cleaned = 0, wrong_ucts = 0, wrong_tib = 0, stars = 0;
  PixelTotals all, without_stars;
};

/// What is kept of a run while its rows are read.
struct Run {
  std::array<ClassTotals, check::n_classes> classes;
  std::array<std::vector<Row>, check::n_classes> subruns;  ///< rows of the subrun-wise tables
  double unknown_ucts = 0, unknown_tib = 0, jumps = 0, elapsed = 0;
  std::vector<double> times, altitudes, azimuths, ra, dec;  ///< of the subruns, from the cosmics
  std::vector<check::SubrunSummary> summaries;
};

void add_row(Run& run, int number, EventClass c, const ClassCheck& row) {
  ClassTotals& totals = run.classes[std::size_t(c)];
  const Tags ucts = count_tags(row.ucts_trigger_types, c), tib = count_tags(row.trigger_types, c);
  const double jumps = row.num_ucts_jumps < 0 ? 0 : double(row.num_ucts_jumps);
  ++totals.rows;
  totals.events += double(row.num_events);
  totals.cleaned += double(row.num_cleaned_events);
  totals.wrong_ucts += ucts.wrong;
  totals.wrong_tib += tib.wrong;
  totals.stars += total(row.num_nearby_stars);
  totals.all.add(row, false);
  totals.without_stars.add(row, true);
  run.unknown_ucts += ucts.unknown;
  run.unknown_tib += tib.unknown;
  run.jumps += jumps;
  const double time = average(row.dragon_time);
  if (c == EventClass::cosmics) {
    run.elapsed += row.elapsed_time;
    run.times.push_back(time);
    run.altitudes.push_back(row.alt_tel);
    run.azimuths.push_back(row.az_tel);
    run.ra.push_back(row.ra_tel);
    run.dec.push_back(row.dec_tel);
  }
  Row line{{"runnumber", number},
           {"subrun", double(row.subrun)},
           {"time", time},
           {"elapsed_time", row.elapsed_time},
           {"events", double(row.num_events)},
           {"azimuth", row.az_tel},
           {"altitude", row.alt_tel},
           {"wrong_ucts_trig_type", ucts.wrong},
           {"wrong_tib_trig_type", tib.wrong},
           {"unknown_ucts_trig_type", ucts.unknown},
           {"unknown_tib_trig_type", tib.unknown},
           {"num_ucts_jumps", jumps}};
  const double pulses = double(row.num_events) * double(row.n_pixels());
  line["fraction_pulses_above10"] = total(row.pulses_above[0]) / pulses;
  line["fraction_pulses_above30"] = total(row.pulses_above[1]) / pulses;
  line["charge_mean"] = average(row.charge.means());
  line["charge_stddev"] = average(row.charge.stddevs());
  if (c == EventClass::flatfield) {
    line["rel_time_mean"] = average(row.relative_time.means());
    line["rel_time_stddev"] = average(row.relative_time.stddevs());
  }
  run.subruns[std::size_t(c)].push_back(std::move(line));
}

/// The rings that lstchain's long-term tables are made of: its cuts there are not those of the
/// efficiency of a run, pipeline::contained().
bool contained_and_clean(const pipeline::MuonRing& ring) {
  return ring.ring_containment > 0.99 && ring.size_outside < 1 && ring.muon_efficiency < 1;
}

/// Contained and clean rings, by subrun; -1 where the file does not tell.
using Rings = std::map<std::int64_t, std::vector<pipeline::MuonRing>>;

struct Muons {
  Rings contained;
  bool any = false;  ///< some file holds rings at all
};

Muons read_rings(const RunFiles& files) {
  Muons muons;
  for (const fs::path& path : files.muons) {
    const pipeline::MuonTable table = pipeline::read_muons(path);
    const std::optional<RunFileName> name = parse_run_file_name(path);
    const std::int64_t subrun = name && name->has_usual_digits ? name->subrun.value_or(-1) : -1;
    for (const pipeline::MuonRing& ring : table.rings) {
      muons.any = true;
      if (contained_and_clean(ring))
        muons.contained[ring.subrun >= 0 ? ring.subrun : subrun].push_back(ring);
    }
  }
  return muons;
}

/// Fill the muon columns of a row; `run_wise` takes the names of the table of runs.
void fill_muons(Row& row, const std::vector<pipeline::MuonRing>& rings, bool run_wise) {
  const auto spread = [&](auto&& of) {
    std::vector<double> values;
    for (const pipeline::MuonRing& ring : rings) values.push_back(double(of(ring)));
    return spread_of(values, 1);
  };
  const auto fill = [&](const std::string& mean, const std::string& stddev, const Spread& values) {
    row[mean] = values.mean;
    row[stddev] = values.stddev;
  };
  using Ring = pipeline::MuonRing;
  row["num_contained_mu_rings"] = double(rings.size());
  fill("mu_effi_mean", "mu_effi_stddev", spread([](const Ring& r) { return r.muon_efficiency; }));
  fill("mu_width_mean", "mu_width_stddev", spread([](const Ring& r) { return r.ring_width; }));
  fill(run_wise ? "mu_hg_peak_sample_mean" : "mu_hg_peak_sample", "mu_hg_peak_sample_stddev",
       spread([](const Ring& r) { return r.hg_peak_sample; }));
  row["mu_intensity_mean"] = spread([](const Ring& r) { return r.ring_size; }).mean;
  if (!run_wise)
    fill("mu_radius_mean", "mu_radius_stddev", spread([](const Ring& r) { return r.ring_radius; }));
}

void fill_camera_means(Row& row, const Run& run) {
  const auto fill = [&](const std::string& name, const check::Moments& moments, bool with_error) {
    const Spread means = spread_of(moments.means(), 0);
    row[name + "_mean"] = means.mean;
    if (with_error) row[name + "_mean_err"] = means.stddev / std::sqrt(double(means.n));
    row[name + "_stddev"] = average(moments.stddevs());
  };
  const ClassTotals& ped = run.classes[std::size_t(EventClass::pedestals)];
  if (ped.rows > 0) {
    const PixelTotals& pixels = ped.without_stars;
    row["num_pedestals"] = ped.events;
    row["num_wrong_ucts_tags_in_pedestals"] = ped.wrong_ucts;
    row["num_wrong_tib_tags_in_pedestals"] = ped.wrong_tib;
    row["num_pedestals_after_cleaning"] = ped.cleaned;
    row["ped_fraction_pulses_above10"] = PixelTotals::fraction(pixels.above_10, pixels.events);
    row["ped_fraction_pulses_above30"] = PixelTotals::fraction(pixels.above_30, pixels.events);
    fill("ped_charge", pixels.charge, true);
    row["mean_number_of_pixels_nearby_stars"] = ped.stars / double(ped.rows);
  }
  const ClassTotals& ff = run.classes[std::size_t(EventClass::flatfield)];
  if (ff.rows > 0) {
    row["num_flatfield"] = ff.events;
    row["num_wrong_ucts_tags_in_flatfield"] = ff.wrong_ucts;
    row["num_wrong_tib_tags_in_flatfield"] = ff.wrong_tib;
    fill("ff_charge", ff.without_stars.charge, true);
    fill("ff_time", ff.without_stars.time, true);
    row["ff_rel_time_stddev"] = average(ff.without_stars.relative_time.stddevs());
  }
  const ClassTotals& cosmics = run.classes[std::size_t(EventClass::cosmics)];
  const PixelTotals& pixels = cosmics.without_stars;
  row["num_cosmics"] = cosmics.events;
  row["num_wrong_ucts_tags_in_cosmics"] = cosmics.wrong_ucts;
  row["num_wrong_tib_tags_in_cosmics"] = cosmics.wrong_tib;
  row["cosmics_fraction_pulses_above10"] = PixelTotals::fraction(pixels.above_10, pixels.events);
  row["cosmics_fraction_pulses_above30"] = PixelTotals::fraction(pixels.above_30, pixels.events);
}

std::vector<float> narrowed(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}
std::vector<float> ratios(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<float> out(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) out[i] = float(a[i] / b[i]);
  return out;
}

void add_pixels(std::vector<LongTermPixels>& table, const Run& run, bool without_stars,
                std::size_t n_pixels) {
  std::map<std::string, std::vector<float>> values;
  const auto totals = [&](EventClass c) -> const PixelTotals* {
    const ClassTotals& found = run.classes[std::size_t(c)];
    if (found.rows == 0) return nullptr;
    return without_stars ? &found.without_stars : &found.all;
  };
  if (const PixelTotals* ff = totals(EventClass::flatfield)) {
    values["ff_pix_charge_mean"] = narrowed(ff->charge.means());
    values["ff_pix_charge_stddev"] = narrowed(ff->charge.stddevs());
    values["ff_pix_rel_time_mean"] = narrowed(ff->relative_time.means());
    values["ff_pix_rel_time_stddev"] = narrowed(ff->relative_time.stddevs());
  }
  if (const PixelTotals* ped = totals(EventClass::pedestals)) {
    values["ped_pix_charge_mean"] = narrowed(ped->charge.means());
    values["ped_pix_charge_stddev"] = narrowed(ped->charge.stddevs());
    values["ped_pix_fraction_pulses_above10"] = ratios(ped->above_10, ped->events);
    values["ped_pix_fraction_pulses_above30"] = ratios(ped->above_30, ped->events);
  }
  if (const PixelTotals* cosmics = totals(EventClass::cosmics)) {
    values["cosmics_pix_fraction_pulses_above10"] = ratios(cosmics->above_10, cosmics->events);
    values["cosmics_pix_fraction_pulses_above30"] = ratios(cosmics->above_30, cosmics->events);
    values["cosmics_cog_within_pixel"] = narrowed(cosmics->cog);
    values["cosmics_cog_within_pixel_intensity_gt_200"] = narrowed(cosmics->cog_gt_200);
    values["ncosmics_per_pix"] = narrowed(cosmics->events);
    values["elapsed_time_per_pix"] = narrowed(cosmics->elapsed);
  }
  for (LongTermPixels& quantity : table) {
    std::vector<float>& found = values[quantity.name];
    if (found.empty()) found.assign(n_pixels, std::numeric_limits<float>::quiet_NaN());
    quantity.values.push_back(std::move(found));
  }
}

}  // namespace

void add_run(LongTerm& table, const RunFiles& files) {
  Run run;
  for (const fs::path& path : files.datachecks) {
    for (const EventClass c : check::event_classes)
      pipeline::for_each_row(path, c, [&](ClassCheck&& row) { add_row(run, files.run, c, row); });
    const auto summaries = pipeline::read_summaries(path);
    run.summaries.insert(run.summaries.end(), summaries.begin(), summaries.end());
  }
  const ClassTotals& cosmics = run.classes[std::size_t(EventClass::cosmics)];
  if (cosmics.rows == 0)
    throw Error(ErrorKind::bad_input, "holds no cosmics", files.datachecks.front().string(),
                "a run without data cannot be followed; leave it out");
  const Muons muons = read_rings(files);

  Row row{{"runnumber", files.run},
          {"time", average(run.times)},
          {"elapsed_time", run.elapsed},
          {"min_altitude", std::ranges::min(run.altitudes)},
          {"mean_altitude", average(run.altitudes)},
          {"max_altitude", std::ranges::max(run.altitudes)},
          {"min_azimuth", std::ranges::min(run.azimuths)},
          {"max_azimuth", std::ranges::max(run.azimuths)},
          {"mean_azimuth", circular_mean(run.azimuths, 2 * std::numbers::pi)},
          {"mean_ra", circular_mean(run.ra, 360)},
          {"mean_dec", average(run.dec)},
          {"num_unknown_ucts_trigger_tags", run.unknown_ucts},
          {"num_unknown_tib_trigger_tags", run.unknown_tib},
          {"num_ucts_jumps", run.jumps}};
  fill_camera_means(row, run);
  if (muons.any) {
    std::vector<pipeline::MuonRing> rings;
    for (const auto& [subrun, contained] : muons.contained)
      rings.insert(rings.end(), contained.begin(), contained.end());
    fill_muons(row, rings, true);
  }
  if (std::isfinite(row["time"]))
    row["night"] = std::stod(NightDate::of_unix_utc(row["time"]).compact());
  for (const auto& [rate, count] :
       {std::pair{"rate_cosmics", "num_cosmics"}, std::pair{"rate_pedestals", "num_pedestals"},
        std::pair{"rate_flatfield", "num_flatfield"},
        std::pair{"rate_contained_mu_rings", "num_contained_mu_rings"}})
    row[rate] = row.contains(count) && run.elapsed > 0 ? row[count] / run.elapsed : nan;
  row["unusable_pixels"] = check::total_of(run.summaries).unusable_pixels;
  append(table.runs, row);

  for (Row& line : run.subruns[std::size_t(EventClass::cosmics)]) {
    const auto found = muons.contained.find(std::int64_t(line["subrun"]));
    if (found != muons.contained.end())
      fill_muons(line, found->second, false);
    else
      line["num_contained_mu_rings"] = 0;
    append(table.cosmics, line);
  }
  for (const Row& line : run.subruns[std::size_t(EventClass::pedestals)])
    append(table.pedestals, line);
  for (const Row& line : run.subruns[std::size_t(EventClass::flatfield)])
    append(table.flatfield, line);
  const std::size_t n_pixels = cosmics.all.events.size();
  add_pixels(table.pixels, run, false, n_pixels);
  add_pixels(table.pixels_without_stars, run, true, n_pixels);
}

void append_runs(LongTerm& table, LongTerm&& further) {
  for (const auto& [to, from] :
       {std::pair{&table.runs, &further.runs}, std::pair{&table.cosmics, &further.cosmics},
        std::pair{&table.pedestals, &further.pedestals},
        std::pair{&table.flatfield, &further.flatfield}})
    for (std::size_t c = 0; c < to->values.size(); ++c)
      to->values[c].insert(to->values[c].end(), from->values[c].begin(), from->values[c].end());
  for (const auto& [to, from] :
       {std::pair{&table.pixels, &further.pixels},
        std::pair{&table.pixels_without_stars, &further.pixels_without_stars}})
    for (std::size_t q = 0; q < to->size(); ++q)
      for (auto& run : (*from)[q].values) (*to)[q].values.push_back(std::move(run));
}

}  // namespace alisio::report
