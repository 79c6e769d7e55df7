#include "prov/ask/subject.hpp"

#include <filesystem>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"

namespace alisio::prov {
namespace fs = std::filesystem;
namespace {

/// Longer texts name nothing: they are not looked for, and not repeated in a message.
constexpr std::size_t longest_name = 4096;

Subject of_entities(Store& store, const std::vector<Row>& rows, std::string recognised) {
  Subject subject;
  subject.entity = store.entities({rows.front()}).at(0);
  subject.recognised = std::move(recognised);
  subject.others = rows.size() - 1;
  return subject;
}

}  // namespace

Subject find_subject(Store& store, const std::string& what) {
  if (what.empty() || what.size() > longest_name)
    throw Error(ErrorKind::usage, "is neither a file, nor a hash, nor an id",
                what.substr(0, 60) + (what.empty() ? "an empty text" : "…"), "see --help");
  std::error_code absent;
  const bool is_file = fs::is_regular_file(what, absent);
  if (is_file) {
    const std::string path = fs::weakly_canonical(what, absent).string();
    if (const auto rows = store.find_entities(path); !rows.empty()) {
      const StoredEntity found = store.entities({rows.front()}).at(0);
      if (found.path == path) return of_entities(store, rows, "");
    }
    if (const auto rows = store.find_entities("sha256:" + hash_file(path)); !rows.empty())
      return of_entities(store, rows, "by its content");
  }
  if (const auto rows = store.find_entities(what); !rows.empty())
    return of_entities(store, rows, is_file ? "by its name" : "");
  if (const auto rows = store.find_activities(what); !rows.empty()) {
    Subject subject;
    subject.activity = store.activities({rows.front()}).at(0);
    subject.others = rows.size() - 1;
    return subject;
  }
  throw Error(ErrorKind::incomplete, "nothing is on record", what,
              is_file ? "is its journal indexed? see alisio prov index"
                      : "give a path, a hash of 8 digits or more, or an id");
}

}  // namespace alisio::prov
