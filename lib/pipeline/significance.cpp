#include "lib/pipeline/significance.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/interruption.hpp"
#include "lib/pipeline/names.hpp"
#include "lib/pipeline/run_counts.hpp"
#include "lib/pipeline/significance_products.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// How far a source may be from the place that source-dependent DL2 assumes, deg: about the
/// difference that the equivalent in place of the effective focal length makes 1 deg off axis.
constexpr double assumed_place_tolerance_deg = 0.05;

/// Why a run does not count.
struct Refusal {
  std::string run;  ///< its number
  std::string why;
  std::string remedy;        ///< if no run counts
  bool empty_input = false;  ///< nothing was there to look at
};

/// A source with the way in which it was chosen.
struct Choice {
  text::Source source;
  std::string how;
};

/// The runs of some files, by number; the files of each in the order of their subruns.
std::map<std::string, std::vector<fs::path>> by_run(const std::vector<fs::path>& files,
                                                    std::int64_t telescope) {
  std::map<SubrunId, fs::path> known;
  for (const fs::path& file : files) {
    const SubrunId id = dl2_id_of(file);
    if (id.telescope != telescope)
      throw Error(ErrorKind::usage,
                  fmt::format("is of telescope {}, not {}", id.telescope, telescope), file.string(),
                  "give the files of one telescope, and its number as --telescope");
    // A merged file sorts right before the subruns of its run.
    const auto [place, is_new] = known.emplace(id, file);
    const bool merged_too =
        id.subrun == all_subruns
            ? std::next(place) != known.end() && std::next(place)->first.run == id.run
            : known.contains({id.telescope, id.run, all_subruns});
    if (!is_new || merged_too)
      throw Error(ErrorKind::usage, fmt::format("run {} is given twice", run_text(id.run)),
                  file.string(), "give one file of the run, or one of each of its subruns");
  }
  std::map<std::string, std::vector<fs::path>> runs;
  for (const auto& [id, file] : known) runs[run_text(id.run)].push_back(file);
  return runs;
}

sky::Site site_of(const instrument::Telescope& telescope) {
  return {telescope.longitude_deg, telescope.latitude_deg, telescope.height};
}

/// Return the radius of the camera on the sky, deg.
double view_radius_deg(const instrument::Telescope& telescope, double focal_length) {
  double radius = 0;
  for (std::size_t i = 0; i < telescope.geometry.n_pixels; ++i)
    radius = std::max(radius, std::hypot(telescope.geometry.x[i], telescope.geometry.y[i]));
  return radius / focal_length * 180 / std::numbers::pi;
}

/// Return the source of a run, or in `why` why it has none.
std::optional<Choice> choose(const SignificanceRequest& request,
                             const std::vector<text::Source>& catalogue, sky::Equatorial pointing,
                             const SignificanceOptions& options, double view_deg,
                             std::string& why) {
  if (std::isnan(pointing.ra_deg)) {
    why = "no event has a pointing";
    return std::nullopt;
  }
  if (request.told) {
    const double distance =
        sky::separation_deg(pointing, {request.told->ra_deg, request.told->dec_deg});
    if (distance < view_deg) return Choice{*request.told, "as told"};
    why = fmt::format("it points {:.2f} deg away from {}, outside the camera's {:.2f} deg",
                      distance, request.told->name, view_deg);
    return std::nullopt;
  }
  const auto nearest = text::nearest_source(catalogue, pointing);
  if (nearest && nearest->distance_deg <= options.max_separation_deg)
    return Choice{nearest->source,
                  fmt::format("nearest in {} within {:g} deg of the pointing",
                              request.catalogue.filename().string(), options.max_separation_deg)};
  why = fmt::format("no source of {} within {:g} deg of RA {:.3f} deg, Dec {:.3f} deg",
                    request.catalogue.filename().string(), options.max_separation_deg,
                    pointing.ra_deg, pointing.dec_deg);
  if (nearest)
    why += fmt::format(" ({} is {:.2f} deg away)", nearest->source.name, nearest->distance_deg);
  return std::nullopt;
}

std::string remark_of(const dl3::OnOffCounts& counts, const SignificanceRow& row) {
  if (row.selected == 0) return "no event passes the cuts";
  if (std::isnan(row.excess.alpha))
    return fmt::format("not measurable: {} events on and {} off in the range of the normalisation",
                       counts.norm_on, counts.norm_off);
  if (!(row.time.effective_s > 0)) return "no effective time";
  return "";
}

/// Counts on their way to a source's sum.
struct Sum {
  SourceSignificance source;
  dl3::OnOffCounts counts;
};

/// Make the off positions of a run's DL2 those of all runs, or throw if those differ.
void agree_on_positions(const AlphaCounts& run, const fs::path& file,
                        std::vector<std::string>& of_all) {
  if (of_all.empty()) of_all = run.off_positions;
  if (run.off_positions != of_all)
    throw Error(ErrorKind::bad_input,
                fmt::format("its off positions are {}, those of runs before it {}",
                            fmt::join(run.off_positions, ", "), fmt::join(of_all, ", ")),
                file.string(), "make the DL2 of the runs again, with one configuration");
}

