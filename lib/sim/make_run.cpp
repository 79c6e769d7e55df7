#include "lib/sim/make_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "lib/base/file.hpp"
#include "lib/sim/light.hpp"
#include "lib/sim/truth.hpp"
#include "lib/sky/time.hpp"

namespace alisio::sim {
namespace {

constexpr std::int64_t run_lead_ns = 3'000'000'000;  ///< from the start of a run to its triggers
constexpr std::int64_t dead_time_ns = 7000;          ///< of the read-out
constexpr std::int64_t pedestal_period_ns = 10'000'000;
constexpr int lost_stream = 3;

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
        if (plan.kind == RunKind::calibration)
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

/// When an event comes, what it is, and what its trigger bits say it is.
struct Moment {
  std::int64_t time_ns = 0;  ///< since the start of the run
  EventKind kind = EventKind::drs4;
  std::uint8_t trigger = 0;
};

/// Gives the moments of a run one after the other. A copy looks ahead.
class Schedule {
 public:
  Schedule(const CameraModel& camera, std::uint64_t seed, const RunPlan& plan)
      : plan_(plan),
        random_(seed, Purpose::run, static_cast<std::uint64_t>(plan.run)),
        tags_(seed, Purpose::tags, static_cast<std::uint64_t>(plan.run)),
        flat_(plan.events(), 0),
        cells_(camera.n_chips),
        time_ns_(run_lead_ns),
        next_pedestal_ns_(run_lead_ns + pedestal_period_ns) {
    if (plan.kind != RunKind::calibration) return;
    std::fill_n(flat_.begin(), flat_.size() / 2, std::uint8_t{1});
    for (std::size_t i = flat_.size(); i > 1; --i)
      std::swap(flat_[i - 1], flat_[random_.below(static_cast<std::uint32_t>(i))]);
  }

  /// Which events of a calibration run are flat fields.
  [[nodiscard]] const std::vector<std::uint8_t>& flat() const { return flat_; }
  /// First cells of the current event of a data run, [chip].
  [[nodiscard]] const std::vector<std::uint16_t>& cells() const { return cells_; }

  Moment next() {
    Moment moment;
    if (plan_.has(Fault::mistagged_pedestals)) {
      moment = next_with_regular_pedestals();
    } else {
      advance();
      const double choice = random_.uniform();
      moment.kind = EventKind::drs4;
      if (plan_.kind == RunKind::data)
        moment.kind = choose_kind(choice);
      else if (plan_.kind == RunKind::calibration)
        moment.kind =
            flat_[index_ % flat_.size()] != 0 ? EventKind::flat_field : EventKind::pedestal;
      moment.time_ns = time_ns_;
      moment.trigger = trigger_of(moment.kind);
    }
    if (plan_.kind == RunKind::data)
      for (std::uint16_t& cell : cells_)
        cell = static_cast<std::uint16_t>(random_.below(drs4::cells));
    ++index_;
    return moment;
  }

 private:
  void advance() {
    time_ns_ += static_cast<std::int64_t>(random_.exponential(1e9 / plan_.rate_hz)) + dead_time_ns;
  }

  Moment next_with_regular_pedestals() {
    constexpr double lost_tags = 0.8, false_tags = 0.02;
    constexpr double any_shower = 0.6;
    if (!shower_waits_) advance();
    Moment moment;
    if (time_ns_ + dead_time_ns >= next_pedestal_ns_) {
      moment.kind = EventKind::pedestal;
      moment.time_ns = next_pedestal_ns_;
      moment.trigger = tags_.uniform() < lost_tags ? trigger_bit::mono : trigger_bit::pedestal;
      next_pedestal_ns_ += pedestal_period_ns;
      time_ns_ = std::max(time_ns_, moment.time_ns + dead_time_ns);
      shower_waits_ = true;
      return moment;
    }
    shower_waits_ = false;
    moment.kind = choose_kind(random_.uniform());
    if (moment.kind == EventKind::pedestal) moment.kind = choose_kind(any_shower);
    moment.time_ns = time_ns_;
    moment.trigger = trigger_of(moment.kind);
    if (moment.kind != EventKind::flat_field && tags_.uniform() < false_tags)
      moment.trigger = trigger_bit::pedestal;
    return moment;
  }

