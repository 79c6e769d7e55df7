#pragma once
#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/expected_subruns.hpp"
#include "lib/base/observer.hpp"
#include "lib/config/configuration.hpp"
#include "lib/stage/runner.hpp"
#include "reco/check/class_check.hpp"
#include "reco/check/summary.hpp"

/// datacheck_dl1_*.h5: the tables of lstchain below /dl1datacheck, one row a subrun (in the file of
/// a night one row a run, `subrun_index` then holding the run's number), and our own group
/// /alisio/datacheck: per class the counts and sums from which means and spreads are exact, and the
/// table `summary`, one row a subrun.
namespace alisio::pipeline {

/// Everything that a data check file holds.
struct DataCheck {
  /// By check::EventClass; a class has rows only for subruns with at least two of its events.
  std::array<std::vector<check::ClassCheck>, check::n_classes> classes;
  std::vector<check::SubrunSummary> summaries;  ///< one a subrun
  std::string configuration_json;               ///< of the DL1; empty if the file says none

  [[nodiscard]] std::vector<check::ClassCheck>& operator[](check::EventClass c) {
    return classes[std::size_t(c)];
  }
  [[nodiscard]] const std::vector<check::ClassCheck>& operator[](check::EventClass c) const {
    return classes[std::size_t(c)];
  }
};

/// Read a file whole: ours or the peers', of a subrun, a run or a night. 0.8 MB a row.
/// @throws Error(missing_input, bad_input).
[[nodiscard]] DataCheck read_datacheck(const std::filesystem::path& path);

/// The same in constant memory: what a run is, its subruns added up.
struct RunCheck {
  /// By check::EventClass: the sum of its subruns; num_events is 0 if there are none.
  std::array<check::ClassCheck, check::n_classes> classes;
  std::vector<check::SubrunSummary> summaries;  ///< one a subrun
  std::string configuration_json;

  [[nodiscard]] const check::ClassCheck& operator[](check::EventClass c) const {
    return classes[std::size_t(c)];
  }
};
/// @throws as read_datacheck().
[[nodiscard]] RunCheck read_run_check(const std::filesystem::path& path);

/// Call `use` for each row of a class in file order, one in memory at a time. Nothing is called if
/// the file has no such class. @throws as read_datacheck().
void for_each_row(const std::filesystem::path& path, check::EventClass c,
                  const std::function<void(check::ClassCheck&&)>& use);

/// Read the summaries only; of a peers' file they are made of its rows. @throws as
/// read_datacheck().
[[nodiscard]] std::vector<check::SubrunSummary> read_summaries(const std::filesystem::path& path);

/// Write a file. @param stage names the record. @throws Error(resource).
void write_datacheck(const std::filesystem::path& path, const DataCheck& check,
                     const ProductMetadata& metadata, const std::string& stage);

/// Writes a file row by row: any number of rows in constant memory.
class DataCheckWriter {
 public:
  /// @throws Error(resource).
  explicit DataCheckWriter(const std::filesystem::path& path);
  ~DataCheckWriter();
  DataCheckWriter(DataCheckWriter&&) noexcept;
  DataCheckWriter& operator=(DataCheckWriter&&) noexcept;

  /// @throws Error(bad_input) if the row has another number of pixels than those before it.
  void write(check::EventClass c, const check::ClassCheck& row);
  void write(const check::SubrunSummary& summary);
  /// Close the file. @param configuration_json of the DL1; @param stage names the record.
  void finish(const std::string& configuration_json, const ProductMetadata& metadata,
              const std::string& stage);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// What to merge.
struct MergeDatachecksRequest {
  std::vector<std::filesystem::path> inputs;  ///< of subruns (or, for a night, runs), in order
  std::filesystem::path target;
  std::string port = "dl1_datacheck_run";  ///< or "dl1_datacheck_night": then one row a run
  ExpectedSubruns expected_subruns = {};   ///< of the run
  /// Leave files out that cannot be read, with a warning, instead of failing.
  bool leave_out_corrupt = false;
};

/// Merge check files: rows appended for a run; for a night the rows of each run added up. Memory
/// holds one row at a time. The gates of the run (or of the night's runs) are recorded as the
/// quality of the product. Missing subruns are warned of.
/// @return the number of subruns.
/// @throws Error(missing_input, bad_input, resource); also for a subrun that is there twice;
/// Error(usage) if a subrun of the product that is there would be lost without `overwrite`.
std::int64_t merge_datachecks(stage::StageRun& run, const MergeDatachecksRequest& request,
                              const config::Configuration& configuration);

}  // namespace alisio::pipeline
