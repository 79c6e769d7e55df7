#include "lib/report/night_report.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <regex>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/interruption.hpp"
#include "lib/base/night_folder.hpp"
#include "lib/base/run_file_name.hpp"
#include "lib/base/version.hpp"
#include "lib/io/text/run_summary.hpp"
#include "lib/night/decision.hpp"
#include "lib/night/state.hpp"
#include "lib/pipeline/data_quality.hpp"
#include "lib/pipeline/names.hpp"
#include "lib/report/address.hpp"
#include "lib/report/long_term.hpp"
#include "lib/report/night_page.hpp"
#include "lib/report/pdf.hpp"
#include "lib/sky/time.hpp"
#include "lib/stage/product_name.hpp"

namespace alisio::report {
namespace fs = std::filesystem;
namespace {

/// Tell whether it is a product of a whole run that a report points to.
bool is_product_of_run(const RunFileName& name) {
  constexpr std::array kinds = {"dl1", "dl2", "muons", "datacheck_dl1"};
  return name.is_product() && !name.subrun && std::ranges::count(kinds, name.kind) > 0 &&
         name.ends_in_any_of({".h5", ".fits"});
}

/// Sort files that were named into runs, by their names.
std::vector<RunFiles> by_run(const std::vector<fs::path>& checks,
                             const std::vector<fs::path>& muons) {
  std::map<int, RunFiles> runs;
  const auto place = [&](const fs::path& path) {
    const std::optional<RunFileName> name = parse_run_file_name(path);
    if (!name || !name->ends_in_any_of({".h5", ".hdf5", ".fits"}))
      throw Error(ErrorKind::usage, "the name does not tell a run (…RunRRRRR[.SSSS].h5 or .fits)",
                  path.string());
    return std::pair(name->run, !name->subrun);
  };
  for (const fs::path& path : checks) {
    const auto [run, whole] = place(path);
    runs[run].datachecks.push_back(path);
    runs[run].datacheck_of_run = whole;
  }
  for (const fs::path& path : muons) {
    const auto [run, whole] = place(path);
    runs[run].muons.push_back(path);
    runs[run].muons_of_run = whole;
  }
  std::vector<RunFiles> all;
  for (auto& [run, files] : runs) {
    files.run = run;
    std::sort(files.datachecks.begin(), files.datachecks.end());
    std::sort(files.muons.begin(), files.muons.end());
    all.push_back(std::move(files));
  }
  return all;
}

bool is_long_term(const fs::path& path) {
  return path.filename().string().starts_with("longterm");
}

std::vector<RunFiles> files_of(const NightReportRequest& request) {
  if (!request.checks.empty() || !request.muons.empty())
    return by_run(request.checks, request.muons);
  return find_run_files(request.folders, request.telescope,
                        request.run < 0 ? std::vector<int>() : std::vector<int>{request.run});
}

/// @throws Error(usage) if a report of one run is given the files of another.
void check_run(const NightReportRequest& request, const std::vector<RunFiles>& files) {
  if (request.run < 0) return;
  for (const RunFiles& one : files)
    if (one.run != request.run)
      throw Error(ErrorKind::usage,
                  fmt::format("is of run {}, the report is to be of run {}", run_text(one.run),
                              run_text(request.run)),
                  (one.datachecks.empty() ? one.muons : one.datachecks).front().string(),
                  "give the files of that run, or leave out the run and give the night");
}

/// Return the night that the events of a run are of; nothing if no time tells it.
std::optional<NightDate> night_of_events(const RunData& run) {
  constexpr double no_clock_before = 1.5e9;  // 2017: before the telescope's first light
  double first = run.start();
  for (const pipeline::MuonRing& ring : run.muons.rings)
    if (std::isfinite(ring.event_time) && !(ring.event_time >= first)) first = ring.event_time;
  if (!(first > no_clock_before)) return std::nullopt;
  return NightDate::of_unix_utc(first);
}

/// A clock that is wrong must not keep a night without its report: that is warned of where the
/// folder names the night. @throws Error(usage) if a run is of another night.
void check_night(const std::string& date, const RunFiles& files, const RunData& run) {
  if (date.empty()) return;
  const NightDate wanted = NightDate::parse(date);
  const fs::path& file = (files.datachecks.empty() ? files.muons : files.datachecks).front();
  const std::optional<NightDate> events = night_of_events(run), folder = night_of_folder(file);
  if (folder == wanted) {
    if (events && *events != wanted)
      spdlog::warn("{}: its events are of the night {}, its folder is of {}", file.string(),
                   events->compact(), wanted.compact());
  } else if (const auto told = events ? events : folder; told && *told != wanted) {
    throw Error(ErrorKind::usage,
                fmt::format("is of the night {}, the report is to be of {}", told->compact(),
                            wanted.compact()),
                file.string(), "give that night, or the files of this one");
  }
}

/// Return the gates of a night, with one that is not measured if a data check is missing or could
/// not be read: what nobody judged must not read "passed".
std::vector<Gate> gates_of(const NightData& night, const std::vector<RunFiles>& files,
                           const check::DataLimits& limits) {
  std::vector<std::vector<Gate>> gates;
  bool all_read = true;
  for (std::size_t i = 0; i < night.runs.size(); ++i) {
    const RunData& run = night.runs[i];
    gates.push_back(judge(run, limits).gates);
    all_read = all_read && run.has_check &&
               std::ranges::all_of(files[i].datachecks, [&](const fs::path& path) {
                 return std::ranges::find(run.read, path) != run.read.end();
               });
  }
  for (const ListedRun& listed : night.listed)
    if (listed.type == "DATA")
      all_read = all_read && std::ranges::any_of(night.runs, [&](const RunData& run) {
                   return run.run == listed.run;
                 });
  if (!all_read) gates.push_back({unmeasured_gate("data_check", "", {})});
  return check::night_gates(gates);
}

/// Say which files are read; of a wrong one it is said in the report, so it is not an input.
void use_files(stage::StageRun& run, const RunFiles& files, const std::vector<fs::path>& read,
               const std::map<std::string, std::string>& attributes) {
  const auto was_read = [&](const fs::path& path) {
    return std::find(read.begin(), read.end(), path) != read.end();
  };
  for (const fs::path& path : files.datachecks)
    if (was_read(path))
      run.use(files.datacheck_of_run ? "dl1_datacheck_run" : "dl1_datacheck", path, attributes);
  for (const fs::path& path : files.muons)
    if (was_read(path)) run.use(files.muons_of_run ? "muons_run" : "muons", path, attributes);
}

void read_run_summary(const NightReportRequest& request, NightData& night) {
  if (request.run_summary.empty()) return;
  try {
    for (const text::RunSummaryRow& row : text::read_run_summary(request.run_summary)) {
      if (request.run >= 0 && row.run_id != request.run) continue;
      night.listed.push_back(
          {.run = static_cast<int>(row.run_id),
           .type = row.run_type,
           .subruns = row.n_subruns,
           .start = row.run_start > 0 ? sky::tai_ns_to_unix_s(row.run_start) : std::nan("")});
    }
    night.has_run_summary = true;
  } catch (const Error& error) {
    night.notes.push_back(std::string("The run summary was not read: ") + error.what());
  }
  std::sort(night.listed.begin(), night.listed.end(),
            [](const ListedRun& left, const ListedRun& right) { return left.run < right.run; });
  for (RunData& run : night.runs)
    for (const ListedRun& listed : night.listed)
      if (listed.run == run.run) {
        run.type = listed.type;
        run.expected_subruns.number = static_cast<int>(listed.subruns);
      }
}

void read_jobs(const NightReportRequest& request, const std::string& date,
               const std::string& prod_id, NightData& night) {
  if (request.state.empty() || date.empty()) return;
  try {
    std::optional<night::State> state = night::State::open_read_only(request.state);
    if (!state) return;
    const night::NightKey of_night{
        .telescope = request.telescope, .date = NightDate::parse(date), .prod_id = prod_id};
    const std::vector<night::Decision> decisions = night::standing_decisions(*state, of_night);
    for (RunData& run : night.runs)
      run.expected_subruns.left_out =
          night::left_out_subruns(decisions, run.run, run.expected_subruns.number);
    const night::StateSnapshot snapshot = state->snapshot(of_night);
    if (snapshot.jobs.empty()) return;
    JobSummary jobs;
    for (const auto& [key, job] : snapshot.jobs) {
      if (request.run >= 0 && key.run != request.run) continue;
      // The report itself is under way, and its last state says nothing of the night.
      if (key.stage == "night_report") continue;
      const bool done = job.status == night::JobStatus::done;
      const bool failed = job.status == night::JobStatus::failed;
      ++jobs.stages[key.stage][done ? 0 : failed ? 1 : 2];
      if (done) continue;
      jobs.failed.push_back({.stage = key.stage,
                             .name = job_name(key),
                             .status = failed ? "failed" : "interrupted",
                             .reason = job.message,
                             .log_file = job.log_file.empty()
                                             ? ""
                                             : relative_address(job.log_file, request.output_dir)});
    }
    night.jobs = std::move(jobs);
  } catch (const Error& error) {
    night.notes.push_back(std::string("The state of the night was not read: ") + error.what());
  }
}

/// Read what was counted on and off the night's sources.
void read_sources(stage::StageRun& run, const NightReportRequest& request, NightData& night) {
  if (request.significance.empty()) return;
  try {
    night.significance = pipeline::read_significance(request.significance);
  } catch (const Error& error) {
    spdlog::warn("{}", error.what());
    night.notes.push_back(std::string("The significance of the sources was not read: ") +
                          error.what());
    return;
  }
  if (request.run >= 0) night.significance_of = run_text(request.run);
  run.use("significance", request.significance);
}

/// The files below a folder, not deeper than one folder, that belong to the night or one of its
/// runs and that people may want to open.
void add_links(const NightReportRequest& request, const std::vector<RunFiles>& files,
               NightData& night) {
  std::set<fs::path> folders;
  for (const RunFiles& run : files)
    for (const auto* paths : {&run.datachecks, &run.muons})
      for (const fs::path& path : *paths) folders.insert(fs::absolute(path).parent_path());
  for (const fs::path& folder : request.folders) folders.insert(fs::absolute(folder));
  if (!request.dl2.empty()) folders.insert(fs::absolute(request.dl2));
  static const std::regex record(R"((\w+?)_(\d{5})_prov\.(json|svg|pdf))");
  std::vector<std::pair<std::string, std::string>> places;
  std::map<int, std::map<std::string, std::string>> of_run;
  std::error_code failed;
  const auto scan = [&](const fs::path& folder) {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, failed)) {
      const std::string name = entry.path().filename().string();
      std::smatch part;
      std::optional<int> run;
      if (const std::optional<RunFileName> product = parse_run_file_name(name);
          product && is_product_of_run(*product))
        run = product->run;
      else if (std::regex_match(name, part, record))
        run = std::stoi(part[2]);
      if (run) of_run[*run][name] = relative_address(entry.path(), request.output_dir);
    }
  };
  for (const fs::path& folder : folders) {
    if (!fs::is_directory(folder, failed)) continue;
    places.emplace_back(folder.lexically_proximate(fs::absolute(request.output_dir)).string() == "."
                            ? "this folder"
                            : folder.string(),
                        relative_address(folder, request.output_dir));
    scan(folder);
    scan(folder / "log");
    scan(folder.parent_path() / "log");
  }
  if (!places.empty()) night.links.emplace_back("Folders", std::move(places));
  if (!request.run_summary.empty())
    night.links.push_back({"Run summary",
                           {{request.run_summary.filename().string(),
                             relative_address(request.run_summary, request.output_dir)}}});
  for (auto& [run, links] : of_run) night.run_links[run].assign(links.begin(), links.end());
}

