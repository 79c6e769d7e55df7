#pragma once
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "lib/night/cleaned.hpp"
#include "lib/night/decision.hpp"
#include "lib/night/job.hpp"
#include "lib/night/state.hpp"

namespace alisio::night {

/// What a stage is at this moment: a job recorded with anything else is not current.
struct StageFacts {
  int version = 0;
  std::string configuration;  ///< canonical text of the sections that the stage reads
};

/// How planning looks at files; tests give their own.
struct FileAccess {
  std::function<std::optional<FileStamp>(const std::string&)> stamp;
  std::function<FileHashes(const std::string&)> hash;
  /// What a file says now of what a part that names_part() took of it; empty: files count whole.
  std::function<std::string(const std::string& path, const std::string& part)> part = {};
};

/// The files as the state remembers them: not read while their stamps are as recorded; others are
/// hashed, and the new hashes put into the snapshot. Every file is looked at once.
class FileView {
 public:
  FileView(StateSnapshot& state, const FileAccess& access) : state_(state), access_(access) {}

  [[nodiscard]] std::optional<FileStamp> stamp(const std::string& path);
  [[nodiscard]] bool exists(const std::string& path) { return stamp(path).has_value(); }
  /// Return the present hashes, or nothing if the file does not exist.
  [[nodiscard]] std::optional<FileHashes> hashes(const std::string& path);
  /// Return the same of a file of which a part was taken, as FileHashes::data_hash names it.
  [[nodiscard]] std::optional<FileHashes> hashes_of_part(const std::string& path,
                                                         const std::string& part);
  /// Files that had to be read.
  [[nodiscard]] const std::vector<FileStamp>& rehashed() const { return rehashed_; }

 private:
  StateSnapshot& state_;
  const FileAccess& access_;
  std::unordered_map<std::string, std::optional<FileStamp>> stamps_;
  std::vector<FileStamp> rehashed_;
};

/// A job and what is known of it.
struct Case {
  const Job& job;
  const std::vector<PortFile>& inputs;  ///< those of the job that are there or can come
  std::set<std::string> coming;         ///< paths among them that are still to be made
  std::string lost;                     ///< why one of them cannot be made; empty: none
  std::string lost_port;
  const StageFacts& facts;
  const JobRecord* record = nullptr;      ///< nullptr: never tried
  std::string outdated;                   ///< why its products are not current; empty: they may be
  bool retry_failed = true;               ///< false: what failed for good stays blocked
  const Decision* retry = nullptr;        ///< an operator wants it tried once more
  const CleanedFiles* cleaned = nullptr;  ///< products that may be absent; nullptr: none
  std::string wanted_by;  ///< who needs a product of it that was cleaned; empty: nobody
  std::string used_by;    ///< another production that uses its products; empty: none
};

/// Decide what a job needs. Pure but for `files`.
/// @throws Error(configuration) if other settings would change what another production uses.
[[nodiscard]] Step judge(const Case& about, FileView& files);

/// Return what stands for the hash of an input that a failed job did not read: how it was on disk.
[[nodiscard]] std::string unread_mark(const std::optional<FileStamp>& stamp);

/// Return what stands for the hash of a file of which a job read only a part: how it was on disk.
[[nodiscard]] std::string part_mark(const FileStamp& stamp);

/// Note in the record of a failed job the inputs that it did not come to read, as they are on disk:
/// by them it is told whether another try could end otherwise.
void note_unread_inputs(JobRecord& record, const std::vector<PortFile>& inputs);

/// Return which try of a job its present end was, counted from 1: failures count on as long as they
/// are met with the same inputs, configuration and stage version, and nobody asked for the job to
/// be made again. Tries that came to no end of their own do not count.
/// @param before what was recorded of the job; nullptr: nothing
/// @param redo   the latest decision to make it again; nullptr: there is none
[[nodiscard]] int tries_in_a_row(const JobRecord* before, const JobRecord& now,
                                 const Decision* redo);

/// Tell whether what comes through a port of a stage decides what the stage makes.
[[nodiscard]] bool counts_in_identity(const std::string& stage, const std::string& port);

/// Return the present hashes of a recorded input, in the way that it was recorded; nothing if it is
/// gone. One that was read in part is known by its stamp alone, one that grows by the part that was
/// taken of it.
[[nodiscard]] std::optional<FileHashes> present_hashes(const JobFile& recorded, FileView& files);

/// Return the name of a file, for reasons.
[[nodiscard]] std::string name_of(const std::string& path);

/// Return the words for a file of a port: "DL1", "charge calibration".
[[nodiscard]] std::string words_of_port(const std::string& port);

}  // namespace alisio::night
