#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "lib/base/ids.hpp"
#include "lib/night/closing_record.hpp"
#include "lib/sqlite/database.hpp"
#include "lib/stage/file_stamp.hpp"

namespace alisio::night {

/// Return an instant, microseconds from the epoch, as ISO text, UTC, with microseconds: texts
/// compare as times do.
[[nodiscard]] std::string utc_text(std::int64_t unix_us);
/// Return the present instant as utc_text() does.
[[nodiscard]] std::string utc_now_text();

using stage::FileStamp;

/// Return the stamp of a regular file, without hashes, or nothing if there is none.
[[nodiscard]] std::optional<FileStamp> stamp_of(const std::filesystem::path& path);
/// Tell from their stamps, without reading, whether two files are the same in the same state.
[[nodiscard]] bool same_stamp(const FileStamp& left, const FileStamp& right);

/// The two hashes of a file's content.
struct FileHashes {
  std::string sha256;
  std::string data_hash;  ///< over the datasets only; empty for files that have none
  /// What decides whether something downstream must run again.
  [[nodiscard]] const std::string& deciding() const {
    return data_hash.empty() ? sha256 : data_hash;
  }
  bool operator==(const FileHashes&) const = default;
};

/// Return the hashes of a stamp that has them.
[[nodiscard]] FileHashes hashes_of(const FileStamp& stamp);

/// A file as a job read or wrote it.
struct JobFile {
  std::string port;
  std::string path;
  FileHashes hashes;
  std::string quality = {};  ///< of a product: what its maker's gates said; empty: none
};

/// The subrun of jobs that concern a whole run, and the run of jobs that concern the night.
inline constexpr int whole_run = -1;
inline constexpr int whole_night = 0;

/// What the quality gates of constants or of data say.
struct Verdict {
  bool passed = true;
  std::string text;             ///< the failed gates: "unusable_pixels 0.43 (at most 0.1)"
  std::string unmeasured = {};  ///< those that nothing is known of: "cosmics_rate, ucts_jumps"
  bool unreadable = false;      ///< no gate failed: `text` is why the file cannot be judged
};

/// A verdict on a file as it was then.
struct JudgedFile {
  FileStamp file;
  std::string gates;  ///< names the limits, the program and the expectations that it goes by
  Verdict verdict;
};

/// Which job: a stage of a subrun or of a run, within one night of one production.
struct JobKey {
  std::string stage;
  int run = whole_night;
  int subrun = whole_run;
  auto operator<=>(const JobKey&) const = default;
};

/// Return "RRRRR.SSSS", "RRRRR" or "night".
[[nodiscard]] std::string job_name(const JobKey& key);

enum class JobStatus { interrupted, done, failed };
[[nodiscard]] const char* to_string(JobStatus status);

/// The last thing known of a job.
struct JobRecord {
  JobKey key;
  JobStatus status = JobStatus::interrupted;
  int stage_version = 0;
  std::string configuration;  ///< canonical text of what the stage reads
  std::string identity;
  std::string activity_id;
  std::string journal;  ///< the provenance log of the activity
  std::vector<JobFile> inputs, outputs;
  int exit_code = 0;
  std::string message;  ///< the error, one line; empty if done
  std::string log_file;
  std::string log_tail;  ///< last lines of the log of a failed job
  std::int64_t events = 0;
  double wall_s = 0, cpu_s = 0;
  std::uint64_t max_rss_bytes = 0;
  int attempts = 0;      ///< the last of like end: failures in a row since its inputs changed
  std::string ended_at;  ///< ISO, UTC
};

/// A process that was started and of whose end nothing is known yet.
struct ProcessRecord {
  std::int64_t id = 0;
  std::vector<JobKey> jobs;  ///< the stages that it runs, in order
  std::int64_t pid = 0;
  std::int64_t pid_start = 0;  ///< start time in clock ticks since boot: pids are used again
  std::string host;
  std::string report_file, log_file;
  std::string started_at;
  std::vector<std::string> products;  ///< final paths that it may be writing
  /// Where a scheduler runs it: the name of the array, its place there, the array's number as the
  /// scheduler gave it (empty: not known yet). An empty name: it runs on `host`.
  std::string submission;
  int task = 0, step = 0;
  std::string scheduler_job;
};

/// What a job is to be given beyond what its stage gets, for it has failed for want of it.
struct JobNeed {
  std::uint64_t memory_bytes = 0;
  double time_s = 0;
};

/// What a pass has decided about a job, for those who look on.
struct StepRecord {
  JobKey key;
  std::string status;  ///< as to_string(StepStatus) says it: "done", "to run", …
  std::string reason;  ///< one line
  bool operator==(const StepRecord&) const = default;
};

/// A night as its last pass showed it.
struct ShownNight {
  NightKey key;
  std::string updated_at;  ///< when a pass last showed it; ISO, UTC
};

/// The same with what was shown.
struct NightRecord {
  NightKey key;
  std::string summary;     ///< JSON, as summary_json() makes it
  std::string updated_at;  ///< ISO, UTC
};

/// All that is recorded of one night: what planning looks at.
struct StateSnapshot {
  std::map<JobKey, JobRecord> jobs;
  std::unordered_map<std::string, FileStamp> files;  ///< by path: the last known hashes
};

/// Bring a database to this program's schema; a new one gets all of it.
/// @throws Error(resource) if its schema is newer.
void migrate_state(sqlite::Database& database);

/// The state of the nights, in one SQLite file on a local disk. Every call is one transaction,
/// synced before it returns, so that a process killed at any instant leaves what was true.
class State {
 public:
  /// Open <folder>/alisio.sqlite, made if absent; one of an older schema is copied, then brought to
  /// this program's. @throws Error(resource) if its schema is newer or
  /// it is no database.
  static State open(const std::filesystem::path& folder);
  /// Open for looking only; nothing if there is no state yet.
  static std::optional<State> open_read_only(const std::filesystem::path& folder);