std::vector<double> quotients(std::span<const double> numerators,
                              std::span<const double> denominators) {
  std::vector<double> values;
  for (std::size_t i = 0; i < std::min(numerators.size(), denominators.size()); ++i)
    values.push_back(denominators[i] > 0 ? numerators[i] / denominators[i] : std::nan(""));
  return values;
}

void read_bands(const fs::path& path, NightData& night) {
  const LongTermTable runs = read_long_term(path).runs;
  const auto seconds = runs.column("elapsed_time");
  const std::map<std::string, std::vector<double>> values{
      {"cosmics rate", quotients(runs.column("num_cosmics"), seconds)},
      {"pedestal rate", quotients(runs.column("num_pedestals"), seconds)},
      {"flat-field rate", quotients(runs.column("num_flatfield"), seconds)}};
  static const std::map<std::string, std::string> columns{
      {"pedestal charge, mean", "ped_charge_mean"},
      {"pedestal charge, spread", "ped_charge_stddev"},
      {"flat-field charge, mean", "ff_charge_mean"},
      {"flat-field charge, spread", "ff_charge_stddev"},
      {"flat-field time, spread", "ff_rel_time_stddev"},
      {"pedestal pulses above 10 p.e.", "ped_fraction_pulses_above10"},
      {"cosmics pulses above 10 p.e.", "cosmics_fraction_pulses_above10"},
      {"cosmics pulses above 30 p.e.", "cosmics_fraction_pulses_above30"},
      {"muon efficiency", "mu_effi_mean"}};
  const auto add = [&](const std::string& quantity, std::span<const double> of) {
    const TrendBand band = trend_band(of);
    if (band.n < 5) return;  // too few to tell what is usual
    night.bands.push_back({quantity, band.median, band.low, band.high, band.n});
  };
  for (const auto& [quantity, of] : values) add(quantity, of);
  for (const auto& [quantity, column] : columns) add(quantity, runs.column(column));
  night.bands_from = path.filename().string();
  if (night.bands.empty())
    night.notes.push_back(fmt::format("{} has too few runs to tell what is usual.", path.string()));
}

