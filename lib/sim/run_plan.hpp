#pragma once
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "lib/sim/options.hpp"

namespace alisio::sim {

enum class RunKind { drs4, calibration, data };

/// Return the type as run summaries name it: "DRS4", "PEDCALIB", "DATA".
[[nodiscard]] const char* to_string(RunKind kind) noexcept;

/// One run of a synthetic night.
struct RunPlan {
  int run = 0;
  RunKind kind = RunKind::data;
  std::int64_t start_utc_s = 0;  ///< unix
  double rate_hz = 0;
  int subruns = 1;
  std::size_t events_per_subrun = 0;
  std::set<Fault> faults;

  [[nodiscard]] std::size_t events() const {
    return events_per_subrun * static_cast<std::size_t>(subruns);
  }
  [[nodiscard]] bool has(Fault fault) const { return faults.contains(fault); }
};

/// Return the instant of the evening of a date, unix UTC s.
[[nodiscard]] std::int64_t utc_seconds(const NightDate& date, int hour, int minute);

/// Return the runs in order of time: DRS4, calibration, data, further calibration runs among the
/// data. @throws Error(usage) if a fault names no run or makes no sense for its run.
[[nodiscard]] std::vector<RunPlan> plan_runs(const NightOptions& options);

/// Return when the first data run starts, unix UTC s; the telescope's track is reckoned from it.
[[nodiscard]] std::int64_t first_data_start(const NightOptions& options);

}  // namespace alisio::sim
