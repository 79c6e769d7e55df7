#pragma once
#include <filesystem>
#include <optional>

#include "lib/night/state.hpp"

/// A state that was lost, or went back to an earlier copy, must not have what it forgot made again
/// over what stands.
namespace alisio::night {

/// Return a seal of a night that the state knows nothing of; nothing if there is none. That of a
/// closing under way is no such seal.
[[nodiscard]] std::optional<std::filesystem::path> forgotten_seal(
    State& state, const NightKey& night, const std::filesystem::path& products);

/// Refuse to work on a night with such a seal. @throws Error(resource)
void refuse_forgotten_seal(State& state, const NightKey& night,
                           const std::filesystem::path& products);

/// Return a file that tells of work on a night which the state knows nothing of: a seal, or a
/// journal of a night without any record; nothing if there is none.
[[nodiscard]] std::optional<std::filesystem::path> forgotten_work(
    State& state, const NightKey& night, const std::filesystem::path& products);

}  // namespace alisio::night
