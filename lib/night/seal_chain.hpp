#pragma once
#include <filesystem>
#include <optional>

#include "lib/night/lock.hpp"
#include "lib/night/seal.hpp"

namespace alisio::night {

/// Take the right to add a seal to the chain of a telescope and production; wait for another that
/// seals. @throws Error(resource) after a minute.
[[nodiscard]] NightLock lock_chain(const std::filesystem::path& state_folder,
                                   const NightKey& night);

/// Return the end of the chain, as the state knows it and the folder of seals shows it; nothing if
/// there is no seal yet. A seal that was altered or taken away since is named as it was recorded.
[[nodiscard]] std::optional<SealReference> last_seal(State& state,
                                                     const std::filesystem::path& products,
                                                     const NightKey& night);

/// Return the last seal of this very night; nothing if there is none.
[[nodiscard]] std::optional<SealReference> last_seal_of(State& state,
                                                        const std::filesystem::path& products,
                                                        const NightKey& night);

/// Return the seal that an interrupted closing of this night put at the end of the chain, if it
/// vouches for the same files; nothing otherwise.
[[nodiscard]] std::optional<Seal> interrupted_seal(State& state,
                                                   const std::filesystem::path& products,
                                                   const Seal& wanted);

}  // namespace alisio::night
