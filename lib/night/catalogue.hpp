#pragma once
#include <algorithm>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/ids.hpp"

namespace alisio::night {

/// The raw files of one subrun, in order of stream.
struct SubrunFiles {
  int subrun = 0;
  std::vector<std::filesystem::path> streams;
  bool first_stream = false;  ///< the file that names the subrun (stream 1) is there
  bool operator==(const SubrunFiles&) const = default;
};

/// One run of the night, from the run summary, from the file names, or from both.
struct RunEntry {
  int run = 0;
  std::string type = "DATA";            ///< DATA becomes DL1; DRS4, PEDCALIB: constants; …
  std::string format;                   ///< as the summary or the probe names it; may be empty
  std::optional<int> expected_subruns;  ///< from the summary
  double start_unix_s = 0;              ///< UTC, from the summary; 0: unknown
  std::vector<SubrunFiles> subruns;     ///< those that have files, ascending
  std::string type_from;                ///< "run summary", "the file", "assumed"
  bool operator==(const RunEntry&) const = default;
  /// Return how many subruns there should be: as many as are expected, and as the files tell.
  [[nodiscard]] int full_number() const {
    return std::max(expected_subruns.value_or(0), subruns.empty() ? 0 : subruns.back().subrun + 1);
  }
};

/// What a night consists of, and what is odd about it.
struct Catalogue {
  std::vector<RunEntry> runs;         ///< ascending
  std::vector<std::string> notes;     ///< absent runs, wrong counts: one line each
  std::filesystem::path run_summary;  ///< empty if there is none
};

/// What can be told from a raw file itself.
struct FileKind {
  std::string type;    ///< run type; empty: unknown
  std::string format;  ///< empty: unknown
};
using FileProbe = std::function<FileKind(const std::filesystem::path&)>;

/// @throws Error(missing_input) if a night has no folder of raw data.
void require_raw_data(const std::filesystem::path& r0, const NightDate& date);

/// Find the runs of a night: <r0>/<YYYYMMDD>/LST-<t>.<stream>.RunRRRRR.SSSS.fits.fz and
/// <summaries>/RunSummary_<YYYYMMDD>.ecsv. Runs that only the summary knows are kept without
/// subruns and noted; runs that only files show get their type from `probe`, else DATA.
/// @throws Error(missing_input) if the night has no raw folder, Error(bad_input) if the summary
///         cannot be read.
[[nodiscard]] Catalogue find_runs(const std::filesystem::path& r0,
                                  const std::filesystem::path& summaries, int telescope,
                                  const NightDate& date, const FileProbe& probe = {});

/// Read the runs of a night from its run summary alone. @throws Error(missing_input),
/// Error(bad_input).
[[nodiscard]] std::vector<RunEntry> read_run_summary(const std::filesystem::path& file);

}  // namespace alisio::night
