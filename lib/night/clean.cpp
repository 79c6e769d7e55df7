#include "lib/night/clean.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/now.hpp"
#include "lib/base/part_file.hpp"
#include "lib/night/cleaned.hpp"
#include "lib/night/folders.hpp"
#include "lib/night/other_productions.hpp"
#include "prov/records.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

constexpr double day_s = 86400;
/// Age from which a fragment of a dead process of this machine goes, and of another machine, whose
/// processes are not seen from here, days.
constexpr double fragment_days = 1, foreign_fragment_days = 7;
constexpr std::string_view aside_mark = ".discarded-";
constexpr std::array levels{"DL1", "DL2", "DL3"};

/// A kind of intermediate products, and the product of a run that holds all of their events.
struct IntermediateKind {
  const char* port;
  const char* merged_by;  ///< nullptr: none holds them
};
/// Gain-selected raw data are none: where they are, the raw data go. Checks of subruns are none:
/// gates go by them. Merged DL1 holds no images.
constexpr std::array<IntermediateKind, 5> intermediate_kinds{{{"interleaved", nullptr},
                                                              {"dl1_subrun", nullptr},
                                                              {"dl1b_subrun", nullptr},
                                                              {"muons", "merge_muons"},
                                                              {"dl2_subrun", "merge_dl2"}}};

const IntermediateKind* kind_of_port(const std::string& port) {
  const auto found = std::find_if(intermediate_kinds.begin(), intermediate_kinds.end(),
                                  [&](const IntermediateKind& kind) { return port == kind.port; });
  return found == intermediate_kinds.end() ? nullptr : &*found;
}

bool is_past(const std::string& instant, double days) {
  return std::isfinite(days) && instant <= prov::iso_time(now_unix_utc_s() - days * day_s);
}

double age_days(const FileStamp& file) {
  return (now_unix_utc_s() - static_cast<double>(file.mtime_ns) * 1e-9) / day_s;
}

class Finder {
 public:
  Finder(State& state, const CleanRequest& request)
      : request_(request),
        recorded_(state.snapshot(request.key)),
        used_elsewhere_(files_of_other_open_productions(state, request.key)) {}

  void find(CleanPlan& plan) {
    plan_ = &plan;
    if (is_past(plan.closed_at, request_.policy.intermediate_days)) {
      for (const auto& [key, job] : recorded_.jobs)
        if (job.status == JobStatus::done)
          for (const JobFile& product : job.outputs) add_product(product);
      for (const char* level : levels)
        add_set_aside(production_folder(request_.products, level, request_.key));
    }
    if (is_past(plan.closed_at, request_.policy.logs_days)) add_logs();
    for (const char* level : levels)
      add_fragments(production_folder(request_.products, level, request_.key));
    add_fragments(request_.scratch);
  }

 private:
  void keep(const fs::path& file, const std::string& why) { plan_->kept.push_back({file, why}); }

  void add_product(const JobFile& product) {
    const auto& ports = request_.policy.intermediate;
    std::optional<FileStamp> stamp = stamp_of(product.path);
    if (std::find(ports.begin(), ports.end(), product.port) == ports.end() || !stamp) return;
    if (!stands_in(product.path, request_.products))
      return keep(product.path, "it is of another tree than paths.products");
    if (const auto other = used_elsewhere_.find(product.path); other != used_elsewhere_.end())
      return keep(product.path,
                  fmt::format("production {} uses it and is not closed", other->second));
    if (request_.hash(product.path) != product.hashes.sha256)
      return keep(product.path, "it is not as recorded");
    std::string why;
    if (const std::string merged = merged_into(product); !merged.empty()) {
      why = fmt::format("{} holds its events", merged);
    } else {
      const std::string obstacle = request_.why_not_again(product.path);
      if (!obstacle.empty()) return keep(product.path, obstacle);
      why = "it can be made again: inputs and program are as recorded";
    }
    stamp->sha256 = product.hashes.sha256;
    plan_->items.push_back({CleanKind::product, std::move(*stamp), product.path, std::move(why)});
  }

