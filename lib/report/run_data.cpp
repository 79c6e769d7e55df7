#include "lib/report/run_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"
#include "lib/base/run_file_name.hpp"
#include "lib/pipeline/datacheck_file.hpp"

namespace alisio::report {
namespace fs = std::filesystem;
using check::EventClass;
namespace {

constexpr std::size_t samples_kept = 6;  // of a subrun: enough to show jumps, few enough for a page

/// The files of one kind and run in one folder.
struct Found {
  fs::path whole;                     // of the run
  std::map<int, fs::path> by_subrun;  // else
  [[nodiscard]] std::vector<fs::path> files() const {
    if (!whole.empty()) return {whole};
    std::vector<fs::path> all;
    for (const auto& [subrun, path] : by_subrun) all.push_back(path);
    return all;
  }
};

/// By run, then by folder with the deepest last.
using FoundByRun = std::map<int, std::map<std::pair<long, fs::path>, Found>>;

void note(FoundByRun& found, const RunFileName& name, const fs::path& path) {
  const fs::path folder = path.parent_path();
  Found& here = found[name.run][{std::distance(folder.begin(), folder.end()), folder}];
  if (name.subrun)
    here.by_subrun[*name.subrun] = path;
  else
    here.whole = path;
}

double mean_fraction(const std::vector<std::int64_t>& counts, std::int64_t events) {
  if (counts.empty() || events == 0) return std::nan("");
  double sum = 0;
  for (const std::int64_t count : counts) sum += double(count);
  return sum / (double(counts.size()) * double(events));
}

SubrunPoint point_of(const check::ClassCheck& row) {
  SubrunPoint point{.subrun = row.subrun,
                    .time = std::nan(""),
                    .elapsed = row.elapsed_time,
                    .events = row.num_events,
                    .cleaned_events = row.num_cleaned_events,
                    .altitude = row.alt_tel,
                    .azimuth = row.az_tel,
                    .pulses_above_10 = mean_fraction(row.pulses_above[0], row.num_events),
                    .pulses_above_30 = mean_fraction(row.pulses_above[1], row.num_events),
                    .sampled_ids = {},
                    .sampled_times = {}};
  const std::size_t n = std::min(row.dragon_time.size(), row.sampled_event_ids.size());
  if (n == 0) return point;
  point.time = row.dragon_time[n / 2];
  const std::size_t step = std::max<std::size_t>(1, n / samples_kept);
  for (std::size_t i = 0; i < n; i += step) {
    point.sampled_ids.push_back(row.sampled_event_ids[i]);
    point.sampled_times.push_back(row.dragon_time[i]);
  }
  return point;
}

using Sums = std::array<check::ClassSum, check::n_classes>;

/// A copy under the name of another run would be told as that run. @throws Error(bad_input).
void check_run(const fs::path& path, std::int64_t run, const RunData& data) {
  if (run >= 0 && run != data.run)
    throw Error(ErrorKind::bad_input,
                fmt::format("is of run {}, not of the run in its name", run_text(int(run))),
                path.string(), "give it its own name");
}

void load_check(const fs::path& path, RunData& data, Sums& kept) {
  // A file that breaks off in the middle must leave nothing behind.
  Sums sums = kept;
  std::array<std::vector<SubrunPoint>, check::n_classes> points;
  const std::vector<check::SubrunSummary> summaries = pipeline::read_summaries(path);
  for (const check::SubrunSummary& summary : summaries) check_run(path, summary.run, data);
  for (const EventClass c : check::event_classes)
    pipeline::for_each_row(path, c, [&](check::ClassCheck&& row) {
      points[std::size_t(c)].push_back(point_of(row));
      sums[std::size_t(c)].add(row);
    });
  kept = std::move(sums);
  for (std::size_t c = 0; c < check::n_classes; ++c)
    data.points[c].insert(data.points[c].end(), points[c].begin(), points[c].end());
  data.summaries.insert(data.summaries.end(), summaries.begin(), summaries.end());
  data.has_check = true;
}

void load_muons(const fs::path& path, RunData& data) {
  pipeline::MuonTable table = pipeline::read_muons(path);
  for (const pipeline::MuonRing& ring : table.rings) check_run(path, ring.obs_id, data);
  data.muons.rings.insert(data.muons.rings.end(), table.rings.begin(), table.rings.end());
  data.muons.candidates.insert(data.muons.candidates.end(), table.candidates.begin(),
                               table.candidates.end());
  data.muons.has_candidates = data.muons.has_candidates || table.has_candidates;
  data.has_muons = true;
}

template <typename Load>
void try_each(const std::vector<fs::path>& paths, RunData& data, Load load) {
  for (const fs::path& path : paths) try {
      load(path, data);
      data.read.push_back(path);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted || error.kind() == ErrorKind::bug) throw;
      data.problems.emplace_back(error.what());
    }
}

}  // namespace

