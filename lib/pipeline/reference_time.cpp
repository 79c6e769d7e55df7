#include "lib/pipeline/reference_time.hpp"

#include "lib/base/log.hpp"
#include "lib/io/text/row_part.hpp"

namespace alisio::pipeline {

std::optional<calib::ReferenceTime> use_reference_time(stage::StageRun& run,
                                                       const std::filesystem::path& run_summary,
                                                       int run_number) {
  constexpr const char* port = "run_summary";
  if (run_summary.empty()) return std::nullopt;
  std::error_code unreadable;
  if (run.activity().dry_run && !std::filesystem::exists(run_summary, unreadable)) {
    run.use(port, run_summary);
    return std::nullopt;
  }
  const std::vector<text::RunSummaryRow> rows = text::read_run_summary(run_summary);
  run.use(port, run_summary, {{"part", text::row_part(rows, run_number)}});
  const auto row = text::find_run(rows, run_number);
  if (!row) {
    spdlog::warn("{}: run {} is not listed; times count from the run's first event",
                 run_summary.string(), run_number);
    return std::nullopt;
  }
  if (row->dragon_reference_module_index < 0 || row->dragon_reference_time < 0) return std::nullopt;
  return calib::ReferenceTime{static_cast<std::uint64_t>(row->dragon_reference_time),
                              row->dragon_reference_counter,
                              static_cast<std::size_t>(row->dragon_reference_module_index)};
}

}  // namespace alisio::pipeline