/// Read what the night is compared with.
void read_reference(stage::StageRun& run, const NightReportRequest& request, NightData& night) {
  std::vector<fs::path> checks, muons;
  for (const fs::path& path : request.reference_files) {
    if (is_long_term(path)) {
      run.use("long_term", path);
      read_bands(path, night);
    } else {
      (path.extension() == ".fits" ? muons : checks).push_back(path);
    }
  }
  std::array<check::ClassSum, check::n_classes> sums;
  Reference& reference = night.reference;
  for (const RunFiles& files : by_run(checks, muons)) {
    const RunData data = load_run(files);
    for (const std::string& problem : data.problems) {
      spdlog::warn("reference: {}", problem);
      night.notes.push_back("Of the reference, not read: " + problem);
    }
    use_files(run, files, data.read, {{"choice", "reference"}});
    for (std::size_t c = 0; c < check::n_classes; ++c)
      if (data.totals[c].num_events > 0) sums[c].add(data.totals[c]);
    for (const pipeline::MuonRing& ring : data.muons.rings)
      if (contained(ring)) reference.muon_efficiencies.push_back(ring.muon_efficiency);
    reference.summaries.insert(reference.summaries.end(), data.summaries.begin(),
                               data.summaries.end());
  }
  for (std::size_t c = 0; c < check::n_classes; ++c)
    if (!sums[c].empty()) reference.totals[c] = sums[c].finish();
  if (!reference.summaries.empty() || !reference.muon_efficiencies.empty())
    reference.name = request.reference_name.empty() ? "reference" : request.reference_name;
}