  RunPlan plan_;
  Random random_, tags_;
  std::vector<std::uint8_t> flat_;
  std::vector<std::uint16_t> cells_;
  std::int64_t time_ns_, next_pedestal_ns_;
  std::size_t index_ = 0;
  bool shower_waits_ = false;  ///< a shower drawn before a pedestal comes after it
};

/// What the time stamper reports: after each event that it misses, what belongs to a later one.
class Stamper {
 public:
  Stamper(const Schedule& schedule, const RunPlan& plan) : jumps_(plan.has(Fault::ucts_jumps)) {
    if (!jumps_) return;
    Schedule ahead = schedule;
    n_ = plan.events();
    for (std::size_t i = 0; i < n_ + 2; ++i) moments_.push_back(ahead.next());
  }
  /// Return the stamp that event `i` gets; `own` is what it should get.
  [[nodiscard]] Moment stamp(std::size_t i, const Moment& own) const {
    if (!jumps_) return own;
    const std::size_t missed = (i >= n_ / 3 ? 1U : 0U) + (i >= 2 * n_ / 3 ? 1U : 0U);
    return moments_[i + missed];
  }

 private:
  bool jumps_;
  std::size_t n_ = 0;
  std::vector<Moment> moments_;
};

std::string truth_line(const RawEvent& event, std::size_t subrun, const Truth& t,
                       const sky::AltAz& pointing) {
  return fmt::format(
      "{},{},{},{},{},{:.6g},{:.6g},{:.7g},{:.7g},{:.6g},{:.6g},{:.6g},{:.6g},{:.7g},{:.7g},{:.5g},"
      "{:.5f},{:.5f}\n",
      event.id, subrun, event.trigger, event.time_ns, to_string(t.kind), t.energy_tev, t.size_pe,
      t.x, t.y, t.length, t.width, t.psi, t.gradient, t.source_x, t.source_y, t.impact_m,
      pointing.altitude * 180 / pi, pointing.azimuth * 180 / pi);
}

bool is_shower(std::uint8_t trigger) {
  return (trigger & (trigger_bit::calibration | trigger_bit::pedestal)) == 0;
}

text::RunSummaryRow summary_row(const RunPlan& plan, RawFormat format, const RawRun& raw,
                                std::int64_t first_event_ns) {
  text::RunSummaryRow row;
  row.run_id = plan.run;
  row.n_subruns = plan.subruns;
  row.run_type = to_string(plan.kind);
  row.data_format = event_class(format);
  row.evb_preprocessing = raw.preprocessing.actions(true);
  if (format == RawFormat::r1v1) {
    row.run_start = -1;
    row.dragon_reference_counter = ~std::uint64_t{0};
    row.dragon_reference_source = "None";
    return row;
  }
  row.run_start = raw.start_tai_ns;
  row.ucts_timestamp = row.dragon_reference_time = raw.start_tai_ns + first_event_ns;
  row.dragon_reference_module_id = row.dragon_reference_module_index = 0;
  row.dragon_reference_counter = static_cast<std::uint64_t>(first_event_ns / 100 * 100);
  row.dragon_reference_source = "ucts";
  return row;
}

std::vector<std::uint16_t> dead_pixels_of(const CameraModel& camera, const RunPlan& plan) {
  std::vector<std::uint16_t> dead;
  if (plan.has(Fault::dead_pixels))
    for (std::size_t p = 0; p < camera.n_pixels; ++p)
      if (p % 10 < 3) dead.push_back(static_cast<std::uint16_t>(p));
  if (plan.kind == RunKind::data || plan.has(Fault::dead_pixel)) dead.push_back(camera.dead_pixel);
  return dead;
}

}  // namespace

std::filesystem::path raw_file(const NightOptions& options, int stream, int run, int subrun) {
  return options.output / "R0" / options.date.compact() /
         fmt::format("LST-1.{}.Run{}.{}.fits.fz", stream, run_text(run), subrun_text(subrun));
}

RunMade make_run(const NightModel& night, const RunPlan& plan) {
  const NightOptions& options = night.options;
  const CameraModel& camera = night.camera;
  const auto run_number = static_cast<std::uint64_t>(plan.run);
  RawRun raw{plan.run, 1, plan.start_utc_s, sky::utc_to_tai_ns(plan.start_utc_s * 1'000'000'000)};
  if (plan.kind == RunKind::data)
    raw.preprocessing = options.preprocessing;
  else  // constants are always relative to what the event builder has subtracted
    raw.preprocessing.baseline = options.preprocessing.baseline;
  if (plan.has(Fault::missing_modules)) raw.missing_modules = {7, 100};
  const bool data = plan.kind == RunKind::data;
  const double sky_scale = data ? 1.0 : plan.kind == RunKind::drs4 ? 0.0 : calibration_night_sky;
  WaveformMaker maker(camera, night.tables, options.seed, run_number, sky_scale,
                      dead_pixels_of(camera, plan), raw.preprocessing);
  Random stream_random(options.seed, Purpose::streams, run_number);
  Schedule schedule(camera, options.seed, plan);
  const Stamper stamper(schedule, plan);
  std::vector<std::uint16_t> even_cells;
  if (!data) even_cells = even_first_cells(camera, options.seed, plan, schedule.flat());

  Light light;
  std::vector<std::uint16_t> waveform(drs4::gains * camera.n_pixels * camera.n_samples);
  std::vector<std::optional<StreamFile>> streams;
  const auto close_streams = [&] {
    for (std::optional<StreamFile>& stream : streams)
      if (stream) stream->close();
    streams.clear();
  };
  std::string truth = event_truth_header;
  std::int64_t first_ns = 0;
  RunMade made;
  for (std::size_t i = 0; i < plan.events(); ++i) {
    const std::size_t subrun = i / plan.events_per_subrun, in_subrun = i % plan.events_per_subrun;
    if (in_subrun == 0) {
      close_streams();
      for (int s = 1; s <= n_streams; ++s) {
        streams.emplace_back();
        if (s == lost_stream && plan.has(Fault::missing_stream)) continue;
        streams.back().emplace(raw_file(options, s, plan.run, static_cast<int>(subrun)),
                               options.format, camera, raw, plan.events_per_subrun);
      }
    }
    const Moment moment = schedule.next();
    if (i == 0) first_ns = moment.time_ns;
    const double utc_s =
        static_cast<double>(plan.start_utc_s) + static_cast<double>(moment.time_ns) * 1e-9;
    if (i == 0) made.time_min = utc_s;
    made.time_max = utc_s;

    const sky::AltAz pointing = night.track.pointing(utc_s);
    const double cos_zenith = std::floor(std::sin(pointing.altitude) * 1e6 + 0.5) * 1e-6;
    make_light(camera, moment.kind, night.track.source(utc_s), cos_zenith, options.seed, run_number,
               i + 1, light);
    if (plan.has(Fault::lamp_off)) {
      light.truth.size_pe = 0;
      std::fill(light.photoelectrons.begin(), light.photoelectrons.end(), 0.0F);
    }
    const std::span<const std::uint16_t> cells =
        data ? std::span(schedule.cells())
             : std::span(even_cells).subspan(i * camera.n_chips, camera.n_chips);
    maker.make(light, cells, clock_ticks(moment.time_ns), waveform);

    const Moment stamp = stamper.stamp(i, moment);
    const bool one_gain = raw.preprocessing.gain_selection && is_shower(moment.trigger);
    const RawEvent event{
        i + 1,          moment.time_ns,
        moment.trigger, waveform,
        cells,          stamp.time_ns,
        stamp.trigger,  one_gain ? maker.low_gain_chosen() : std::span<const std::uint8_t>()};
    // Event builders take turns; now and then one is busy and another steps in.
    std::size_t stream = i % n_streams;
    if (in_subrun >= 8 && stream_random.uniform() < 0.05) stream = stream_random.below(n_streams);
    if (streams[stream]) streams[stream]->write(event);
    truth += truth_line(event, subrun, light.truth, pointing);
    night.count_event();
  }
  close_streams();
  write_file_atomically(
      options.output / "truth" / fmt::format("truth_Run{}.csv", run_text(plan.run)), truth);
  made.summary = summary_row(plan, options.format, raw, first_ns);
  return made;
}

}  // namespace alisio::sim
