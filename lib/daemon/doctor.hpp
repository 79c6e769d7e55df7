#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "lib/base/ids.hpp"
#include "lib/config/configuration.hpp"

/// Looks before the night for what would go wrong in it.
namespace alisio::daemon {

enum class Health { ok, warn, fail };
[[nodiscard]] const char* to_string(Health health);

/// What one look found.
struct Finding {
  std::string check;  ///< what was looked at, a few words
  Health health = Health::ok;
  std::string text;    ///< what was found, one line
  std::string remedy;  ///< what to mend; empty if it is ok
};

/// What the doctor asks of others; whatever is empty is left out.
struct DoctorServices {
  std::filesystem::path default_models;  ///< that serve when the configuration names none
  /// Read a set of models. @throws Error if it cannot be used.
  std::function<void(const std::filesystem::path&)> read_models = {};
  /// Read a token of the pages. @throws Error if it cannot be used.
  std::function<void(const std::filesystem::path&)> read_token = {};
};

/// Look at folders, disks, constants, models, run catalogue, clock, state and scheduler for a night
/// to come. Writes nothing but files that it removes at once.
[[nodiscard]] std::vector<Finding> examine(const config::Configuration& configuration,
                                           const DoctorServices& services, const NightDate& night);

/// Bytes that a night will need, from nights before it.
struct Forecast {
  double bytes_per_subrun = 0;  ///< of products
  int subruns = 0;              ///< of the largest night
  int nights = 0;               ///< that it is made from; 0: nothing is known
  [[nodiscard]] double bytes() const { return bytes_per_subrun * subruns; }
};
/// Forecast from the last ten nights in the state.
[[nodiscard]] Forecast forecast_of(const std::filesystem::path& state_folder);

}  // namespace alisio::daemon
