#include "prov/ask/audit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "lib/base/ids.hpp"
#include "prov/ask/invalidated.hpp"
#include "prov/ask/orphans.hpp"
#include "prov/remark.hpp"
#include "prov/store/connection.hpp"
#include "prov/store/schema.hpp"

namespace alisio::prov {

namespace fs = std::filesystem;

namespace {

/// A condition on activities "a", and its value.
std::string of_night(const std::string& night) {
  if (night.empty()) return "a.name IS NOT NULL AND a.status = 0";
  return fmt::format(
      "a.name IS NOT NULL AND a.status = 0 AND a.date IN (SELECT id FROM name WHERE kind = {} AND "
      "text = ?)",
      static_cast<int>(NameKind::date));
}

std::vector<SqlValue> value_of(const std::string& night) {
  if (night.empty()) return {};
  return {SqlValue(night)};
}

}  // namespace

namespace {

/// Return what activities of a night took of files of which none took all.
std::map<Row, std::set<std::string>> parts_taken(Store& store, const std::string& night) {
  const auto query = store.connection().prepare(fmt::format(
      "SELECT DISTINCT f.recorded, m.text FROM activity a JOIN used f ON f.activity = a.id LEFT "
      "JOIN name m ON m.id = f.remark WHERE {}",
      of_night(night)));
  query->bind(value_of(night));
  std::map<Row, std::set<std::string>> parts;
  std::set<Row> whole;
  while (query->step()) {
    const std::string part = part_in(query->text(1));
    if (part.empty())
      whole.insert(query->integer(0));
    else
      parts[query->integer(0)].insert(part);
  }
  for (const Row row : whole) parts.erase(row);
  return parts;
}

}  // namespace

std::vector<RecordedFile> recorded_files(Store& store, const std::string& night) {
  std::map<Row, std::int64_t> times;
  for (const bool used : {true, false}) {
    const auto query = store.connection().prepare(fmt::format(
        "SELECT e.id, MAX(a.sign_us) FROM activity a JOIN {} f ON f.activity = a.id JOIN entity e "
        "ON e.id = f.{} WHERE e.file IS NOT NULL AND {} GROUP BY e.id",
        used ? "used" : "generated", used ? "recorded" : "entity", of_night(night)));
    query->bind(value_of(night));
    while (query->step()) {
      std::int64_t& time = times[query->integer(0)];
      time = std::max(time, query->integer(1));
    }
  }
  std::vector<Row> rows;
  for (const auto& [row, time] : times) rows.push_back(row);
  std::map<std::string, StoredEntity> last;
  for (StoredEntity& entity : store.entities(rows)) {
    const auto [at, is_new] = last.try_emplace(entity.path, entity);
    if (!is_new && times[entity.row] >= times[at->second.row]) at->second = std::move(entity);
  }
  std::vector<StoredEntity> entities;
  for (auto& [path, entity] : last) entities.push_back(std::move(entity));
  const std::map<std::string, Invalidation> invalidations = find_invalidations(store, entities);
  std::map<Row, std::set<std::string>> parts = parts_taken(store, night);
  std::vector<RecordedFile> files;
  for (const StoredEntity& entity : entities) {
    if (invalidations.contains(entity.id)) continue;
    files.push_back({entity.path,
                     entity.sha256,
                     entity.size_bytes,
                     static_cast<double>(times[entity.row]) * 1e-6,
                     {}});
    // A product is as it was made.
    if (entity.generated_by == 0) files.back().parts = std::move(parts[entity.row]);
  }
  return files;
}

std::set<fs::path> product_folders(Store& store, const std::string& night) {
  const auto query = store.connection().prepare(
      "SELECT DISTINCT r.text, d.path FROM activity a JOIN generated f ON f.activity = a.id JOIN "
      "entity e ON e.id = f.entity LEFT JOIN name r ON r.id = e.root LEFT JOIN directory d ON d.id "
      "= e.directory WHERE e.file IS NOT NULL AND " +
      of_night(night));
  query->bind(value_of(night));
  std::set<fs::path> folders;
  while (query->step()) {
    const std::string folder =
        query->is_null(0) ? query->text(1) : query->text(0) + '/' + query->text(1);
    if (!folder.empty()) folders.insert(folder);
  }
  return folders;
}

std::vector<fs::path> unrecorded_beside(Store& store, const std::string& night) {
  std::vector<fs::path> found;
  for (const fs::path& folder : product_folders(store, night)) {
    std::error_code problem;
    for (fs::directory_iterator at(folder, problem); !problem && at != fs::directory_iterator();
         at.increment(problem))
      if (at->is_regular_file(problem) && !at->is_symlink(problem) &&
          may_be_recorded(at->path().filename()) &&
          store.find_entities(at->path().string()).empty() && !was_set_aside(store, at->path()))
        found.push_back(at->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace alisio::prov
