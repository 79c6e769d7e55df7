#pragma once
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alisio::stage {

/// A place where a stage reads or writes a file. The provenance definition names it in `value`.
struct PortDescription {
  std::string name;
  bool required = true;
  bool many = false;  ///< several files may come through this port (the streams of a subrun)
  /// False for the configuration file: its effective content is in the identity already, and a
  /// changed comment must not remake a night.
  bool in_identity = true;
};

/// What a stage is, without its code: all that planning and records need.
struct StageDescription {
  std::string name;  ///< activity name, "r0_to_dl1"
  /// Raised when the stage's results can change; part of every job's identity.
  int version = 1;
  std::vector<PortDescription> inputs, outputs;
  std::vector<std::string> parameters;              ///< names of recorded parameters
  std::vector<std::string> configuration_sections;  ///< keys of the configuration that it reads
};

/// Return the descriptions of all stages.
[[nodiscard]] std::span<const StageDescription> descriptions();
/// Return one of them. @throws Error(bug) if there is no such stage.
[[nodiscard]] const StageDescription& description(std::string_view stage);

/// Return the identity of a job: SHA-256 over stage, stage version, canonical configuration text
/// and the sorted (port, hash) pairs of its inputs. The hash of an input is its data hash if it has
/// one (so that a remade but equal product changes nothing downstream), else its SHA-256.
[[nodiscard]] std::string job_identity(const std::string& stage, int version,
                                       const std::string& configuration_json,
                                       std::vector<std::pair<std::string, std::string>> inputs);

}  // namespace alisio::stage
