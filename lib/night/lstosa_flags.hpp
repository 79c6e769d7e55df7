#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "lib/night/completeness.hpp"
#include "lib/night/seal.hpp"

/// What LSTOSA's scripts look for: its flags, and links to the products in its working folder.
namespace alisio::night {

/// Return <osa>/Closer/<date>/<prod>/NightFinished.txt.
[[nodiscard]] std::filesystem::path night_finished_file(const ClosingPolicy& policy,
                                                        const NightKey& night);

/// Write the flags and links of a sealed night; what stands already is left. Files that others put
/// there are left too, and named in the result, one line each. @throws Error(resource).
[[nodiscard]] std::vector<std::string> write_lstosa_flags(const ClosingPolicy& policy,
                                                          const Seal& seal,
                                                          const std::filesystem::path& seal_file,
                                                          const std::string& seal_sha256);

/// Take away the flags of a night that write_lstosa_flags() wrote; the links stay.
/// @throws Error(resource).
void remove_lstosa_flags(const ClosingPolicy& policy, const NightKey& night);

/// Take the links to products away that are there no more. @throws Error(resource).
void remove_dead_links(const ClosingPolicy& policy, const NightKey& night);

}  // namespace alisio::night