/// Return why runs of source-dependent DL2 cannot count for a source; empty if they can.
std::string why_of_another_source(const std::vector<fs::path>& files, const text::Source& source,
                                  double focal_length, const sky::Site& site) {
  const double distance =
      distance_from_assumed_deg(files, {source.ra_deg, source.dec_deg}, focal_length, site);
  if (distance < assumed_place_tolerance_deg) return "";
  if (std::isnan(distance)) return "its source-dependent DL2 does not tell which place it assumes";
  return fmt::format("its source-dependent DL2 assumes a source {:.2f} deg away from {}", distance,
                     source.name);
}

/// Return the source that a run counts for, or in `refusal` why it has none.
std::optional<Choice> source_of_run(const SignificanceRequest& request,
                                    const std::vector<text::Source>& catalogue,
                                    const std::vector<fs::path>& files, const RunEvents& read,
                                    const SignificanceOptions& options, bool by_alpha,
                                    const instrument::Telescope& telescope, Refusal& refusal) {
  if (read.events == 0) {
    refusal.why = "holds no DL2 events";
    refusal.remedy = "give DL2 files of dl1-to-dl2 or lstchain that hold events";
    refusal.empty_input = true;
    return std::nullopt;
  }
  const double view_deg = view_radius_deg(telescope, options.focal_length);
  std::optional<Choice> choice =
      choose(request, catalogue, read.pointing, options, view_deg, refusal.why);
  refusal.remedy = "check --source-name, --source-ra and --source-dec";
  if (!choice || !by_alpha) return choice;
  refusal.why = why_of_another_source(files, choice->source,
                                      telescope.optics.effective_focal_length, site_of(telescope));
  refusal.remedy = "tell the source that the DL2 was made for, or make the DL2 again for this one";
  if (!refusal.why.empty()) choice.reset();
  return choice;
}

/// Return the row of one run, with its counts.
std::pair<SignificanceRow, dl3::OnOffCounts> count_run(
    const std::string& run, const std::vector<fs::path>& files, const RunEvents& read,
    const text::Source& source, SignificanceOptions& options, bool by_alpha,
    std::vector<std::string>& off_positions, const sky::Site& site) {
  const sky::Equatorial position{source.ra_deg, source.dec_deg};
  dl3::OnOffCounts counts(by_alpha ? options.alpha : options.theta2);
  SignificanceRow row{.run = run,
                      .pointing = read.pointing,
                      .separation_deg = sky::separation_deg(read.pointing, position),
                      .events = read.events,
                      .selected = std::int64_t(read.selected.n),
                      .time = read.time};
  if (by_alpha) {
    AlphaCounts alpha = count_alpha(files, options);
    agree_on_positions(alpha, files.front(), off_positions);
    options.n_off = int(off_positions.size());
    counts = std::move(alpha.counts);
    row.selected = alpha.selected;
  } else {
    counts = count_theta2(read.selected, position, options, site);
  }
  row.norm_on = counts.norm_on;
  row.norm_off = counts.norm_off;
  row.excess = excess_of(counts, options.normalisation, options.n_off);
  row.remark = remark_of(counts, row);
  if (row.remark.empty() && read.time.elapsed_s < read.span_s / 2)
    row.remark = fmt::format("most of the run lies in gaps: {:.1f} s of {:.1f} s count",
                             read.time.elapsed_s, read.span_s);
  const double radius = std::sqrt(options.theta2.cut);
  if (!by_alpha && dl3::regions_overlap(row.separation_deg, options.n_off, radius)) {
    row.remark = fmt::format(
        "not measurable: {:.2f} deg from the camera centre, the regions on and off overlap",
        row.separation_deg);
    row.excess = dl3::excess_of(row.excess.n_on, row.excess.n_off, nan);
    row.in_sum = false;
  }
  return {std::move(row), std::move(counts)};
}

/// Return the sum of a source, a new one if it is its first run.
Sum& sum_of(std::vector<Sum>& sums, const Choice& choice, const dl3::OnOffBinning& binning) {
  for (Sum& sum : sums)
    if (sum.source.name == choice.source.name) return sum;
  sums.push_back({{.name = choice.source.name,
                   .position = {choice.source.ra_deg, choice.source.dec_deg},
                   .chosen = choice.how,
                   .sum = {.run = "all",
                           .pointing = {nan, nan},
                           .separation_deg = nan,
                           .time = {.dead_s = nan, .rate_hz = nan}}},
                  dl3::OnOffCounts(binning)});
  return sums.back();
}

