#include "lib/night/seal_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/path_below.hpp"
#include "lib/night/file_parts.hpp"
#include "lib/night/not_current.hpp"
#include "prov/invalidation.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t sha256_digits = 64;

class Gatherer {
 public:
  Gatherer(const NightPlan& plan, StateSnapshot& snapshot, const FileAccess& access, fs::path root,
           const PlanSettings& settings, bool verify_content)
      : snapshot_(snapshot),
        access_(access),
        files_(snapshot, access),
        root_(std::move(root)),
        settings_(settings),
        verify_content_(verify_content) {
    for (const PlannedJob& planned : plan.jobs)
      if (planned.job.shared) shared_.insert(planned.job.key);
    not_current_ = find_not_current(plan, snapshot, settings.decisions, files_);
  }

  SealedFiles gather(const NightSetup& setup) {
    for (const auto& [key, job] : snapshot_.jobs)
      if (job.status == JobStatus::done)
        for (const JobFile& product : job.outputs) add_product(job, product);
    for (const auto& [key, job] : snapshot_.jobs)
      if (job.status == JobStatus::done)
        for (const JobFile& input : job.inputs) add_used(input);
    for (const char* stage : {"r0_to_dl1", "dl1_to_dl2", "dl3"})
      add_documents(setup.folders.log(stage), closing_journal(setup.folders));
    return std::move(found_);
  }

 private:
  [[nodiscard]] SealedFile sealed(const std::string& path, const FileHashes& hashes) const {
    const std::optional<FileStamp> stamp = stamp_of(path);
    SealedFile file;
    file.path = below_root(path, root_);
    file.size = stamp ? stamp->size : 0;
    file.hashes = hashes;
    return file;
  }

  /// What was found by reading is known from now on: the next plan makes the product again.
  void remember(const std::string& path, const FileHashes& hashes) {
    std::optional<FileStamp> stamp = stamp_of(path);
    if (!stamp) return;
    stamp->path = path;
    stamp->sha256 = hashes.sha256;
    stamp->data_hash = hashes.data_hash;
    snapshot_.files[path] = *stamp;
    found_.reread.push_back(std::move(*stamp));
  }

  /// Return what somebody did on purpose with a product that is gone; nullptr: nothing.
  [[nodiscard]] const char* fate_of(const JobRecord& job, const JobFile& product) const {
    if (cleaned_product(settings_.cleaned, product, job.ended_at) != nullptr) return "cleaned";
    if (decision_about(settings_.decisions, DecisionKind::discard, job.key) != nullptr)
      return participle(DecisionKind::discard);
    return nullptr;
  }

  void add_product(const JobRecord& job, const JobFile& product) {
    made_.insert(product.path);
    if (const auto fault = not_current_.find(job.key); fault != not_current_.end()) {
      found_.not_current.push_back(fmt::format("{} of {} {} is not current: {}",
                                               below_root(product.path, root_), job.key.stage,
                                               job_name(job.key), fault->second));
      return;
    }
    const bool shared = shared_.contains(job.key);
    std::optional<FileHashes> now = files_.hashes(product.path);
    if (now && verify_content_) {
      const FileHashes read = access_.hash(product.path);
      if (read.sha256 != now->sha256) remember(product.path, read);
      now = read;
    }
    const bool same = now && (now->sha256 == product.hashes.sha256 ||
                              (shared && now->deciding() == product.hashes.deciding()));
    if (!now)
      if (const char* fate = fate_of(job, product)) {
        found_.withdrawn.push_back(fmt::format("{} of {} {} was {}",
                                               below_root(product.path, root_), job.key.stage,
                                               job_name(job.key), fate));
        return;
      }
    if (!same) {
      found_.not_sealed.push_back(fmt::format("{} of {} {} {}", below_root(product.path, root_),
                                              job.key.stage, job_name(job.key),
                                              now ? "is not as recorded" : "is gone"));
      return;
    }
    SealedFile file = sealed(product.path, {now->sha256, product.hashes.data_hash});
    file.job = job.key;
    file.port = product.port;
    file.activity_id = job.activity_id;
    file.shared = shared;
    found_.products.push_back(std::move(file));
  }

  /// Raw data are far too many, and changes of the configuration file are no changes of the night.
  void add_used(const JobFile& input) {
    if (input.port == "r0_subrun" || input.port == "analysis_configuration" ||
        made_.contains(input.path) || !used_.insert(input.path).second)
      return;
    // A file that grew since is what it is now; what was taken of it stands in the records.
    const std::optional<FileHashes> grown =
        names_part(input.hashes.data_hash) ? files_.hashes(input.path) : std::nullopt;
    if (!files_.exists(input.path)) return;
    SealedFile file = sealed(input.path, grown ? FileHashes{grown->sha256, ""} : input.hashes);
    file.port = input.port;
    // What was read in part has no hash of the whole.
    if (file.hashes.sha256.size() == sha256_digits) found_.used.push_back(std::move(file));
  }

  void add_documents(const fs::path& log, const fs::path& closing) {
    std::error_code absent;
    std::vector<fs::path> files;
    for (fs::recursive_directory_iterator at(log, absent);
         !absent && at != fs::recursive_directory_iterator(); at.increment(absent)) {
      const std::string name = at->path().filename().string();
      if (at->is_directory() && (name == "dry_run" || at->path() == closing)) {
        at.disable_recursion_pending();
        continue;
      }
      const bool journal =
          below_root(at->path(), log).starts_with("journal/") && name.ends_with(".log");
      const bool document = name.find("_prov.") != std::string::npos;
      if (at->is_regular_file() && !at->is_symlink() && !name.starts_with(".") &&
          name != prov::notes_journal_name && (journal || document))
        files.push_back(at->path());
    }
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files)
      found_.documents.push_back(sealed(file.string(), {hash_file(file), ""}));
  }

  StateSnapshot& snapshot_;
  const FileAccess& access_;
  FileView files_;
  fs::path root_;
  const PlanSettings& settings_;
  bool verify_content_;
  std::set<JobKey> shared_;
  std::map<JobKey, std::string> not_current_;
  std::set<std::string> made_, used_;
  SealedFiles found_;
};

}  // namespace

SealedFiles gather_sealed_files(const NightSetup& setup, const NightPlan& plan,
                                StateSnapshot& snapshot, const FileAccess& access,
                                const fs::path& products, const PlanSettings& settings,
                                bool verify_content) {
  return Gatherer(plan, snapshot, access, products, settings, verify_content).gather(setup);
}

fs::path closing_journal(const NightFolders& folders) {
  return folders.log("r0_to_dl1") / "journal" / "closing";
}

std::string below_root(const fs::path& path, const fs::path& root) {
  return path_below(path, root).value_or(path).string();
}

}  // namespace alisio::night
