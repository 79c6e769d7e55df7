#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "prov/definition.hpp"

namespace alisio::prov {

/// One run of one stage, to be told from the journals of its jobs.
struct MergeRequest {
  /// Journals, or folders that are searched for *.log below. What is not of this run is passed
  /// over.
  std::vector<std::filesystem::path> journals;
  /// Where to look besides for the activities that made what was used (constants, for example). The
  /// log/ folders beside each used file and one level above it are always searched.
  std::vector<std::filesystem::path> lineage_journals;
  std::string stage;  ///< activity name, "r0_to_dl1" or "camera_calibration"
  int telescope = 1;
  int run = 0;
  std::string observation_date;  ///< YYYYMMDD; empty: any
  std::string prod_id;           ///< empty: any
  std::filesystem::path output_folder;
  /// Folders that get symbolic links to the documents.
  std::vector<std::filesystem::path> link_folders;
  bool dry_run = false;  ///< take planned activities instead of real ones
  bool graphs = true;    ///< draw SVG and PDF
  bool copies = true;    ///< copy configuration and calibration files beside the documents
  std::uint64_t copy_limit_bytes = 256ULL << 20;  ///< larger files are named, not copied
};

/// What merging found and made.
struct MergeResult {
  std::filesystem::path log, json, svg, pdf;   ///< empty if not made
  std::vector<std::filesystem::path> copies;   ///< files that stand beside the documents now
  std::int64_t lines = 0;                      ///< records read
  std::int64_t broken_lines = 0;               ///< lines with the prefix that could not be read
  std::int64_t other_lines = 0;                ///< lines without the prefix
  int subruns = 0;                             ///< subruns with a successful activity
  int failed = 0, killed = 0, superseded = 0;  ///< activities of these ends
  std::vector<std::string> notes;              ///< what the user should know, one line each
};

/// Fold the activities of one run and stage into one, with the lineage of what they used, and write
/// `<stage>_<run>_prov.{log,json,svg,pdf}` and copies of the configuration and calibration files.
/// The log that an earlier merge wrote there counts as a journal: what it tells is never lost.
/// The documents depend on the records and the kept copies only: not on the order of records, nor
/// on when they are merged.
/// @throws Error(missing_input) if no journal holds an activity of this run and stage,
/// Error(resource)
///         if the output cannot be written.
MergeResult merge_run(const MergeRequest& request, const Definition& definition,
                      const LoggerConfiguration& logger);

}  // namespace alisio::prov
