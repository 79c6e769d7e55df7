#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "reco/forest/forest.hpp"

namespace alisio::forest {

/// A file that took part in making the models, kept so that the lineage of a DL2 file ends in the
/// training production and not in an anonymous file.
struct Reference {
  std::string role;    ///< "Model", "Training configuration", "Training pointings"
  std::string path;    ///< where the converter found it
  std::string sha256;  ///< of its content; empty for a directory
};

/// A pointing of the simulations that the forests were trained on.
struct TrainingPointing {
  double zenith_deg = 0, azimuth_deg = 0;
};

/// What is known of the training.
struct TrainingProduction {
  std::string directory;              ///< absolute path of the directory that was converted
  std::vector<Reference> references;  ///< the .sav files and what was found beside them
};

/// A set of random forests in one memory-mapped file, written by scripts/convert-models. All jobs
/// of a node share its pages.
///
/// Layout (little endian; README.md of this folder has every field): 64 bytes of preamble (magic
/// "ALFOREST", format version, header size, file size, sha256 of the header), a JSON header, then
/// sections at multiples of 64 bytes, each with its sha256 in the header.
///
/// Opening reads and checks the preamble, the header (checksum, sizes, bounds of each section) and
/// the tables of trees, which are small; it touches no nodes and leaves, so it takes well under 5
/// ms for any size. Walking is safe even for a payload that was altered afterwards: every index is
/// clamped to its section and the number of steps is bounded, so that flipped bits give wrong
/// numbers, never a crash. That they are not flipped is what verify() tells; call it once per
/// content.
class ForestFile {
 public:
  /// Map the file. @throws Error(missing_input) if it cannot be opened, Error(bad_input) if it is
  /// not a forest file, of another version, cut short, or its header is damaged.
  [[nodiscard]] static ForestFile open(const std::filesystem::path& path);

  ForestFile(ForestFile&&) noexcept;
  ForestFile& operator=(ForestFile&&) noexcept;
  ~ForestFile();

  /// Hash every section and compare. @throws Error(bad_input) naming the first that differs.
  void verify() const;

  [[nodiscard]] const std::filesystem::path& path() const noexcept;
  /// sha256 of all sections' sha256 and names, from the header: names the content of the models.
  [[nodiscard]] const std::string& content_sha256() const noexcept;
  /// The whole JSON header as text.
  [[nodiscard]] const std::string& header() const noexcept;

  [[nodiscard]] const std::vector<Forest>& forests() const noexcept;
  /// Return the forest of that name ("reg_energy"), or null.
  [[nodiscard]] const Forest* find(const std::string& name) const noexcept;
  /// Return the forest of that name. @throws Error(bad_input) naming those that are there.
  [[nodiscard]] const Forest& at(const std::string& name) const;

  /// Empty if the model directory had no training_dirs.ecsv.
  [[nodiscard]] const std::vector<TrainingPointing>& training_pointings() const noexcept;
  [[nodiscard]] const TrainingProduction& training() const noexcept;

 private:
  struct State;
  explicit ForestFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace alisio::forest