std::string footer_of(const ActivityNote& activity) {
  const BuildInfo& build = build_info();
  return fmt::format(
      "Made by Alisio {} (commit {}), activity {}, {}. Camera maps are seen as in the "
      "engineering camera frame.",
      build.version, build.commit, activity.activity_id, night::utc_now_text().substr(0, 19) + "Z");
}

void write_page(const fs::path& path, const std::string& html) {
  std::ofstream out(path, std::ios::binary);
  out << html;
  out.close();
  if (!out)
    throw Error(ErrorKind::resource, "cannot be written", path.string(),
                "check the space on the disk");
}

}  // namespace

std::string report_name(const NightReportRequest& request, const std::string& date) {
  if (request.run >= 0) return fmt::format("report_Run{}.html", run_text(request.run));
  return stage::night_product_name("night_report", request.telescope, date);
}

ActivityNote night_report_activity(const NightReportRequest& request,
                                   const pipeline::JobContext& context,
                                   const config::Configuration& configuration) {
  ActivityNote note = pipeline::activity_note(
      "night_report",
      {.telescope = request.telescope, .run = std::max(0, request.run), .subrun = -1}, context,
      configuration);
  note.parameters = {{"ObservationDate", context.date}, {"ProdID", context.prod_id}};
  if (request.run >= 0) note.parameters["ObservationRun"] = run_text(request.run);
  return note;
}

