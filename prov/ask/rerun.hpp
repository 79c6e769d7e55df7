#pragma once
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "prov/ask/recorded_command.hpp"
#include "prov/ask/story.hpp"
#include "prov/verify.hpp"

namespace alisio::prov {

/// How an input stands to its record now.
enum class InputState {
  same,      ///< its bytes are those on record, or what was taken of it is
  unproved,  ///< it is there; only its place was recorded
  changed,   ///< other bytes
  missing,
  made_again,  ///< the command makes it again before it is read: what stands there is not looked at
};

[[nodiscard]] const char* to_string(InputState state) noexcept;

struct RerunInput {
  StoredEntity file;
  std::string role;
  std::string remark;  ///< of the use: what was taken of a file that grows
  InputState state = InputState::same;
};

/// How a product is made again: the recorded command with its places exchanged.
struct RerunPlan {
  StoredActivity activity;
  /// The files that were used by all activities that the command makes again: one process may have
  /// made DL1 and DL2.
  std::vector<RerunInput> inputs;
  std::vector<StoryFile> products;   ///< the files that the activity made
  std::vector<std::string> command;  ///< subcommand and its arguments, without the program
  nlohmann::json configuration;      ///< the effective one on record, of all these activities
  /// The recorded configuration file is there, unchanged, and names no file that moved.
  bool configuration_is_file = true;
  /// What keeps it from being made again at all, one line each.
  std::vector<std::string> obstacles;
  /// What is not as it was, so that another result is no surprise, one line each.
  std::vector<std::string> changes;
};

/// Gives the SHA-256 of a file that is there.
using FileHasher = std::function<std::string(const std::filesystem::path&)>;

/// Plan to make a product again. Each input is hashed where the index tells that it is, and the
/// command is led there.
/// @param into folder of everything that the command writes: products, journal/, job.json, and
///        alisio.yaml if the recorded configuration file is not there any more.
/// @param software version and commit of the program that would do it, as activities record them.
/// @param part tells of files that grew since; empty: they count whole
/// @param hash for those who ask of many products with the same inputs; empty: each is read
/// @throws Error(incomplete) if no maker is on record.
[[nodiscard]] RerunPlan plan_rerun(Store& store, const Subject& subject,
                                   const std::filesystem::path& into, const std::string& software,
                                   const PartReader& part = {}, const FileHasher& hash = {});

/// A product beside what was made again of it.
struct RerunResult {
  StoryFile product;
  bool made = false, equal = false;
  std::string by;                  ///< "data hash" or "sha256": what was compared
  std::string recorded, made_now;  ///< the hashes
  std::filesystem::path path;      ///< of the new file
};

/// Compare what an activity made with the products that are on record.
/// @param again index of the journals of the new activity.
[[nodiscard]] std::vector<RerunResult> compare_rerun(const RerunPlan& plan, Store& again);

[[nodiscard]] nlohmann::ordered_json to_json(const RerunPlan& plan);
[[nodiscard]] nlohmann::ordered_json to_json(const std::vector<RerunResult>& results);

}  // namespace alisio::prov
