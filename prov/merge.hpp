#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "prov/definition.hpp"
#include "prov/filter.hpp"
#include "prov/selection.hpp"

namespace alisio::prov {

/// Another form of a document: what its file name ends in (".provn"), and how its text is made from
/// the PROV-JSON text.
struct ProductWriter {
  std::string extension;
  std::function<std::string(const std::string& json)> write;
};

/// What a document is to tell of, from the journals of its jobs.
struct MergeRequest {
  /// Journals, or folders that are searched for *.log below. What is not asked for is passed over.
  std::vector<std::filesystem::path> journals;
  /// Where to look besides for the activities that made what was used (constants, for example). The
  /// log/ folders beside each used file and one level above it are always searched.
  std::vector<std::filesystem::path> lineage_journals;
  /// What is told: one subrun or one run of a stage, an observation (consecutive runs of one
  /// source), or a night.
  Grain scope = Grain::run;
  /// How finely it is told: at most as coarsely as `scope`. Activities of one name are folded into
  /// one per subrun (as they were recorded), per run, or per document.
  Grain grain = Grain::run;
  std::string stage;  ///< activity name, "r0_to_dl1" or "camera_calibration"; of a subrun or run
  int telescope = 1;
  int run = 0;                   ///< of a subrun or run
  int subrun = 0;                ///< of a subrun
  std::vector<int> runs;         ///< of an observation
  std::string source;            ///< of an observation: part of the file name
  std::string observation_date;  ///< YYYYMMDD; empty: any. A night and an observation need it
  std::string prod_id;           ///< empty: any
  std::filesystem::path output_folder;
  /// Folders that get symbolic links to the documents.
  std::vector<std::filesystem::path> link_folders;
  /// Where documents may be that tell parts of this one more finely, besides the output folder.
  std::vector<std::filesystem::path> finer_folders;
  bool dry_run = false;  ///< take planned activities instead of real ones
  bool graphs = true;    ///< draw SVG and PDF
  bool copies = true;    ///< copy configuration and calibration files beside the documents
  std::uint64_t copy_limit_bytes = 256ULL << 20;  ///< larger files are named, not copied
  Filter filter;                                  ///< what the document leaves out
  std::vector<ProductWriter> writers;             ///< further forms beside the JSON
  /// Asked before a document that is there is changed; throws if it must not be. May be empty.
  std::function<void(const std::filesystem::path&)> ask_before_replacing;
};

/// What merging found and made.
struct MergeResult {
  std::filesystem::path log, json, svg, pdf;   ///< empty if not made
  std::vector<std::filesystem::path> others;   ///< what `writers` made
  std::vector<std::filesystem::path> copies;   ///< files that stand beside the documents now
  std::int64_t lines = 0;                      ///< records read
  std::int64_t broken_lines = 0;               ///< lines with the prefix that could not be read
  std::int64_t other_lines = 0;                ///< lines without the prefix
  int subruns = 0;                             ///< successful activities of the stage, or of all
  int failed = 0, killed = 0, superseded = 0;  ///< activities of these ends
  std::vector<std::string> notes;              ///< what the user should know, one line each
};

/// Return what the names of a request's documents begin with: `r0_to_dl1_11220_prov`,
/// `r0_to_dl1_11220.0003_prov`, `obs_Crab_20240115_prov`, `night_20240115_prov`; a document that is
/// told more finely than its scope has `_by_run` or `_by_subrun` before `_prov`.
[[nodiscard]] std::string document_stem(const MergeRequest& request);

/// Fold the activities asked for, with the lineage of what they used, and write
/// `<stem>.{log,json,svg,pdf}`, the further forms, and copies of the configuration and calibration
/// files. The log that an earlier merge wrote there counts as a journal: what it tells is never
/// lost. The documents depend on the records, the kept copies and the finer documents beside them
/// only: not on the order of records, nor on when they are merged.
/// @throws Error(missing_input) if no journal holds an activity that is asked for, Error(resource)
///         if the output cannot be written.
MergeResult merge(const MergeRequest& request, const Definition& definition,
                  const LoggerConfiguration& logger);

}  // namespace alisio::prov