std::vector<RunFiles> find_run_files(const std::vector<fs::path>& folders, int telescope,
                                     const std::vector<int>& runs) {
  FoundByRun checks, muons;
  for (const fs::path& folder : folders) {
    std::error_code failed;
    fs::recursive_directory_iterator entry(folder, failed);
    if (failed)
      throw Error(failed == std::errc::no_such_file_or_directory ? ErrorKind::missing_input
                                                                 : ErrorKind::resource,
                  "the folder cannot be listed: " + failed.message(), folder.string(),
                  "check --input-dir, or the date and paths.products of the configuration");
    for (; entry != fs::recursive_directory_iterator(); entry.increment(failed)) {
      if (failed) break;
      if (entry->is_directory() && entry->path().filename() == "log")
        entry.disable_recursion_pending();
      const std::optional<RunFileName> name = parse_run_file_name(entry->path());
      if (!name || !name->is_product() || name->telescope != telescope) continue;
      if (name->kind == "datacheck_dl1" && name->ends_in_any_of({".h5", ".hdf5"}))
        note(checks, *name, entry->path());
      if (name->kind == "muons" && name->ending == ".fits") note(muons, *name, entry->path());
    }
  }
  std::map<int, RunFiles> by_run;
  for (const auto& [run, places] : checks) {
    const Found& found = places.rbegin()->second;
    by_run[run].datachecks = found.files();
    by_run[run].datacheck_of_run = !found.whole.empty();
  }
  for (const auto& [run, places] : muons) {
    const Found& found = places.rbegin()->second;
    by_run[run].muons = found.files();
    by_run[run].muons_of_run = !found.whole.empty();
  }
  std::vector<RunFiles> all;
  for (auto& [run, files] : by_run) {
    if (!runs.empty() && std::find(runs.begin(), runs.end(), run) == runs.end()) continue;
    files.run = run;
    all.push_back(std::move(files));
  }
  return all;
}

double RunData::start() const {
  double first = std::nan("");
  for (const check::SubrunSummary& s : summaries)
    if (std::isfinite(s.time_start) && !(s.time_start >= first)) first = s.time_start;
  return first;
}

RunData load_run(const RunFiles& files) {
  RunData data;
  data.run = files.run;
  Sums sums;
  try_each(files.datachecks, data,
           [&sums](const fs::path& path, RunData& into) { load_check(path, into, sums); });
  for (std::size_t c = 0; c < check::n_classes; ++c)
    if (!sums[c].empty()) data.totals[c] = sums[c].finish();
  try_each(files.muons, data, load_muons);
  return data;
}

MeanOf mean_of(const std::vector<double>& values) {
  MeanOf result{0, std::nan(""), std::nan(""), std::nan("")};
  double sum = 0;
  for (const double v : values)
    if (std::isfinite(v)) ++result.count, sum += v;
  if (result.count == 0) return result;
  result.mean = sum / double(result.count);
  double squares = 0;
  for (const double v : values)
    if (std::isfinite(v)) squares += (v - result.mean) * (v - result.mean);
  result.spread = std::sqrt(squares / double(result.count));
  result.error = result.spread / std::sqrt(double(result.count));
  return result;
}

const std::vector<Quantity>& compared_quantities() {
  using S = check::SubrunSummary;
  static const std::vector<Quantity> all{
      {"cosmics rate", "Hz", 1, [](const S& s) { return s.rate(EventClass::cosmics); }},
      {"pedestal rate", "Hz", 2, [](const S& s) { return s.rate(EventClass::pedestals); }},
      {"flat-field rate", "Hz", 2, [](const S& s) { return s.rate(EventClass::flatfield); }},
      {"pedestal charge, mean", "p.e.", 3, [](const S& s) { return s.pedestal_charge; }},
      {"pedestal charge, spread", "p.e.", 3, [](const S& s) { return s.pedestal_spread; }},
      {"flat-field charge, mean", "p.e.", 2, [](const S& s) { return s.flatfield_charge; }},
      {"flat-field charge, spread", "p.e.", 2, [](const S& s) { return s.flatfield_spread; }},
      {"flat-field time, spread", "ns", 3, [](const S& s) { return s.flatfield_time_spread; }},
      {"pedestal pulses above 10 p.e.", "", 6,
       [](const S& s) { return s.pedestal_pulses_above_10; }},
      {"cosmics pulses above 10 p.e.", "", 6, [](const S& s) { return s.cosmics_pulses_above_10; }},
      {"cosmics pulses above 30 p.e.", "", 6, [](const S& s) { return s.cosmics_pulses_above_30; }},
      {"unusable pixels", "", 4, [](const S& s) { return s.unusable_pixels; }},
      {"muon efficiency", "", 4, [](const S& s) { return s.muon_efficiency; }},
  };
  return all;
}

}  // namespace alisio::report
