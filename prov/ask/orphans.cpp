#include "prov/ask/orphans.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/path_below.hpp"
#include "prov/ask/story.hpp"
#include "prov/store/connection.hpp"

namespace alisio::prov {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

bool may_be_recorded(const fs::path& file) {
  const std::string name = file.filename().string();
  for (const fs::path& part : file)
    if (part == "log" || part == "journal" || part == "state") return false;
  if (name.empty() || name[0] == '.' || name.ends_with(".log")) return false;
  // A run summary that was replaced: RunSummary_20240115.ecsv.1
  if (name.starts_with("RunSummary_") && name.find(".ecsv.") != std::string::npos) return false;
  return name.find("_prov.") == std::string::npos &&
         name.find("provenance.sqlite") == std::string::npos;
}

namespace {

/// Answers whether a file is on record, by the cheapest way that tells.
class KnownFiles {
 public:
  KnownFiles(Store& store, const IdReader& ids)
      : store_(store),
        ids_(ids),
        same_name_(store.connection().prepare("SELECT id FROM entity WHERE file = ?")),
        same_size_(store.connection().prepare(
            "SELECT DISTINCT size FROM entity WHERE sha256 IS NOT NULL AND size > 0")) {
    same_size_->bind({});
    while (same_size_->step()) sizes_.insert(static_cast<std::uintmax_t>(same_size_->integer(0)));
  }

  bool holds(const fs::path& file) {
    return !store_.find_entities(file.string()).empty() || by_real_path(file) || by_content(file) ||
           by_ids(file);
  }

 private:
  bool by_real_path(const fs::path& file) {
    std::vector<Row> rows;
    same_name_->bind({file.filename().string()});
    while (same_name_->step()) rows.push_back(same_name_->integer(0));
    const std::vector<StoredEntity> candidates = store_.entities(rows);
    return std::any_of(candidates.begin(), candidates.end(), [&](const StoredEntity& candidate) {
      std::error_code absent;
      return fs::equivalent(candidate.path, file, absent);
    });
  }

  bool by_content(const fs::path& file) {
    std::error_code problem;
    return sizes_.contains(fs::file_size(file, problem)) && !problem &&
           !store_.find_entities("sha256:" + hash_file(file)).empty();
  }

  bool by_ids(const fs::path& file) {
    const std::string activity = ids_ ? ids_(file).activity : std::string();
    return !activity.empty() && !store_.find_activities(activity).empty();
  }

  Store& store_;
  const IdReader& ids_;
  std::unique_ptr<SqlStatement> same_name_, same_size_;
  std::set<std::uintmax_t> sizes_;
};

/// Products on record that stood below a folder, by whatever way that was recorded.
std::vector<StoredEntity> recorded_below(Store& store, const fs::path& folder) {
  const fs::path root = fs::weakly_canonical(folder);
  const auto query = store.connection().prepare(
      "SELECT e.id, e.root, e.directory, COALESCE(r.text || '/', '') || COALESCE(d.path, '') FROM "
      "entity e LEFT JOIN name r ON r.id = e.root LEFT JOIN directory d ON d.id = e.directory "
      "WHERE e.file IS NOT NULL AND e.generated_by IS NOT NULL AND (e.root IS NOT NULL OR d.path "
      "LIKE '/%')");
  query->bind({});
  std::map<std::pair<Row, Row>, bool> below;
  std::vector<Row> rows;
  while (query->step()) {
    const auto [at, is_new] = below.try_emplace({query->integer(1), query->integer(2)});
    std::error_code problem;
    if (is_new)
      at->second = path_below(fs::weakly_canonical(query->text(3), problem), root).has_value();
    if (at->second) rows.push_back(query->integer(0));
  }
  return store.entities(rows);
}

}  // namespace

Orphans orphans(Store& store, const fs::path& folder, const IdReader& ids, std::size_t limit) {
  std::error_code problem;
  if (!fs::is_directory(folder, problem))
    throw Error(ErrorKind::missing_input, "there is no such folder", folder.string(),
                "give a folder of products");
  // Not the real path: files are told as they were asked for.
  fs::path root = fs::absolute(folder).lexically_normal();
  if (!root.has_filename()) root = root.parent_path();
  if (!fs::equivalent(root, folder, problem)) root = fs::canonical(folder);
  KnownFiles known(store, ids);
  Orphans result;
  fs::recursive_directory_iterator at(root, fs::directory_options::skip_permission_denied, problem);
  for (; !problem && at != fs::recursive_directory_iterator(); at.increment(problem)) {
    const std::string name = at->path().filename().string();
    if (at->is_directory(problem)) {
      if (name == "log" || name == "state" || name.starts_with('.')) at.disable_recursion_pending();
      continue;
    }
    // The folder's own place may hold a "log"; only what is below it counts.
    if (at->is_symlink(problem) || !at->is_regular_file(problem) ||
        !may_be_recorded(at->path().lexically_relative(root)))
      continue;
    if (result.looked_at == limit) {
      result.cut = true;
      break;
    }
    ++result.looked_at;
    if (!known.holds(at->path())) result.files.push_back(at->path());
  }
  std::sort(result.files.begin(), result.files.end());

  for (StoredEntity& record : recorded_below(store, folder))
    if (!fs::exists(record.path, problem)) result.records.push_back(std::move(record));
  std::sort(result.records.begin(), result.records.end(),
            [](const StoredEntity& a, const StoredEntity& b) {
              return std::tie(a.path, a.id) < std::tie(b.path, b.id);
            });
  return result;
}

ordered_json to_json(const Orphans& orphans) {
  ordered_json object{{"looked_at", orphans.looked_at}, {"cut", orphans.cut}};
  object["files_without_record"] = ordered_json::array();
  for (const fs::path& file : orphans.files)
    object["files_without_record"].push_back(file.string());
  object["records_without_file"] = ordered_json::array();
  for (const StoredEntity& record : orphans.records)
    object["records_without_file"].push_back(to_json(record));
  return object;
}

}  // namespace alisio::prov
