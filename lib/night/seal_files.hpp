#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "lib/night/plan.hpp"
#include "lib/night/seal.hpp"

namespace alisio::night {

/// What is to be sealed.
struct SealedFiles {
  std::vector<SealedFile> products, documents, used;
  std::vector<FileStamp> reread;        ///< files that hold something else than was remembered
  std::vector<std::string> not_sealed;  ///< recorded products that are not as recorded, and why
  std::vector<std::string> withdrawn;   ///< those that were cleaned or discarded, one line each
  /// Those that are made of what stands no more, by steps that are switched off; one line each.
  std::vector<std::string> not_current;
};

/// Gather the files that a seal of this night vouches for: every recorded product that stands as
/// recorded and is made of what stands, the provenance documents and journals, and what was used
/// and not made here.
/// @param settings tell which products may be absent
/// @param verify_content read every product; else those whose stamps are unchanged are trusted
[[nodiscard]] SealedFiles gather_sealed_files(const NightSetup& setup, const NightPlan& plan,
                                              StateSnapshot& snapshot, const FileAccess& access,
                                              const std::filesystem::path& products,
                                              const PlanSettings& settings, bool verify_content);

/// Return the folder of the journals that tell of a night's closing: they are written after the
/// seal, which cannot name them.
[[nodiscard]] std::filesystem::path closing_journal(const NightFolders& folders);

/// Return a path below a root if it lies there, else the path itself.
[[nodiscard]] std::string below_root(const std::filesystem::path& path,
                                     const std::filesystem::path& root);

}  // namespace alisio::night
