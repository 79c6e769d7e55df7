#include "lib/sim/night.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <iterator>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <vector>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"
#include "lib/io/text/run_summary.hpp"
#include "lib/sim/constants.hpp"
#include "lib/sim/light.hpp"
#include "lib/sim/track.hpp"
#include "lib/sim/waveforms.hpp"
#include "lib/sky/time.hpp"

namespace alisio::sim {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Raised when the same parameters give another night.
constexpr int generator_version = 1;
constexpr int n_streams = 4;
constexpr int first_run = 11218;
constexpr double calibration_night_sky = 0.5;  ///< darker patch of sky than the data's
constexpr const char* marker_name = "simulation.json";
constexpr const char* started_name = ".simulation-in-progress.json";

enum class RunMode { drs4, calibration, data };

struct RunPlan {
  int run = 0;
  RunMode mode = RunMode::data;
  std::int64_t start_utc_s = 0;
  double rate_hz = 0;
  int subruns = 1;
  std::size_t events_per_subrun = 0;
  [[nodiscard]] std::size_t events() const {
    return events_per_subrun * static_cast<std::size_t>(subruns);
  }
};

std::int64_t utc_seconds(const NightDate& date, int hour, int minute) {
  using namespace std::chrono;
  const sys_days day = year{date.year} / month{static_cast<unsigned>(date.month)} /
                       std::chrono::day{static_cast<unsigned>(date.day)};
  return duration_cast<seconds>((day + hours{hour} + minutes{minute}).time_since_epoch()).count();
}

std::vector<RunPlan> plan_runs(const NightOptions& options) {
  constexpr std::int64_t seconds_between_data_runs = 180;
  const auto calibration_events = static_cast<std::size_t>(options.calibration_events);
  std::vector<RunPlan> runs{
      {first_run, RunMode::drs4, utc_seconds(options.date, 20, 30), 1000, 1, calibration_events},
      {first_run + 1, RunMode::calibration, utc_seconds(options.date, 20, 35), 600, 1,
       calibration_events}};
  for (int i = 0; i < options.data_runs; ++i)
    runs.push_back({first_run + 2 + i, RunMode::data,
                    utc_seconds(options.date, 22, 0) + i * seconds_between_data_runs, 1500,
                    options.subruns, static_cast<std::size_t>(options.events)});
  return runs;
}

/// First cells of a calibration run: every chip goes evenly round its ring, in random order, so
/// that short runs reach all cells. Flat fields and pedestals each do; flat fields also fill all
/// parts of the 1024 cells of a channel.
std::vector<std::uint16_t> even_first_cells(const CameraModel& camera, std::uint64_t seed,
                                            const RunPlan& plan,
                                            const std::vector<std::uint8_t>& flat) {
  const std::size_t n = plan.events();
  std::vector<std::uint16_t> cells(n * camera.n_chips);
  std::vector<std::uint16_t> turn;
  for (std::size_t chip = 0; chip < camera.n_chips; ++chip) {
    Random random(seed, Purpose::cells, static_cast<std::uint64_t>(plan.run), chip);
    const double offset = random.uniform(0, drs4::cells);
    for (const std::uint8_t kind : {1, 0}) {
      const auto m = static_cast<std::size_t>(std::count(flat.begin(), flat.end(), kind));
      turn.clear();
      for (std::size_t i = 0; i < m; ++i) {
        double place = static_cast<double>(i) * drs4::cells / static_cast<double>(m) + offset;
        if (plan.mode == RunMode::calibration)
          place += static_cast<double>(drs4::channel_cells) / static_cast<double>(m) *
                   static_cast<double>(i * 4 / m);
        turn.push_back(static_cast<std::uint16_t>(static_cast<std::size_t>(place) % drs4::cells));
      }
      for (std::size_t i = m; i > 1; --i)
        std::swap(turn[i - 1], turn[random.below(static_cast<std::uint32_t>(i))]);
      std::size_t next = 0;
      for (std::size_t i = 0; i < n; ++i)
        if (flat[i] == kind) cells[i * camera.n_chips + chip] = turn[next++];
    }
  }
  return cells;
}

std::string truth_line(const RawEvent& event, std::size_t subrun, const Truth& t,
                       const sky::AltAz& pointing) {
  return fmt::format(
      "{},{},{},{},{},{:.6g},{:.6g},{:.7g},{:.7g},{:.6g},{:.6g},{:.6g},{:.6g},{:.7g},{:.7g},{:.5g},"
      "{:.5f},{:.5f}\n",
      event.id, subrun, event.trigger, event.time_ns, to_string(t.kind), t.energy_tev, t.size_pe,
      t.x, t.y, t.length, t.width, t.psi, t.gradient, t.source_x, t.source_y, t.impact_m,
      pointing.altitude * 180 / pi, pointing.azimuth * 180 / pi);
}

constexpr const char* truth_header =
    "event_id,subrun,trigger,t_ns,kind,energy_tev,size_pe,x,y,length,width,psi,gradient,source_x,"
    "source_y,impact_m,alt_deg,az_deg\n";

/// Everything that the runs of a night share; not changed while they are made.
struct Shared {
  const NightOptions& options;
  CameraModel camera;
  PulseTables tables;
  Track track;
  std::function<void()> count_event;
};

fs::path raw_file(const NightOptions& options, int stream, int run, int subrun) {
  return options.output / "R0" / options.date.compact() /
         fmt::format("LST-1.{}.Run{}.{}.fits.fz", stream, run_text(run), subrun_text(subrun));
}

text::RunSummaryRow summary_row(const RunPlan& plan, RawFormat format, std::int64_t start_tai_ns,
                                std::int64_t first_event_ns) {
  text::RunSummaryRow row;
  row.run_id = plan.run;
  row.n_subruns = plan.subruns;
  row.run_type = plan.mode == RunMode::drs4          ? "DRS4"
                 : plan.mode == RunMode::calibration ? "PEDCALIB"
                                                     : "DATA";
  row.data_format = event_class(format);
  if (format == RawFormat::r1v1) {
    row.run_start = -1;
    row.dragon_reference_counter = ~std::uint64_t{0};
    row.dragon_reference_source = "None";
    return row;
  }
  row.run_start = start_tai_ns;
  row.ucts_timestamp = row.dragon_reference_time = start_tai_ns + first_event_ns;
  row.dragon_reference_module_id = row.dragon_reference_module_index = 0;
  row.dragon_reference_counter = static_cast<std::uint64_t>(first_event_ns / 100 * 100);
  row.dragon_reference_source = "ucts";
  return row;
}

/// What becomes known of a run while it is made.
struct RunMade {
  text::RunSummaryRow summary;
  double time_min = 0, time_max = 0;  ///< unix UTC s
};

RunMade make_run(const Shared& shared, const RunPlan& plan) {
  const NightOptions& options = shared.options;
  const CameraModel& camera = shared.camera;
  const auto run_number = static_cast<std::uint64_t>(plan.run);
  const RawRun raw{plan.run, 1, plan.start_utc_s,
                   sky::utc_to_tai_ns(plan.start_utc_s * 1'000'000'000)};
  const bool data = plan.mode == RunMode::data;
  const double sky_scale = data ? 1.0 : plan.mode == RunMode::drs4 ? 0.0 : calibration_night_sky;
  WaveformMaker maker(camera, shared.tables, options.seed, run_number, sky_scale, data);
  Random run_random(options.seed, Purpose::run, run_number);
  Random stream_random(options.seed, Purpose::streams, run_number);

  std::vector<std::uint8_t> flat(plan.events(), 0);
  std::vector<std::uint16_t> even_cells;
  if (plan.mode == RunMode::calibration) {
    std::fill_n(flat.begin(), flat.size() / 2, std::uint8_t{1});
    for (std::size_t i = flat.size(); i > 1; --i)
      std::swap(flat[i - 1], flat[run_random.below(static_cast<std::uint32_t>(i))]);
  }
  if (!data) even_cells = even_first_cells(camera, options.seed, plan, flat);

  Light light;
  std::vector<std::uint16_t> cells(camera.n_chips);
  std::vector<std::uint16_t> waveform(drs4::gains * camera.n_pixels * camera.n_samples);
  std::vector<StreamFile> streams;
  std::string truth = truth_header;
  std::int64_t time_ns = 3'000'000'000, first_ns = 0;
  RunMade made;
  for (std::size_t i = 0; i < plan.events(); ++i) {
    const std::size_t subrun = i / plan.events_per_subrun, in_subrun = i % plan.events_per_subrun;
    if (in_subrun == 0) {
      for (StreamFile& stream : streams) stream.close();
      streams.clear();
      for (int s = 1; s <= n_streams; ++s)
        streams.emplace_back(raw_file(options, s, plan.run, static_cast<int>(subrun)),
                             options.format, camera, raw, plan.events_per_subrun);
    }
    // Dead time of the read-out is 7 us.
    time_ns += static_cast<std::int64_t>(run_random.exponential(1e9 / plan.rate_hz)) + 7000;
    if (i == 0) first_ns = time_ns;
    const double utc_s =
        static_cast<double>(plan.start_utc_s) + static_cast<double>(time_ns) * 1e-9;
    if (i == 0) made.time_min = utc_s;
    made.time_max = utc_s;

    const double choice = run_random.uniform();
    EventKind kind = EventKind::drs4;
    if (data)
      kind = choose_kind(choice);
    else if (plan.mode == RunMode::calibration)
      kind = flat[i] != 0 ? EventKind::flat_field : EventKind::pedestal;
    const sky::AltAz pointing = shared.track.pointing(utc_s);
    const double cos_zenith = std::floor(std::sin(pointing.altitude) * 1e6 + 0.5) * 1e-6;
    make_light(camera, kind, shared.track.source(utc_s), cos_zenith, options.seed, run_number,
               i + 1, light);
    if (data)
      for (std::uint16_t& cell : cells)
        cell = static_cast<std::uint16_t>(run_random.below(drs4::cells));
    else
      std::copy_n(&even_cells[i * camera.n_chips], camera.n_chips, cells.begin());
    maker.make(light, cells, clock_ticks(time_ns), waveform);

    const RawEvent event{i + 1, time_ns, trigger_of(kind), waveform, cells};
    // Event builders take turns; now and then one is busy and another steps in.
    std::size_t stream = i % n_streams;
    if (in_subrun >= 8 && stream_random.uniform() < 0.05) stream = stream_random.below(n_streams);
    streams[stream].write(event);
    truth += truth_line(event, subrun, light.truth, pointing);
    shared.count_event();
  }
  for (StreamFile& stream : streams) stream.close();
  write_file_atomically(
      options.output / "truth" / fmt::format("truth_Run{}.csv", run_text(plan.run)), truth);
  made.summary = summary_row(plan, options.format, raw.start_tai_ns, first_ns);
  return made;
}

json parameters_of(const NightOptions& options) {
  return {{"generator", generator_version},
          {"date", options.date.compact()},
          {"seed", options.seed},
          {"runs", options.data_runs},
          {"subruns", options.subruns},
          {"events", options.events},
          {"calibration_events", options.calibration_events},
          {"format", to_string(options.format)}};
}

void check_range(const char* option, long value, long low, long high) {
  if (value < low || value > high)
    throw Error(ErrorKind::usage, fmt::format("{} is not between {} and {}", value, low, high),
                option);
}

std::optional<json> read_json(const fs::path& file) {
  if (!fs::exists(file)) return std::nullopt;
  json content = json::parse(read_text_file(file), nullptr, false);
  return content.is_object() ? std::optional(content) : std::optional(json::object());
}

/// Return how many files of a finished night are missing or not as recorded.
std::size_t count_damaged(const fs::path& folder, const json& marker) {
  std::size_t damaged = 0;
  for (const auto& [name, hash] : marker.at("files").items())
    if (!fs::exists(folder / name) || hash_file(folder / name) != hash.get<std::string>())
      ++damaged;
  return damaged;
}

/// Refuse to write where something else lies; return the result if the night is there already, and
/// count what is damaged.
std::optional<NightResult> look_at_output(const NightOptions& options, const json& parameters,
                                          std::size_t& damaged) {
  const fs::path marker_file = options.output / marker_name;
  const auto marker = read_json(marker_file);
  if (marker) {
    if (!marker->contains("files") || marker->value("parameters", json()) != parameters)
      throw Error(ErrorKind::usage,
                  marker->contains("parameters")
                      ? "another night is there, made with " + (*marker)["parameters"].dump()
                      : "the record of the night that is there cannot be read",
                  marker_file.string(), "choose another --output, or remove that folder");
    damaged = count_damaged(options.output, *marker);
    if (damaged == 0) {
      NightResult result;
      result.already_there = true;
      result.files = (*marker)["files"].size();
      return result;
    }
    return std::nullopt;
  }
  const auto started = read_json(options.output / started_name);
  if (started && *started == parameters) return std::nullopt;
  for (const fs::path& part :
       {fs::path("R0"), fs::path("monitoring"), fs::path("truth"), fs::path("alisio.yaml")})
    if (fs::exists(options.output / part))
      throw Error(ErrorKind::usage, "the folder holds data that this simulation did not make",
                  (options.output / part).string(), "choose another --output");
  return std::nullopt;
}

fs::path constants_folder(const NightOptions& options, const char* kind) {
  return options.output / "monitoring" / "PixelCalibration" / "Cat-A" / kind /
         options.date.compact() / "pro";
}

/// Make all runs, each by one thread; the first failure stops the rest.
std::vector<RunMade> make_runs(const Shared& shared, const std::vector<RunPlan>& runs,
                               std::size_t n_threads) {
  std::vector<RunMade> made(runs.size());
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    for (std::size_t i = next++; i < runs.size(); i = next++) {
      try {
        made[i] = make_run(shared, runs[i]);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        next = runs.size();
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < std::min(n_threads, runs.size()); ++i) threads.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
  return made;
}

}  // namespace

std::string configuration_text(const NightDate& date) {
  return fmt::format(
      "# A simulated night. Process it with: alisio night {} --config <this file>\n"
      "# Relative paths start in the folder of this file.\n"
      "telescope: 1\n"
      "paths:\n"
      "  r0: R0\n"
      "  run_summary: monitoring/RunSummary\n"
      "  drive: monitoring/DrivePositioning\n"
      "  calibration: monitoring/PixelCalibration\n"
      "  products: .\n"
      "  state: state\n"
      "dl2:\n"
      "  models: \"\"  # the small set that ships\n"
      "# The small set was trained at one pointing: there is nothing to interpolate between.\n"
      "random_forest_zd_interpolation:\n"
      "  interpolate_energy: false\n"
      "  interpolate_direction: false\n"
      "  interpolate_gammaness: false\n",
      date.compact());
}

NightResult simulate_night(const NightOptions& options, const fs::path& cfg_folder,
                           const Progress& progress) {
  if (options.output.empty())
    throw Error(ErrorKind::usage, "the output folder is missing", "--output");
  check_range("--runs", options.data_runs, 1, 100);
  check_range("--subruns", options.subruns, 1, 1000);
  check_range("--events", options.events, 2 * n_streams, 100'000);
  check_range("calibration events", options.calibration_events, 2 * n_streams, 100'000);
  check_range("--runs times --subruns times --events",
              static_cast<long>(options.data_runs) * options.subruns * options.events, 1,
              10'000'000);
  const json parameters = parameters_of(options);
  NightResult result;
  if (auto there = look_at_output(options, parameters, result.remade_because_damaged))
    return *there;

  const std::vector<RunPlan> runs = plan_runs(options);
  for (const RunPlan& run : runs) result.events += run.events();
  std::mutex progress_mutex;
  std::size_t done = 0;
  CameraModel camera = make_camera(cfg_folder, options.seed);
  PulseTables tables = make_pulse_tables(camera);
  const Track track(camera.telescope, runs[2].start_utc_s);
  const Shared shared{options, std::move(camera), std::move(tables), track, [&] {
                        const std::lock_guard lock(progress_mutex);
                        ++done;
                        if (progress) progress(done, result.events);
                      }};
  write_file_atomically(options.output / started_name, parameters.dump(2) + "\n");

  const std::size_t processors = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t n_threads = options.threads > 0 ? static_cast<std::size_t>(options.threads)
                                                    : std::min<std::size_t>(processors, 8);
  const std::vector<RunMade> made = make_runs(shared, runs, n_threads);

  const std::string date = options.date.compact();
  const fs::path monitoring = options.output / "monitoring";
  std::vector<text::RunSummaryRow> rows;
  for (const RunMade& run : made) rows.push_back(run.summary);
  write_file_atomically(monitoring / "RunSummary" / ("RunSummary_" + date + ".ecsv"),
                        text::run_summary_text(rows, options.date.iso()));
  const std::int64_t from = utc_seconds(options.date, 20, 20);
  const std::int64_t to = static_cast<std::int64_t>(made.back().time_max) + 600;
  const fs::path drive = monitoring / "DrivePositioning";
  write_file_atomically(drive / ("DrivePosition_log_" + date + ".txt"),
                        drive_position_log(track, from, to));
  write_file_atomically(drive / ("BendingModelCorrection_log_" + date + ".txt"),
                        bending_log(from, to));
  write_file_atomically(drive / ("Target_log_" + date + ".txt"), target_log(track, from, to));

  ConstantsOrigin origin;
  origin.description = json{{"simulated", true}, {"parameters", parameters}}.dump();
  origin.n_drs4_events = runs[0].events();
  origin.n_flat_fields = runs[1].events() / 2;
  origin.n_pedestals = runs[1].events() - origin.n_flat_fields;
  origin.time_min = made[1].time_min;
  origin.time_max = made[1].time_max;
  origin.night_sky_scale = calibration_night_sky;
  const std::string drs4_run = run_text(first_run), calibration_run = run_text(first_run + 1);
  write_drs4_pedestal(
      shared.camera, origin,
      constants_folder(options, "drs4_baseline") / ("drs4_pedestal.Run" + drs4_run + ".0000.h5"));
  write_charge_calibration(shared.camera, shared.tables, origin,
                           constants_folder(options, "calibration") /
                               ("calibration_filters_52.Run" + calibration_run + ".0000.h5"));
  write_time_calibration(shared.camera, origin,
                         constants_folder(options, "drs4_time_sampling_from_FF") /
                             ("time_calibration.Run" + calibration_run + ".0000.h5"));
  write_file_atomically(options.output / "alisio.yaml", configuration_text(options.date));

  json files = json::object();
  for (const char* part : {"R0", "monitoring", "truth", "alisio.yaml"}) {
    const fs::path root = options.output / part;
    if (fs::is_regular_file(root)) files[part] = hash_file(root);
    if (!fs::is_directory(root)) continue;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root))
      if (entry.is_regular_file() && entry.path().filename().string().front() != '.')
        files[fs::relative(entry.path(), options.output).generic_string()] =
            hash_file(entry.path());
  }
  result.files = files.size();
  write_file_atomically(options.output / marker_name,
                        json{{"parameters", parameters}, {"files", files}}.dump(2) + "\n");
  fs::remove(options.output / started_name);
  return result;
}

}  // namespace alisio::sim
