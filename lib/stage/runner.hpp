#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/file.hpp"
#include "lib/base/observer.hpp"
#include "lib/base/timings.hpp"
#include "lib/stage/file_stamp.hpp"

namespace alisio::stage {

struct StageResult;

/// One activity under way: the stage's only door to files. What goes through a port is hashed,
/// announced to the observer and, for products, published when whole; so a stage holds no
/// bookkeeping and cannot forget any.
class StageRun {
 public:
  /// Announce the activity. `activity.stage` must be a described stage.
  StageRun(ActivityNote activity, StageObserver& observer, const KnownHashes& known);
  ~StageRun();

  StageRun(const StageRun&) = delete;
  StageRun& operator=(const StageRun&) = delete;

  /// Say that the stage reads `path` through `port`. Large files are hashed in the background while
  /// the stage works. A dry run notes absent files as planned and does not read raw data. An
  /// attribute "part" names what the stage took of a file that grows (text::log_part,
  /// text::row_part): in the job's identity it stands for the file.
  /// @throws Error(missing_input) if the file is absent; Error(bug) for an undeclared port.
  void use(const std::string& port, const std::filesystem::path& path,
           std::map<std::string, std::string> attributes = {});

  /// Say that the stage reads only a part of a file, which would cost too much to hash whole. The
  /// record names the file; in the job's identity `part_hash`, a hash over that part, stands for
  /// it.
  /// @throws as use().
  void use_part(const std::string& port, const std::filesystem::path& path, std::string part_hash,
                std::map<std::string, std::string> attributes = {});

  /// Let the job's identity depend on what is no file's content: which files a folder holds, for
  /// example. @param hash of it. Call before the inputs are announced.
  void depend_on(const std::string& what, const std::string& hash);

  /// Give every file that comes through `port` from now on an attribute in the record: why it was
  /// chosen, for example. @throws Error(bug) for an undeclared port.
  void annotate(const std::string& port, const std::string& attribute, const std::string& value);

  /// Say that what an input holds was cut to so many events: so is what is made of it, which says
  /// so and replaces no whole product.
  void inherit_cut(std::int64_t max_events);

  /// Wait for the hashes of all inputs, announce them, and return them; idempotent.
  /// @throws Error(bad_input) if a FITS file does not match its DATASUM.
  const std::vector<FileNote>& used();

  /// Have create() ask before a target that is there is to be replaced.
  /// @param check throws if it may not be
  void ask_before_replacing(std::function<void(const std::filesystem::path&)> check) {
    may_replace_ = std::move(check);
  }

  /// Return the file to write the product of `port` into; its final name appears with publish().
  /// @throws Error(usage) if the activity or an input is cut by max_events, the target is there,
  ///         and the activity may not overwrite it: a part must not silently replace the whole;
  ///         whatever the check of ask_before_replacing() throws, which is asked about targets
  ///         that are there.
  [[nodiscard]] PendingFile& create(const std::string& port, const std::filesystem::path& target);

  /// Return what the product must carry about itself; waits for the input hashes.
  [[nodiscard]] ProductMetadata metadata(const std::string& port);

  /// Begin to hash and sync a product whose file is closed, beside what the stage does until
  /// publish(); of several files of one port, the first of which this was not asked.
  void hash_ahead(const std::string& port);

  /// Hash the product, announce it with what is to be said of it (the verdict of its quality gates,
  /// for example), give it its final name. Call after the file is closed; of several files of one
  /// port, the first that was created and not published goes.
  /// @return the product's stamp, so that a following stage need not read it again.
  FileStamp publish(const std::string& port, std::map<std::string, std::string> attributes = {});

  /// Note in a dry run that the product would be made.
  void plan_product(const std::string& port, const std::filesystem::path& target);

  [[nodiscard]] const ActivityNote& activity() const { return activity_; }
  /// Where the stage notes what its time goes into; the run itself notes the hashing.
  [[nodiscard]] Timings& timings() { return timings_; }

 private:
  friend struct StageResult run_stage(ActivityNote, StageObserver&, const KnownHashes&,
                                      const std::function<std::int64_t(StageRun&)>&);
  void finish(OutcomeNote outcome);
  [[nodiscard]] nlohmann::ordered_json report(const OutcomeNote& outcome) const;
  void hash_queued(const std::stop_token& stop);

  struct Input {
    std::string port;
    FileStamp stamp;
    bool planned = false;
    std::map<std::string, std::string> attributes;
    std::exception_ptr error;
  };
  struct Product {
    std::string port;
    std::unique_ptr<PendingFile> file;
    FileStamp stamp;               ///< empty path: not published yet
    std::future<FileStamp> ahead;  ///< of hash_ahead()
    std::string quality;           ///< the verdict of its gates; empty: none were asked
  };
  Product& add_product(const std::string& port);
  /// Return the first product of a port that was created and not published. @throws Error(bug).
  /// @param hashed_ahead whether it may be one of which hash_ahead() was asked
  Product& pending_product(const std::string& port, bool hashed_ahead);

  ActivityNote activity_;
  Timings timings_;
  StageObserver& observer_;
  const KnownHashes& known_;
  std::deque<Input> inputs_;  // a deque: the hashing thread holds references while it grows
  std::deque<Product> products_;
  std::map<std::string, std::map<std::string, std::string>> annotations_;  ///< by port
  std::vector<std::pair<std::string, std::string>> further_identity_;
  std::vector<FileNote> used_;
  bool inputs_announced_ = false;
  std::function<void(const std::filesystem::path&)> may_replace_;
  std::int64_t cut_to_ = 0;  ///< events, by max_events here or before; 0: not cut

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Input*> to_hash_;
  std::size_t hashing_ = 0;
  std::jthread hasher_;
};

/// How an activity went: its report always, the error if it failed.
struct StageResult {
  nlohmann::ordered_json report;  ///< one element of "activities" in the `--report` file
  std::exception_ptr error;       ///< null if all went well
  std::vector<Timings::Part> timings;
};

/// Run `body` as one activity. The body returns the number of events. Whatever it throws is
/// recorded as a failed activity and handed back, so that the caller can write the report before it
/// rethrows.
[[nodiscard]] StageResult run_stage(ActivityNote activity, StageObserver& observer,
                                    const KnownHashes& known,
                                    const std::function<std::int64_t(StageRun&)>& body);

/// Refuse to let a report take the place of a file that is neither a report nor empty.
/// @throws Error(usage).
void refuse_no_report(const std::filesystem::path& file);

/// Write the `--report` file: {"activities": [...]}. @throws Error(usage) if the file is an input
/// or a product of one of them.
void write_report(const std::filesystem::path& file,
                  const std::vector<nlohmann::ordered_json>& activities);

}  // namespace alisio::stage
