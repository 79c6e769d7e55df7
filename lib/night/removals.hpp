#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "lib/night/seal.hpp"
#include "prov/definition.hpp"
#include "prov/invalidation.hpp"

namespace alisio::night {

/// Tells which files of a sealed night were removed on purpose: the night's journal of notes says
/// so of the very content that was sealed. No seal vouches for that journal; it holds who removed
/// what and why.
class Removals {
 public:
  /// @param root of the tree that holds the journal; empty: where the night was sealed
  Removals(const Seal& seal, const std::filesystem::path& root,
           const prov::LoggerConfiguration& logger);

  /// Return "removed by crew, 2024-04-15T08:00:00: …" of a sealed file, or "" if nobody noted it.
  [[nodiscard]] std::string text(const SealedFile& file) const;

 private:
  std::filesystem::path sealed_root_;
  std::map<std::string, prov::Invalidation> invalidations_;  ///< by entity
};

}  // namespace alisio::night
