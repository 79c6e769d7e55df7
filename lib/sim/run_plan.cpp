#include "lib/sim/run_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "lib/base/error.hpp"

namespace alisio::sim {
namespace {

constexpr std::size_t few_events = 16;

void add_faults(const NightOptions& options, std::vector<RunPlan>& runs) {
  for (const RunFault& wanted : options.faults) {
    const auto run = std::find_if(runs.begin(), runs.end(),
                                  [&](const RunPlan& plan) { return plan.run == wanted.run; });
    const std::string text = fmt::format("{}={}", wanted.run, to_string(wanted.fault));
    if (run == runs.end())
      throw Error(ErrorKind::usage, fmt::format("the night has no run {}", wanted.run),
                  "--fault " + text,
                  fmt::format("runs are {} to {}", runs.front().run, runs.back().run));
    const bool fits = wanted.fault == Fault::lamp_off ? run->kind == RunKind::calibration
                      : wanted.fault == Fault::mistagged_pedestals ? run->kind == RunKind::data
                                                                   : true;
    if (!fits)
      throw Error(ErrorKind::usage,
                  fmt::format("run {} is of type {}", wanted.run, to_string(run->kind)),
                  "--fault " + text, "lamp-off needs a PEDCALIB run, mistagged-pedestals DATA");
    run->faults.insert(wanted.fault);
    if (wanted.fault == Fault::few_events)
      run->events_per_subrun = std::min(run->events_per_subrun, few_events);
  }
}

}  // namespace

const char* to_string(RunKind kind) noexcept {
  switch (kind) {
    case RunKind::drs4:
      return "DRS4";
    case RunKind::calibration:
      return "PEDCALIB";
    case RunKind::data:
      return "DATA";
  }
  return "";
}

std::int64_t utc_seconds(const NightDate& date, int hour, int minute) {
  using namespace std::chrono;
  const sys_days day = year{date.year} / month{static_cast<unsigned>(date.month)} /
                       std::chrono::day{static_cast<unsigned>(date.day)};
  return duration_cast<seconds>((day + hours{hour} + minutes{minute}).time_since_epoch()).count();
}

std::int64_t first_data_start(const NightOptions& options) {
  return utc_seconds(options.date, 22, 0);
}

std::vector<RunPlan> plan_runs(const NightOptions& options) {
  constexpr std::int64_t slot_s = 180;
  constexpr std::int64_t calibration_lead_s = 90;
  const auto calibration_events = static_cast<std::size_t>(options.calibration_events);
  const auto calibration_run = [&](int run, std::int64_t start) {
    return RunPlan{
        run, RunKind::calibration, start, 600, options.calibration_subruns, calibration_events, {}};
  };
  int run = options.first_run;
  std::vector<RunPlan> runs{
      {run++, RunKind::drs4, utc_seconds(options.date, 20, 30), 1000, 1, calibration_events, {}}};
  int calibrated = 0;
  for (int i = 0; i < options.data_runs; ++i) {
    const std::int64_t start = first_data_start(options) + i * slot_s;
    // The run of index k stands before the data run k * data_runs / calibration_runs.
    for (; calibrated < options.calibration_runs &&
           calibrated * options.data_runs / options.calibration_runs <= i;
         ++calibrated)
      runs.push_back(calibration_run(run++, i == 0
                                                ? utc_seconds(options.date, 20, 35 + 5 * calibrated)
                                                : start - calibration_lead_s));
    runs.push_back({run++,
                    RunKind::data,
                    start,
                    1500,
                    options.subruns,
                    static_cast<std::size_t>(options.events),
                    {}});
  }
  add_faults(options, runs);
  return runs;
}

}  // namespace alisio::sim
