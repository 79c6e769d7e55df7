#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lib/night/state.hpp"

namespace alisio::night {

/// A file that a job of a night is recorded to have made.
struct RecordedProduct {
  JobKey made_by;
  std::string port;
  std::filesystem::path path;
  std::uint64_t size_bytes = 0;  ///< as recorded; 0: not known
};

/// Return what the jobs of a stage of a night made, as the state has it, by run and subrun; nothing
/// is looked at on disk.
[[nodiscard]] std::vector<RecordedProduct> recorded_products(State& state, const NightKey& night,
                                                             const std::string& stage);

/// Bytes and files that the jobs of one stage made.
struct StageBytes {
  std::string stage;
  std::int64_t files = 0;
  std::uint64_t bytes = 0;
};

/// Return how much the stages of a night made, by name.
[[nodiscard]] std::vector<StageBytes> recorded_bytes(State& state, const NightKey& night);

}  // namespace alisio::night
