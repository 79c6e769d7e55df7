#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lib/base/expected_subruns.hpp"
#include "lib/config/configuration.hpp"
#include "lib/stage/runner.hpp"

/// DL1 and DL2 of the subruns of a run in one file.
namespace alisio::pipeline {

/// What one merge_dl1 or merge_dl2 job is told.
struct MergeTablesRequest {
  std::vector<std::filesystem::path> inputs;  ///< files of one run, in any order
  std::filesystem::path target;               ///< file to make
  std::string input_port = "dl1_subrun";      ///< or "dl2_subrun"
  std::string port = "dl1_run";               ///< or "dl2_run"
  bool with_images = false;
  ExpectedSubruns expected_subruns = {};  ///< of the run
  /// Leave files out that cannot be read or do not fit the first, with a warning, instead of
  /// failing.
  bool leave_out_bad = false;
};

/// Merge files of a run in the order of their subruns, as lstchain_merge_hdf5_files does: event
/// tables are concatenated, `/source_filenames` lists the files. Unlike there, what is the same in
/// all files (`/configuration`, Cat-B) is compared and stored once. The monitoring tables of the
/// subruns are left out as there: `calibration_id` counts their rows from 0 in each subrun.
/// Missing subruns are warned of, and told in the product's attributes and record, as are those
/// that operators left out. One block of
/// rows of one input is in memory at a time. The product is read back and compared, row by row,
/// before it gets its name.
/// @return the number of events.
/// @throws Error(usage) for files of two runs or twice the same subrun, or if a subrun of the
/// product that is there would be lost without `overwrite`; Error(bad_input) naming the file that
/// is damaged or does not fit; Error(resource) if the product does not read back.
std::int64_t merge_tables(stage::StageRun& run, const MergeTablesRequest& request);

}  // namespace alisio::pipeline
