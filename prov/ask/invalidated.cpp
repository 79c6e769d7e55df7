#include "prov/ask/invalidated.hpp"

#include <algorithm>
#include <set>

#include "prov/store/connection.hpp"

namespace alisio::prov {
namespace {

/// Of so many things it is quicker to see first which have notes at all.
constexpr std::size_t ids_worth_a_look = 200;

std::vector<std::string> ids_of(const std::vector<StoredEntity>& files) {
  std::vector<std::string> ids;
  for (const StoredEntity& file : files) ids.push_back(file.id);
  return ids;
}

std::set<std::string> noted_things(Store& store) {
  const auto query = store.connection().prepare("SELECT DISTINCT about FROM note");
  query->bind({});
  std::set<std::string> ids;
  while (query->step()) ids.insert(query->text(0));
  return ids;
}

}  // namespace

std::map<std::string, Invalidation> find_invalidations(Store& store,
                                                       const std::vector<StoredEntity>& files) {
  std::vector<std::string> about = ids_of(files);
  if (about.size() > ids_worth_a_look) {
    const std::set<std::string> noted = noted_things(store);
    std::erase_if(about, [&](const std::string& id) { return !noted.contains(id); });
  }
  std::vector<Invalidation> told;
  for (const Store::Note& note : store.notes(about))
    if (auto one = parse_invalidation(note.about, note.time, note.author, note.text))
      told.push_back(std::move(*one));
  std::map<std::string, Invalidation> standing = standing_invalidations(std::move(told));
  if (standing.empty()) return standing;
  // To the second: the forms of the fractions differ.
  constexpr std::size_t to_seconds = 19;
  for (const StoredEntity& file : files) {
    const auto invalidation = standing.find(file.id);
    if (invalidation == standing.end() || file.generated_by == 0) continue;
    const std::vector<StoredActivity> makers = store.activities({file.generated_by}, Detail::brief);
    if (!makers.empty() &&
        makers.front().end.substr(0, to_seconds) > invalidation->second.time.substr(0, to_seconds))
      standing.erase(invalidation);
  }
  return standing;
}

bool was_set_aside(Store& store, const std::filesystem::path& file) {
  // Its name is that of the recorded file and one ending more.
  std::filesystem::path recorded = file;
  const std::vector<Store::Note> notes = store.notes(
      ids_of(store.entities(store.find_entities(recorded.replace_extension().string()))));
  return std::any_of(notes.begin(), notes.end(), [&](const Store::Note& note) {
    const auto told = parse_invalidation(note.about, note.time, note.author, note.text);
    return told && std::filesystem::path(told->kept_as).filename() == file.filename();
  });
}

nlohmann::ordered_json to_json(const Invalidation& invalidation) {
  nlohmann::ordered_json object{{"by", invalidation.action},
                                {"time", invalidation.time},
                                {"author", invalidation.author},
                                {"reason", invalidation.reason}};
  if (!invalidation.kept_as.empty()) object["kept_as"] = invalidation.kept_as;
  return object;
}

}  // namespace alisio::prov