  /// Return the name of the merged file that holds the events of a product and is as recorded;
  /// empty: there is none.
  std::string merged_into(const JobFile& product) {
    const IntermediateKind* kind = kind_of_port(product.port);
    if (kind == nullptr || kind->merged_by == nullptr) return {};
    for (const auto& [key, job] : recorded_.jobs) {
      if (key.stage != kind->merged_by || key.run == whole_night || job.status != JobStatus::done ||
          job.outputs.empty())
        continue;
      const bool holds =
          std::any_of(job.inputs.begin(), job.inputs.end(), [&](const JobFile& input) {
            return input.path == product.path &&
                   input.hashes.deciding() == product.hashes.deciding();
          });
      if (!holds) continue;
      const JobFile& merged = job.outputs.front();
      const auto known = stands_.find(merged.path);
      const bool stands =
          known != stands_.end()
              ? known->second
              : stamp_of(merged.path) && request_.hash(merged.path) == merged.hashes.sha256;
      stands_.emplace(merged.path, stands);
      if (stands) return fs::path(merged.path).filename().string();
    }
    return {};
  }

  /// Return the job that made a product; nullptr: none is on record.
  [[nodiscard]] const JobRecord* maker_of(const std::string& path, JobFile& product) const {
    for (const auto& [key, job] : recorded_.jobs)
      for (const JobFile& output : job.outputs)
        if (job.status == JobStatus::done && output.path == path) {
          product = output;
          return &job;
        }
    return nullptr;
  }

  void add_set_aside(const fs::path& folder) {
    std::error_code absent;
    for (fs::recursive_directory_iterator at(folder, absent);
         !absent && at != fs::recursive_directory_iterator(); at.increment(absent)) {
      const std::string path = at->path().string();
      const std::size_t mark = path.rfind(aside_mark);
      if (mark == std::string::npos || path.find('/', mark) != std::string::npos) continue;
      std::optional<FileStamp> stamp = stamp_of(path);
      if (!stamp) continue;
      const std::string was = path.substr(0, mark);
      JobFile product;
      const JobRecord* maker = maker_of(was, product);
      if (maker == nullptr || !stamp_of(was) || request_.hash(was) != product.hashes.sha256) {
        keep(path, "nothing that stands was made in its place");
        continue;
      }
      // Of the same content, the entity stands.
      stamp->sha256 = request_.hash(path);
      if (stamp->sha256 == product.hashes.sha256) stamp->sha256.clear();
      plan_->items.push_back(
          {CleanKind::set_aside, std::move(*stamp), was,
           fmt::format("it was made anew on {}", maker->ended_at.substr(0, 19))});
    }
  }

  void add_logs() {
    std::set<std::string> done, needed;
    for (const auto& [key, job] : recorded_.jobs)
      (job.status == JobStatus::done ? done : needed).insert(job.log_file);
    for (const std::string& log : done)
      if (std::optional<FileStamp> stamp = stamp_of(log);
          stamp && !needed.contains(log) && is_ours(log))
        plan_->items.push_back({CleanKind::log, std::move(*stamp), log, "its jobs are done"});
  }

  [[nodiscard]] bool is_ours(const std::string& log) const {
    return std::any_of(request_.log_trees.begin(), request_.log_trees.end(),
                       [&](const fs::path& tree) { return stands_in(log, tree); });
  }

  void add_fragments(const fs::path& folder) {
    std::error_code absent;
    for (fs::recursive_directory_iterator at(folder, absent);
         !absent && at != fs::recursive_directory_iterator(); at.increment(absent)) {
      const auto part = parse_part_name(at->path().filename().string());
      if (!part) continue;
      std::optional<FileStamp> stamp = stamp_of(at->path());
      if (!stamp || writer_lives(*part) ||
          age_days(*stamp) < (part->of_this_machine ? fragment_days : foreign_fragment_days))
        continue;
      plan_->items.push_back({CleanKind::fragment, std::move(*stamp), at->path(),
                              part->of_this_machine
                                  ? fmt::format("process {} that wrote it is gone", part->pid)
                                  : fmt::format("nobody has written to it for {:.0f} days",
                                                std::floor(age_days(*stamp)))});
    }
  }

  const CleanRequest& request_;
  StateSnapshot recorded_;
  FilesOfOthers used_elsewhere_;
  std::map<std::string, bool> stands_;  ///< merged files, by path
  CleanPlan* plan_ = nullptr;
};