  [[nodiscard]] StateSnapshot snapshot(const NightKey& night);
  [[nodiscard]] std::optional<FileStamp> known_file(const std::string& path);
  [[nodiscard]] std::vector<ProcessRecord> unfinished_processes(const NightKey& night);

  /// Do several of these things in one transaction: all become durable, or none.
  void together(const std::function<void()>& work);

  /// Record that a process is about to be started; return its id.
  std::int64_t process_starts(const NightKey& night, const ProcessRecord& process);
  /// Record the end of a process: what its jobs came to and the files that they saw. Jobs of the
  /// process that are not among them keep their record.
  void process_ended(const NightKey& night, std::int64_t id, const std::vector<JobRecord>& jobs,
                     const std::vector<FileStamp>& files);
  /// Record that a process is gone without a word. What its jobs made earlier stays recorded.
  /// @param counts whether that is told as a try of jobs that came to no end yet; it is never one
  ///        of those after which they are given up
  void process_vanished(const NightKey& night, const ProcessRecord& process, bool counts = true);

  /// Return the most memory that jobs of each stage took, bytes: of each in the latest night that
  /// did it, of this and the last nights before.
  static constexpr int nights_of_memory = 10;
  [[nodiscard]] std::map<std::string, std::uint64_t> memory_of_stages(const NightKey& night);

  /// Record the number that a scheduler has given to an array.
  void submission_accepted(const std::string& submission, const std::string& scheduler_job);
  [[nodiscard]] std::map<JobKey, JobNeed> needs(const NightKey& night);
  void set_need(const NightKey& night, const JobKey& job, const JobNeed& need);

  void remember_files(const std::vector<FileStamp>& files);

  /// Return what was said of a file, as it stands, by the same gates.
  /// @param gates see JudgedFile
  [[nodiscard]] std::optional<Verdict> known_verdict(const std::string& gates,
                                                     const FileStamp& file);
  void remember_verdicts(const std::vector<JudgedFile>& judged);

  /// Provenance merges: the signature of what was merged for (stage, run); empty if never.
  [[nodiscard]] std::string merged_signature(const NightKey& night, const std::string& stage,
                                             int run);
  void set_merged(const NightKey& night, const std::string& stage, int run,
                  const std::string& signature);

  /// Show how a night stands: its summary, steps that changed, jobs that it has no more.
  void show(const NightKey& night, const std::string& summary,
            const std::vector<StepRecord>& changed, const std::vector<JobKey>& gone);
  /// Return the steps of a night as they were last shown, by run and subrun.
  [[nodiscard]] std::vector<StepRecord> steps(const NightKey& night);
  /// Return the nights that were shown, the latest date first; their summaries would be megabytes.
  [[nodiscard]] std::vector<ShownNight> nights();
  /// Return how a night was last shown; nothing if it never was.
  [[nodiscard]] std::optional<NightRecord> night(const NightKey& night);

  /// Return a number that changes when another process or connection has written. Cheap.
  [[nodiscard]] std::int64_t data_version();

  /// The database itself, for those who keep tables of their own in it.
  [[nodiscard]] sqlite::Database& database() { return database_; }

  /// Return the closings of a night, the earliest first: at most the last of them is not reopened.
  [[nodiscard]] std::vector<ClosingRecord> closings(const NightKey& night);
  /// Return the closing of a night that is under way or done; nothing if the night is open.
  [[nodiscard]] std::optional<ClosingRecord> closing(const NightKey& night);
  /// Return the closing of this telescope and production whose seal has the highest number.
  [[nodiscard]] std::optional<ClosingRecord> last_sealed(int telescope, const std::string& prod_id);
  /// Record that a closing begins; what it is to be is in `closing`.
  void closing_starts(const ClosingRecord& closing);
  void closing_reaches(const NightKey& night, const std::string& step);
  /// Record the seal of the closing that is under way.
  void closing_is_sealed(const NightKey& night, std::int64_t number, const std::string& seal,
                         const std::string& sha256);
  void closing_ends(const NightKey& night);
  /// Record that a night is open again, or that its closing was given up.
  void reopen(const NightKey& night, const std::string& author, const std::string& reason);

  /// Put other jobs and closings in the place of all that was recorded of a night, and remember
  /// files.
  void restore_night(const NightKey& night, const std::vector<JobRecord>& jobs,
                     const std::vector<ClosingRecord>& closings,
                     const std::vector<FileStamp>& files);

 private:
  explicit State(sqlite::Database database) : database_(std::move(database)) {}
  sqlite::Database database_;
  std::optional<sqlite::Statement> find_verdict_;  ///< prepared at first need: asked of every file
};

}  // namespace alisio::night
