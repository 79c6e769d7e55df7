#include "prov/ask/orphans.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/error.hpp"
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

Orphans orphans(Store& store, const fs::path& folder, std::size_t limit) {
  std::error_code problem;
  if (!fs::is_directory(folder, problem))
    throw Error(ErrorKind::missing_input, "there is no such folder", folder.string(),
                "give a folder of products");
  const fs::path root = fs::weakly_canonical(folder);
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
    if (store.find_entities(at->path().string()).empty()) result.files.push_back(at->path());
  }
  std::sort(result.files.begin(), result.files.end());

  std::string pattern = root.string();
  while (pattern.ends_with('/')) pattern.pop_back();
  std::string below;
  for (const char c : pattern) {
    if (c == '%' || c == '_' || c == '!') below += '!';
    below += c;
  }
  below += "/%";
  const std::string place = "(COALESCE(r.text || '/', '') || COALESCE(d.path, ''))";
  const auto query = store.connection().prepare(fmt::format(
      "SELECT e.id FROM entity e LEFT JOIN name r ON r.id = e.root LEFT JOIN directory d ON d.id = "
      "e.directory WHERE e.file IS NOT NULL AND e.generated_by IS NOT NULL AND ({0} = ? OR {0} "
      "LIKE ? ESCAPE '!')",
      place));
  query->bind({pattern, below});
  std::vector<Row> rows;
  while (query->step()) rows.push_back(query->integer(0));
  for (StoredEntity& entity : store.entities(rows))
    if (entity.path.starts_with(pattern + "/") && !fs::exists(entity.path, problem))
      result.records.push_back(std::move(entity));
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
