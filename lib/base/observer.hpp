#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace alisio {

/// A file that a stage read or wrote, as the runner saw it.
struct FileNote {
  std::string port;            ///< name of the stage's port, for example "r0_subrun"
  std::filesystem::path path;  ///< final path, absolute
  std::uint64_t size_bytes = 0;
  std::string sha256;     ///< of the content; empty if planned
  std::string data_hash;  ///< over the datasets only, ignoring who made them and when; may be empty
  bool planned = false;   ///< dry run: the file is named, not made
  std::map<std::string, std::string> attributes;  ///< further facts, for example {"activity_id": …}
  std::filesystem::path content_path;             ///< where the bytes are if not yet at `path`
};

/// The beginning of one activity: a stage applied to one subrun or run.
struct ActivityNote {
  std::string stage;        ///< activity name, for example "r0_to_dl1"
  int stage_version = 0;    ///< raised when the stage's results can change
  std::string activity_id;  ///< UUIDv7
  int telescope = 1;
  int run = 0;
  int subrun = -1;               ///< -1: the activity concerns a whole run
  std::string observation_date;  ///< YYYYMMDD
  std::string prod_id;
  std::map<std::string, std::string>
      parameters;                    ///< by name, as the definition's `value` names them
  std::string configuration_json;    ///< the effective configuration that the stage reads
  std::string identity;              ///< job identity hash (stage, version, configuration, inputs)
  std::vector<std::string> command;  ///< argv that makes this activity again
  std::int64_t max_events = 0;       ///< the products hold at most so many events; 0: all
  bool overwrite = false;            ///< a product cut by max_events may replace another
  bool dry_run = false;
};

/// How an activity ended.
struct OutcomeNote {
  bool ok = false;
  int exit_code = 0;
  std::string message;  ///< the error, one line, if not ok
  double wall_s = 0, cpu_s = 0;
  std::uint64_t max_rss_bytes = 0, read_bytes = 0, written_bytes = 0;
  std::int64_t events = 0;
};

/// What a product that is not the whole says of itself: made of at most so many events.
inline constexpr const char* max_events_attribute = "max_events";

/// What a product says about itself: written into the file before it is published.
struct ProductMetadata {
  std::vector<std::pair<std::string, std::string>> attributes;  ///< in the order to write
  std::string record_json;  ///< the activity's record, for `/provenance/<stage>`; may be empty
};

/// Who listens to a stage's work. The runner calls, in this order: started, used and generated in
/// any number, and finished exactly once unless the process dies. Implementations that cannot do
/// their duty throw: a product without provenance is not a product.
class StageObserver {
 public:
  virtual ~StageObserver() = default;
  virtual void started(const ActivityNote& activity) = 0;
  virtual void used(const ActivityNote& activity, const FileNote& file) = 0;
  /// The record must be on disk when this returns: the product takes its final name next.
  virtual void generated(const ActivityNote& activity, const FileNote& file) = 0;
  virtual void finished(const ActivityNote& activity, const OutcomeNote& outcome) = 0;
  /// Return what the product of `port` carries in its own attributes, given all that was used.
  [[nodiscard]] virtual ProductMetadata describe_product(const ActivityNote& activity,
                                                         const std::string& port,
                                                         const std::vector<FileNote>& used) const {
    static_cast<void>(activity), static_cast<void>(port), static_cast<void>(used);
    return {};
  }
};

/// Return a new UUIDv7 (RFC 9562): time-ordered, unique over processes and nodes.
[[nodiscard]] std::string new_uuid7();

}  // namespace alisio
