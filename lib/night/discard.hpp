#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "lib/night/decision.hpp"
#include "lib/night/state.hpp"

namespace alisio::night {

/// A file that was made, and stands no more for what it was.
struct Invalidation {
  std::filesystem::path file;       ///< as it was recorded
  std::string sha256;               ///< of its content
  std::filesystem::path kept_as;    ///< where the content is now; empty: it was removed
  std::filesystem::path data_root;  ///< of the tree of products
  std::filesystem::path log;        ///< folder of the night's records
  std::string reason, author;
  std::string at;                  ///< ISO, UTC
  std::string action = "discard";  ///< which did it
  bool taken_back = false;         ///< it stands again for what it was
};
/// Records an invalidation in provenance. To be told the same twice must do no harm.
using InvalidationRecorder = std::function<void(const Invalidation&)>;

/// Set aside what was made of the discarded subruns of a night: renamed beside its place, so that
/// no reader takes it, and never removed. Products that belong to all productions stay. What is in
/// the making is left to whoever makes it. To be called again does no harm.
/// @param products root of the tree
/// @returns the new names. @throws Error(resource) if a file cannot be renamed, Error(usage) if the
///          state records files of another tree, as a copied state does: they are not touched.
std::vector<std::filesystem::path> set_aside_discarded(State& state, const NightKey& night,
                                                       const std::filesystem::path& products,
                                                       const InvalidationRecorder& record);

/// Give what was set aside for a decision its names back, where nothing new has them.
/// @param products root of the tree
/// @param discard the decision as it stood
/// @param reason, author of taking it back
/// @returns the names. @throws as set_aside_discarded().
std::vector<std::filesystem::path> bring_back(State& state, const NightKey& night,
                                              const std::filesystem::path& products,
                                              const Decision& discard, const std::string& reason,
                                              const std::string& author,
                                              const InvalidationRecorder& record);

}  // namespace alisio::night
