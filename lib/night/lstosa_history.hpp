#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lib/night/completeness.hpp"
#include "lib/night/seal.hpp"
#include "lib/night/state.hpp"

namespace alisio::night {

/// What LSTOSA's history file of one subrun says last.
struct LstosaHistory {
  int run = 0;
  int subrun = whole_run;  ///< whole_run: of a calibration sequence
  std::string program;     ///< of the last line: "lstchain_check_dl1"
  std::string prod_id;
  int exit_code = -1;  ///< of the last line; -1: the file says nothing
};

/// Read a history file: lines of run, program, production, date, time, input, configuration and
/// exit code. Lines that are none are passed over.
[[nodiscard]] LstosaHistory read_lstosa_history(const std::filesystem::path& file);

/// What LSTOSA made of a night.
struct LstosaNight {
  std::vector<LstosaHistory> histories;  ///< by run and subrun
  Completeness found;                    ///< data runs, with what is missing
  std::vector<SealedFile> products;      ///< with their content's hashes
  std::vector<JobRecord> jobs;           ///< one a subrun that is done
};

/// Read the histories of a night in LSTOSA's working folder, and the products below DL1/, DL2/ and
/// DL3/. A subrun is done if its history ends with exit code 0 and its DL1 file is there.
/// @param hash of a file
/// @throws Error(missing_input) if there are no histories, Error(resource).
[[nodiscard]] LstosaNight read_lstosa_night(
    const ClosingPolicy& policy, const NightKey& night,
    const std::function<FileHashes(const std::filesystem::path&)>& hash);

}  // namespace alisio::night
