#include "lib/pipeline/reference_time.hpp"

#include "lib/base/log.hpp"
#include "lib/io/text/run_summary.hpp"

namespace alisio::pipeline {

std::optional<calib::ReferenceTime> reference_time(const std::filesystem::path& run_summary,
                                                   int run) {
  if (run_summary.empty()) return std::nullopt;
  const auto row = text::find_run(text::read_run_summary(run_summary), run);
  if (!row) {
    spdlog::warn("{}: run {} is not listed; times count from the run's first event",
                 run_summary.string(), run);
    return std::nullopt;
  }
  if (row->dragon_reference_module_index < 0 || row->dragon_reference_time < 0) return std::nullopt;
  return calib::ReferenceTime{static_cast<std::uint64_t>(row->dragon_reference_time),
                              row->dragon_reference_counter,
                              static_cast<std::size_t>(row->dragon_reference_module_index)};
}

}  // namespace alisio::pipeline
