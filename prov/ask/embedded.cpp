#include "prov/ask/embedded.hpp"

#include <optional>

#include "lib/base/error.hpp"
#include "prov/ask/names.hpp"

namespace alisio::prov {

namespace fs = std::filesystem;

namespace {

/// Which product of an activity a file is: that of its name, else the only one of its kind.
std::optional<StoredEntity> product_like(Store& store, Row activity, const fs::path& file) {
  std::vector<Row> rows;
  for (const StoredFlow& flow : store.flows_of_activities({activity}))
    if (flow.generated) rows.push_back(flow.entity);
  const auto products = store.entities(rows);
  for (const StoredEntity& product : products)
    if (fs::path(product.path).filename() == file.filename()) return product;
  std::optional<StoredEntity> found;
  for (const StoredEntity& product : products) {
    if (fs::path(product.path).extension() != file.extension()) continue;
    if (found) return std::nullopt;
    found = product;
  }
  return found;
}

}  // namespace

Subject find_subject(Store& store, const std::string& what, const IdReader& ids) {
  check_name(what, "provenance");
  std::error_code absent;
  const bool is_file = fs::is_regular_file(what, absent);
  std::optional<Subject> by_name;
  try {
    Subject subject = find_subject(store, what);
    if (!is_file || !ids || subject.recognised != "by its name") return subject;
    by_name = std::move(subject);
  } catch (const Error& error) {
    if (!is_file || !ids || error.kind() != ErrorKind::incomplete) throw;
  }
  const EmbeddedIds embedded = ids(what);
  if (!embedded.activity.empty())
    if (const auto rows = store.find_activities(embedded.activity); !rows.empty()) {
      Subject subject;
      subject.activity = store.activities({rows.front()}).at(0);
      subject.entity = product_like(store, rows.front(), what);
      subject.recognised = "by the ids in it";
      return subject;
    }
  if (by_name) return *by_name;
  throw Error(ErrorKind::incomplete,
              embedded.capture == "off" ? "this file was made with capture switched off"
                                        : "this file is not on record by path, content or ids",
              shortened(what),
              embedded.capture == "off" ? "there is no record of it"
                                        : "is its journal indexed? see alisio prov index");
}

}  // namespace alisio::prov
