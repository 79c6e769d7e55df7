#pragma once
#include <filesystem>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/interruption.hpp"
#include "lib/night/completeness.hpp"
#include "lib/night/night.hpp"
#include "lib/night/seal.hpp"

namespace alisio::night {

/// A night whose pass is over, and what closing it needs. The caller holds the night's lock.
struct ClosingNight {
  const NightSetup& setup;
  StateSnapshot& snapshot;
  State& state;
  const PlanSettings& settings;
  const NightServices& services;
  ClosingPolicy policy;
  std::filesystem::path config_file, state_folder;
  std::vector<std::string> merge_faults;  ///< provenance that could not be merged, one line each
};

/// What became of it.
struct ClosingResult {
  bool closed = false;
  std::vector<std::string> obstacles;  ///< why the night stays open, one line each
  Seal seal;                           ///< of a closed night
  std::filesystem::path seal_file;
  std::vector<std::string> missing;  ///< what a closed night lacks, one line each
  std::vector<std::string> notes;    ///< what those who read the flags should know
  /// Of a night that was closed: signals that came meanwhile strike when it has been told.
  std::shared_ptr<SignalsHeld> held;
};

/// Close a night: tell what is complete, see that every recorded product stands as recorded, seal
/// it, write the flags. Each step may be repeated: what was interrupted is gone on with by the next
/// call. An open night changes nothing but the record that closing was begun.
/// @throws Error(configuration) for a key that cannot sign, Error(resource) if another process
///         seals a night of this production for too long, or the disk refuses.
[[nodiscard]] ClosingResult close_night(const ClosingNight& night, const CloseRequest& request);

/// Close a night that another program made, given what is to be sealed of it. May be repeated.
/// @throws as close_night()
[[nodiscard]] ClosingResult close_foreign_night(const ClosingNight& night, Seal seal);

/// Return whether a scheduled pass may close a night now: policy and hour.
[[nodiscard]] bool may_close_by_itself(const ClosingPolicy& policy, const NightDate& date,
                                       bool complete);

/// Open a closed night again: the seal is kept, the flags are taken away, and provenance records
/// who did it and why. The caller holds the night's lock.
/// @return what became of the seal, in words
/// @throws Error(usage) if the night is not closed.
[[nodiscard]] std::string reopen_night(const ClosingNight& night, const std::string& author,
                                       const std::string& reason);

/// Print what closing came to. @return the exit code: whether the night is closed, not whether it
/// lacks something
int print_closing(const ClosingResult& result, const NightKey& night, bool as_json,
                  std::ostream& out);

/// Return what a closed night lacks, one line each, by its seal; if that cannot be read, by what
/// its last pass showed.
[[nodiscard]] std::vector<std::string> missing_of(State& state, const ClosingRecord& closing);

/// Return one line: "night 2024-02-15 of LST-1, production v1, is closed since … by … (seal …)".
[[nodiscard]] std::string closed_text(const ClosingRecord& closing);

}  // namespace alisio::night