/// What is planned as the state records it. What an interrupted cleaning recorded before keeps its
/// time and author, so that provenance is told the same again.
std::vector<CleanedFile> records_of(State& state, const CleanRequest& request,
                                    const CleanPlan& plan) {
  const CleanedFiles before = cleaned_files(state, request.key);
  const std::string now = utc_now_text();
  std::vector<CleanedFile> records;
  for (const CleanItem& item : plan.items) {
    if (item.kind == CleanKind::fragment) continue;
    const auto known = before.find(item.file.path);
    // Recorded, and not written to since.
    if (known != before.end() && known->second.sha256 == item.file.sha256 &&
        prov::iso_time(static_cast<double>(item.file.mtime_ns) * 1e-9) < known->second.at)
      records.push_back(known->second);
    else
      records.push_back({.path = item.file.path,
                         .kind = to_string(item.kind),
                         .sha256 = item.file.sha256,
                         .size_bytes = item.file.size,
                         .why = item.why,
                         .author = request.author,
                         .at = now});
  }
  return records;
}

void remove_file(const fs::path& file) {
  std::error_code failed;
  if (fs::remove(file, failed); failed)
    throw Error(ErrorKind::resource, "cannot be removed: " + failed.message(), file.string(),
                "mend the permissions of its folder, then say it again");
}

}  // namespace

const char* to_string(CleanKind kind) {
  switch (kind) {
    case CleanKind::product:
      return "product";
    case CleanKind::set_aside:
      return "set aside";
    case CleanKind::log:
      return "log";
    case CleanKind::fragment:
      return "fragment";
  }
  return "product";
}

std::uint64_t CleanPlan::bytes() const {
  std::uint64_t sum = 0;
  for (const CleanItem& item : items) sum += item.file.size;
  return sum;
}

CleanPolicy clean_policy(const config::Configuration& configuration) {
  return {.intermediate_days = configuration.number("clean.intermediate_days"),
          .logs_days = configuration.number("clean.logs_days"),
          .intermediate = configuration.words("clean.intermediate")};
}

CleanPlan plan_cleaning(State& state, const CleanRequest& request) {
  const std::optional<ClosingRecord> closing = state.closing(request.key);
  if (!closing || !closing->closed())
    throw Error(ErrorKind::usage, "the night is not closed: passes still work on it",
                request.key.date.iso(), "alisio close closes it");
  CleanPlan plan;
  plan.key = request.key;
  plan.closed_at = closing->closed_at;
  Finder(state, request).find(plan);
  return plan;
}

void clean(State& state, const CleanRequest& request, CleanPlan& plan) {
  std::erase_if(plan.items, [&](const CleanItem& item) {
    const std::optional<FileStamp> now = stamp_of(item.file.path);
    if (now && same_stamp(*now, item.file)) return false;
    if (now) plan.kept.push_back({item.file.path, "it has changed just now"});
    return true;
  });
  const std::vector<CleanedFile> records = records_of(state, request, plan);
  record_cleaned(state, request.key, records);
  CleanedFiles by_path;
  for (const CleanedFile& record : records) by_path.emplace(record.path, record);
  std::vector<CleanItem> removed;
  for (CleanItem& item : plan.items) {
    try {
      if (!item.file.sha256.empty()) {
        const CleanedFile& record = by_path.at(item.file.path);
        request.record(
            {.file = item.was,
             .sha256 = record.sha256,
             .kept_as = {},
             .data_root = request.products,
             .log = production_folder(request.products, levels.front(), request.key) / "log",
             .reason = record.why,
             .author = record.author,
             .at = record.at,
             .action = "clean"});
      }
      remove_file(item.file.path);
      removed.push_back(std::move(item));
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      plan.failed.push_back({item.file.path, error.what()});
    }
  }
  plan.items = std::move(removed);
}

std::vector<NightDate> closed_nights(State& state, int telescope, const std::string& prod_id) {
  sqlite::Statement query = state.database().prepare(
      "SELECT DISTINCT date FROM closing WHERE telescope = ? AND prod_id = ? AND closed_at <> '' "
      "AND "
      "reopened_at = '' ORDER BY date");
  query.bind(telescope, prod_id);
  std::vector<NightDate> dates;
  while (query.step()) dates.push_back(NightDate::parse(query.text(0)));
  return dates;
}

}  // namespace alisio::night