std::int64_t night_report(stage::StageRun& run, const NightReportRequest& request,
                          const config::Configuration& configuration,
                          const instrument::CameraGeometry& geometry,
                          std::vector<std::string>& unread) {
  const ActivityNote& activity = run.activity();
  const fs::path target = request.output_dir / report_name(request, activity.observation_date);
  fs::path printed = target;
  printed.replace_extension(".pdf");
  const std::vector<RunFiles> files = files_of(request);
  check_run(request, files);
  if (activity.dry_run) {
    for (const RunFiles& one : files) {
      std::vector<fs::path> all = one.datachecks;
      all.insert(all.end(), one.muons.begin(), one.muons.end());
      use_files(run, one, all, {});
    }
    if (!request.run_summary.empty()) run.use("run_summary", request.run_summary);
    if (!request.significance.empty()) run.use("significance", request.significance);
    run.plan_product("night_report", target);
    if (request.pdf) run.plan_product("night_report_pdf", printed);
    return 0;
  }
  const fs::path chromium = request.pdf ? find_chromium() : fs::path();

  NightData night;
  night.telescope = request.telescope;
  night.prod_id = activity.prod_id;
  night.title = request.run >= 0 ? fmt::format("Run {}", run_text(request.run))
                                 : fmt::format("Night {}", activity.observation_date);
  for (const RunFiles& one : files) {
    throw_if_interrupted();
    night.runs.push_back(load_run(one));
    for (const std::string& problem : night.runs.back().problems) spdlog::warn("{}", problem);
    check_night(activity.observation_date, one, night.runs.back());
  }
  read_run_summary(request, night);
  if (night.runs.empty() && night.listed.empty())
    throw Error(ErrorKind::missing_input,
                request.run >= 0 ? "there is no data check and no muon file of this run"
                                 : "there are no data checks and no muon files",
                request.folders.empty() ? std::string() : request.folders.front().string(),
                "run alisio check-dl1 on the DL1 files, or name the files by --input and --muons");
  read_jobs(request, activity.observation_date, activity.prod_id, night);
  // What the report tells beyond the content of its files: the state of the jobs.
  std::string state_text;
  if (night.jobs)
    for (const FailedJob& job : night.jobs->failed)
      state_text += job.stage + '\n' + job.name + '\n' + job.status + '\n' + job.reason + '\n';
  run.depend_on("failed jobs", hash_text(state_text));
  for (std::size_t i = 0; i < files.size(); ++i) use_files(run, files[i], night.runs[i].read, {});
  if (night.has_run_summary) run.use("run_summary", request.run_summary);
  read_sources(run, request, night);
  read_reference(run, request, night);
  add_links(request, files, night);

  const check::DataLimits limits = pipeline::data_limits(configuration);
  write_page(run.create("night_report", target).path(),
             night_page(night, limits, geometry, footer_of(activity)));
  std::int64_t events = 0;
  for (const RunData& one : night.runs) {
    unread.insert(unread.end(), one.problems.begin(), one.problems.end());
    for (const check::SubrunSummary& summary : one.summaries) events += summary.num_events;
  }
  const std::string quality = verdict(gates_of(night, files, limits));
  run.publish("night_report", {{"quality", quality}});
  spdlog::info("{}: {} run{}, quality {}", target.string(), night.runs.size(),
               night.runs.size() == 1 ? "" : "s", quality);
  if (request.pdf) {
    print_pdf(chromium, target, run.create("night_report_pdf", printed).path());
    run.publish("night_report_pdf");
  }
  return events;
}

}  // namespace alisio::report
