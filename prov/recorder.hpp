#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/observer.hpp"
#include "prov/definition.hpp"

namespace alisio::prov {

/// Return the id by which journals know a file: of its content and its place. `sha256` is empty for
/// one that is only planned; `data_root` may be empty.
[[nodiscard]] std::string entity_id(const std::string& sha256, const std::filesystem::path& file,
                                    const std::filesystem::path& data_root);

/// Where and for whom a process records.
struct RecorderOptions {
  std::filesystem::path journal_folder;  ///< made if need be
  std::filesystem::path config_file;     ///< the processing configuration; may be empty
  /// Root of the data tree: paths under it identify files wherever the tree is moved; may be empty.
  std::filesystem::path data_root;
  std::string script;                  ///< the program, by default the running executable
  std::vector<std::string> arguments;  ///< argv of this process
  std::string site;                    ///< may be empty
  std::string operator_name;           ///< by default the account of the process
  /// Environment variables that are recorded, if set. No others are.
  std::vector<std::string> environment_variables{"OMP_NUM_THREADS",     "SLURM_CLUSTER_NAME",
                                                 "SLURM_JOB_PARTITION", "SLURM_CPUS_PER_TASK",
                                                 "APPTAINER_CONTAINER", "SINGULARITY_CONTAINER"};
};

/// Writes what stages announce to a journal of its own, `<stem>_<session id><extension>` of the
/// logger configuration's file name. Every record is one line, written by one call; the start of an
/// activity is in the journal before the work begins, and a product's record is on disk before the
/// product takes its name. Calls may come from several threads.
class Recorder final : public StageObserver {
 public:
  Recorder(Definition definition, LoggerConfiguration logger, RecorderOptions options);
  ~Recorder() override;

  void started(const ActivityNote& activity) override;
  void used(const ActivityNote& activity, const FileNote& file) override;
  void generated(const ActivityNote& activity, const FileNote& file) override;
  void finished(const ActivityNote& activity, const OutcomeNote& outcome) override;
  [[nodiscard]] ProductMetadata describe_product(const ActivityNote& activity,
                                                 const std::string& port,
                                                 const std::vector<FileNote>& used) const override;

  /// Return false if the logger configuration switched recording off: a warning was given, and the
  /// products say so in their attributes.
  [[nodiscard]] bool capturing() const;
  [[nodiscard]] const std::string& session_id() const;
  /// Return the path of the journal; the file exists once something was recorded.
  [[nodiscard]] const std::filesystem::path& journal() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Return the attributes that a product of `port` carries: the 30 keys of CTAO's reference metadata
/// (ctapipe's `Reference`, version 1), then its parents (`PROV N_INPUTS`, `PROV INPUT n ROLE` …),
/// and the record for `/provenance/<stage>`.
/// @param data_root as the journal's, so that its ids of the parents are those of the journal
/// @param stop_unix_utc_s time that stands for the activity's end and the product's creation.
[[nodiscard]] ProductMetadata embedded_attributes(
    const Definition& definition, const ActivityNote& activity, const std::string& port,
    const std::vector<FileNote>& used, const std::filesystem::path& data_root,
    double start_unix_utc_s, double stop_unix_utc_s, bool captured = true);

}  // namespace alisio::prov
