#include "lib/base/timings.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace alisio {

void Timings::add(std::string_view part, std::chrono::steady_clock::duration time) {
  const std::scoped_lock lock(mutex_);
  auto at = std::find_if(parts_.begin(), parts_.end(),
                         [&](const Part& known) { return known.name == part; });
  if (at == parts_.end()) at = parts_.insert(at, Part{std::string(part)});
  ++at->calls;
  at->seconds += std::chrono::duration<double>(time).count();
}

std::vector<Timings::Part> Timings::parts() const {
  const std::scoped_lock lock(mutex_);
  return parts_;
}

std::string timings_table(const std::vector<Timings::Part>& parts, double wall_s,
                          std::int64_t events) {
  std::size_t width = 20;
  for (const Timings::Part& part : parts) width = std::max(width, part.name.size());
  std::string table = fmt::format("{:<{}}{:>12}{:>9}{:>12}{:>10}\n", "part", width, "seconds",
                                  "share", "us/event", "calls");
  const auto row = [&](const std::string& name, double seconds, const std::string& calls) {
    table += fmt::format("{:<{}}{:>12.3f}{:>8.1f}%{:>12}{:>10}\n", name, width, seconds,
                         wall_s > 0 ? 100 * seconds / wall_s : 0.0,
                         events > 0 ? fmt::format("{:.1f}", 1e6 * seconds / double(events)) : "-",
                         calls);
  };
  for (const Timings::Part& part : parts) row(part.name, part.seconds, std::to_string(part.calls));
  row("wall-clock", wall_s, "");
  return table;
}

}  // namespace alisio
