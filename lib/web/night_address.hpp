#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "lib/night/state.hpp"

namespace alisio::web {

/// A state opened for one request, and the night that its address means.
struct AddressedNight {
  night::State state;
  night::NightKey key;
};

/// Open the state for looking. @throws Error(missing_input) if there is none.
[[nodiscard]] night::State open_state(const std::filesystem::path& folder);

/// Open the state and find a night. @throws Error(incomplete) if it is not there.
[[nodiscard]] AddressedNight open_night(const std::filesystem::path& folder,
                                        const std::string& date, const std::string& prod_id);

/// Take the path of an address apart behind a beginning: "/nights/a/b" behind "/nights/" is
/// {"a", "b"}.
[[nodiscard]] std::vector<std::string> path_parts(const std::string& path,
                                                  const std::string& beginning);

/// Return the job that parts of an address name: {"11220", "12"}, {"11220"}, {"0"} (of the night).
/// @throws Error(incomplete) if they are no such numbers.
[[nodiscard]] night::JobKey key_of_parts(const std::string& stage,
                                         const std::vector<std::string>& numbers);

}  // namespace alisio::web
