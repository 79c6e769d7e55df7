#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

namespace alisio::night {

/// What this process may use of the machine that it runs on.
struct Machine {
  int processors = 1;
  std::uint64_t memory_bytes = 0;  ///< 0: not known
};

/// Return what the processor mask, the machine's memory and the limits of the control groups
/// (version 2: cpu.max, memory.max) that this process is in leave to it.
/// @param root folder that holds `proc` and `sys`, for tests
[[nodiscard]] Machine this_machine(const std::filesystem::path& root = "/");

/// Return how many threads ran or wanted to on average in the last minute; 0 if it is not known.
/// @param root as above
[[nodiscard]] double load_average(const std::filesystem::path& root = "/");

/// Return how much memory to expect of a stage, bytes: as configured, else 1.2 times the most that
/// earlier jobs took, else a default.
/// @param default_gb, configured_gb in units of 1e9 bytes
[[nodiscard]] std::function<std::uint64_t(const std::string& stage)> memory_expectation(
    double default_gb, std::map<std::string, double> configured_gb,
    std::map<std::string, std::uint64_t> earlier_bytes);

}  // namespace alisio::night