/// Throw if a source was told that no run saw.
void refuse_if_not_seen(const SignificanceRequest& request, const std::vector<Refusal>& refusals,
                        bool no_source) {
  if (!request.told || !no_source || refusals.empty()) return;
  // A run that holds events tells more of the source than one without.
  const auto telling = std::ranges::find(refusals, false, &Refusal::empty_input);
  const Refusal& shown = telling != refusals.end() ? *telling : refusals.front();
  throw Error(ErrorKind::bad_input,
              shown.empty_input
                  ? shown.why
                  : fmt::format("no run observed {}: {}", request.told->name, shown.why),
              "run " + shown.run, shown.remedy);
}

void add_to_sum(Sum& sum, SignificanceRow row, const dl3::OnOffCounts& counts) {
  SignificanceRow& all = sum.source.sum;
  if (row.in_sum) {
    sum.counts.add(counts);
    all.events += row.events;
    all.selected += row.selected;
    all.time.effective_s += row.time.effective_s;
    all.time.elapsed_s += row.time.elapsed_s;
  }
  sum.source.runs.push_back(std::move(row));
}

void close_sum(Sum& sum, const SignificanceOptions& options) {
  SignificanceRow& all = sum.source.sum;
  all.norm_on = sum.counts.norm_on;
  all.norm_off = sum.counts.norm_off;
  all.excess = excess_of(sum.counts, options.normalisation, options.n_off);
  const auto counted = std::ranges::count_if(sum.source.runs, &SignificanceRow::in_sum);
  all.remark = counted == 0 ? "no run can be measured" : remark_of(sum.counts, all);
  if (counted == 0) all.excess = dl3::excess_of(0, 0, nan);
  sum.source.on = sum.counts.on;
  sum.source.off = sum.counts.off;
}

}  // namespace

ActivityNote significance_activity(const SignificanceRequest& request, const JobContext& context,
                                   const config::Configuration& configuration) {
  ActivityNote note = activity_note("significance", {}, context, configuration);
  note.run = 0;
  note.subrun = -1;
  note.parameters = {{"ObservationDate", context.date}, {"ProdID", context.prod_id}};
  if (request.told) note.parameters["Source"] = request.told->name;
  if (!request.selection.empty()) note.parameters["Selection"] = request.selection;
  return note;
}

std::int64_t significance(stage::StageRun& run, const SignificanceRequest& request,
                          const config::Configuration& configuration,
                          const instrument::Telescope& telescope, SignificanceResult& result) {
  const auto runs = by_run(request.inputs, telescope.tel_id);
  SignificanceOptions options = significance_options(configuration);
  if (request.told)
    run.depend_on("source", fmt::format("{} {} {}", request.told->name, request.told->ra_deg,
                                        request.told->dec_deg));
  for (const auto& [number, files] : runs)
    for (const fs::path& file : files)
      run.use(dl2_id_of(file).subrun == all_subruns ? "dl2_run" : "dl2_subrun", file);
  if (!request.catalogue.empty()) run.use("source_catalogue", request.catalogue);
  if (run.activity().dry_run) {
    run.plan_product("significance",
                     request.output_dir / significance_name(run.activity().observation_date));
    return 0;
  }
  const std::vector<text::Source> catalogue = request.catalogue.empty()
                                                  ? std::vector<text::Source>()
                                                  : text::read_source_catalogue(request.catalogue);
  const sky::Site site = site_of(telescope);
  const bool by_alpha = !runs.empty() && is_source_dependent(runs.begin()->second.front());
  result = {.date = run.activity().observation_date,
            .prod_id = run.activity().prod_id,
            .quantity = by_alpha ? "alpha" : "theta2",
            .selection = request.selection,
            .left_out = request.left_out};
  std::vector<Sum> sums;
  std::vector<Refusal> refusals;
  std::vector<std::string> off_positions;  // of all runs, if they are source-dependent
  std::int64_t events = 0;
  for (const auto& [number, files] : runs) {
    throw_if_interrupted();
    for (const fs::path& file : files)
      if (is_source_dependent(file) != by_alpha)
        throw Error(ErrorKind::bad_input,
                    fmt::format("its analysis is source-{}dependent, that of others is not",
                                by_alpha ? "in" : ""),
                    file.string(), "count them apart");
    const RunEvents read = read_run(files, options, site);
    Refusal refusal{.run = number, .why = "", .remedy = ""};
    const std::optional<Choice> choice =
        source_of_run(request, catalogue, files, read, options, by_alpha, telescope, refusal);
    if (!choice) {
      spdlog::warn("run {} is left out: {}", number, refusal.why);
      result.left_out.push_back({"run " + number, refusal.why});
      refusals.push_back(std::move(refusal));
      continue;
    }
    auto [row, counts] =
        count_run(number, files, read, choice->source, options, by_alpha, off_positions, site);
    events += row.events;
    add_to_sum(sum_of(sums, *choice, by_alpha ? options.alpha : options.theta2), std::move(row),
               counts);
  }
  refuse_if_not_seen(request, refusals, sums.empty());
  result.options = options;
  for (Sum& sum : sums) {
    close_sum(sum, options);
    result.sources.push_back(std::move(sum.source));
  }
  publish_significance(run, request.output_dir, result);
  return events;
}

}  // namespace alisio::pipeline
