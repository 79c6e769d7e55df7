#include "lib/night/machine.hpp"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <sstream>

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

constexpr double gigabyte = 1e9;
/// Room beyond what earlier jobs of a stage took.
constexpr double margin = 1.2;

int processors_in_mask() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (::sched_getaffinity(0, sizeof mask, &mask) != 0) return 1;
  return std::max(1, CPU_COUNT(&mask));
}

std::uint64_t machine_memory(const fs::path& root) {
  std::ifstream in(root / "proc/meminfo");
  std::string word;
  while (in >> word)
    if (std::uint64_t kilobytes = 0; word == "MemTotal:" && in >> kilobytes)
      return kilobytes * 1024;
  return 0;
}

/// Return the path of this process's control group of version 2: the line "0::/path".
fs::path control_group(const fs::path& root) {
  std::ifstream in(root / "proc/self/cgroup");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("0::/")) return fs::path(line.substr(4));
  return {};
}

/// Return the processors' worth of time that "cpu.max" allows: "<quota> <period>" or "max
/// <period>".
std::optional<double> processor_limit(const fs::path& group) {
  std::ifstream in(group / "cpu.max");
  double quota = 0, period = 0;
  if (!(in >> quota >> period) || period <= 0) return std::nullopt;
  return quota / period;
}

std::optional<std::uint64_t> memory_limit(const fs::path& group) {
  std::ifstream in(group / "memory.max");
  std::uint64_t bytes = 0;
  if (!(in >> bytes)) return std::nullopt;
  return bytes;
}

}  // namespace

double load_average(const fs::path& root) {
  std::ifstream in(root / "proc/loadavg");
  double threads = 0;
  return in >> threads ? threads : 0;
}

Machine this_machine(const fs::path& root) {
  Machine machine{.processors = processors_in_mask(), .memory_bytes = machine_memory(root)};
  const fs::path mount = root / "sys/fs/cgroup";
  // A limit of a group holds for all groups below it.
  fs::path group = control_group(root);
  for (bool top = false; !top; group = group.parent_path()) {
    top = group.empty();
    const fs::path folder = mount / group;
    if (const auto limit = processor_limit(folder))
      machine.processors =
          std::min(machine.processors, std::max(1, static_cast<int>(std::floor(*limit))));
    if (const auto limit = memory_limit(folder))
      machine.memory_bytes =
          machine.memory_bytes == 0 ? *limit : std::min(machine.memory_bytes, *limit);
  }
  return machine;
}

std::function<std::uint64_t(const std::string& stage)> memory_expectation(
    double default_gb, std::map<std::string, double> configured_gb,
    std::map<std::string, std::uint64_t> earlier_bytes) {
  return [default_gb, configured = std::move(configured_gb),
          earlier = std::move(earlier_bytes)](const std::string& stage) {
    if (const auto known = configured.find(stage); known != configured.end())
      return static_cast<std::uint64_t>(known->second * gigabyte);
    if (const auto known = earlier.find(stage); known != earlier.end())
      return static_cast<std::uint64_t>(static_cast<double>(known->second) * margin);
    return static_cast<std::uint64_t>(default_gb * gigabyte);
  };
}

}  // namespace alisio::night
