#include "prov/ask/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"
#include "prov/ask/audit.hpp"
#include "prov/ask/invalidated.hpp"
#include "prov/ask/names.hpp"
#include "prov/ask/story.hpp"
#include "prov/remark.hpp"
#include "prov/store/connection.hpp"
#include "prov/store/schema.hpp"

namespace alisio::prov {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

namespace {

/// Activities of a night that ended with success, or of which something remains.
std::vector<Row> activities_of(Store& store, const std::string& night) {
  std::string sql = "SELECT a.id FROM activity a WHERE a.name IS NOT NULL AND a.status <> 1";
  std::vector<SqlValue> values;
  if (!night.empty()) {
    sql += fmt::format(" AND a.date IN (SELECT id FROM name WHERE kind = {} AND text = ?)",
                       static_cast<int>(NameKind::date));
    values.emplace_back(night);
  }
  const auto query = store.connection().prepare(sql + " ORDER BY a.id");
  query->bind(values);
  std::vector<Row> rows;
  while (query->step()) rows.push_back(query->integer(0));
  return rows;
}

class Gaps {
 public:
  void add(const std::string& kind, const std::string& about, const std::string& detail,
           std::size_t products) {
    Gap& gap = gaps_[{kind, about}];
    gap.kind = kind;
    gap.about = about;
    if (gap.detail.empty()) gap.detail = detail;
    gap.products += products;
  }
  [[nodiscard]] std::vector<Gap> all() const {
    std::vector<Gap> list;
    for (const auto& [key, gap] : gaps_) list.push_back(gap);
    return list;
  }

 private:
  std::map<std::pair<std::string, std::string>, Gap> gaps_;
};

}  // namespace

CheckReport check(Store& store, const std::string& night, const IdReader& ids,
                  const PartReader& part) {
  const std::vector<Row> rows = activities_of(store, night);
  if (rows.empty())
    throw Error(ErrorKind::incomplete,
                night.empty() ? "nothing is on record" : "nothing is on record of night " + night,
                "alisio prov check", "bring the index up to date: alisio prov index");
  CheckReport report;
  Gaps gaps;
  struct Input {
    StoredEntity entity;
    double recorded_unix_utc_s = 0;
    std::map<std::string, std::size_t> products_of_part;  ///< of "": of all of it
    std::size_t products = 0;
  };
  std::map<Row, Input> inputs;
  // What each file was last, and when it was known to be that.
  std::map<std::string, RecordedFile> recorded;
  for (RecordedFile& file : recorded_files(store, night))
    recorded.emplace(file.path.string(), std::move(file));
  const auto was_replaced = [&](const StoredEntity& product) {
    const auto last = recorded.find(product.path);
    return last != recorded.end() && last->second.sha256 != product.sha256;
  };
  constexpr std::size_t at_once = 5000;  // activities with their texts in memory
  for (std::size_t begin = 0; begin < rows.size(); begin += at_once) {
    const std::vector<Row> slice(
        rows.begin() + static_cast<std::ptrdiff_t>(begin),
        rows.begin() + static_cast<std::ptrdiff_t>(std::min(rows.size(), begin + at_once)));
    const auto activities = store.activities(slice);
    const auto flows = store.flows_of_activities(slice);
    std::vector<Row> entity_rows;
    for (const StoredFlow& flow : flows) entity_rows.push_back(flow.entity);
    std::map<Row, StoredEntity> entities;
    for (StoredEntity& entity : store.entities(entity_rows))
      entities.emplace(entity.row, std::move(entity));
    std::map<Row, std::vector<const StoredFlow*>> of;
    for (const StoredFlow& flow : flows) of[flow.activity].push_back(&flow);
    for (const StoredActivity& activity : activities) {
      const std::string name = short_name(activity);
      std::size_t products = 0;
      for (const StoredFlow* flow : of[activity.row]) {
        const auto at = entities.find(flow->entity);
        if (!flow->generated || at == entities.end() || at->second.path.empty()) continue;
        if (at->second.generated_by == activity.row && !was_replaced(at->second)) ++products;
        if (at->second.generated_by == 0)
          gaps.add("product of no success", at->second.path,
                   fmt::format("{} {}", name, to_string(activity.how)), 1);
      }
      // What did not last needs not be made again.
      if (activity.how != ActivityEnd::completed || products == 0) continue;
      ++report.activities;
      report.products += products;
      if (activity.software.empty())
        gaps.add("software not recorded", name, "", products);
      else if (activity.software.find("+changes") != std::string::npos)
        gaps.add("software with changes", activity.software, "no commit tells what ran", products);
      if (activity.command.empty()) gaps.add("command not recorded", name, "", products);
      if (activity.configuration.is_null())
        gaps.add("configuration not recorded", activity.name, "", products);
      if (activity.environment.is_null())
        gaps.add("environment not recorded", activity.name, "", products);
      for (const StoredFlow* flow : of[activity.row]) {
        const auto at = entities.find(flow->entity);
        if (flow->generated || at == entities.end() || at->second.path.empty()) continue;
        Input& input = inputs[flow->entity];
        if (input.entity.row == 0) input.entity = at->second;
        input.products_of_part[part_in(flow->remark)] += products;
        input.products += products;
      }
    }
  }
  for (const auto& [row, input] : inputs) {
    ++report.inputs;
    const StoredEntity& entity = input.entity;
    std::error_code problem;
    // Of a raw file that only a run summary looked into, the hash is of what that took.
    if (entity.sha256.empty() && entity.data_hash.empty())
      gaps.add("input recorded by path only", entity.path, "", input.products);
    if (!fs::is_regular_file(entity.path, problem)) {
      gaps.add(find_invalidations(store, {entity}).empty() ? "input missing" : "input invalidated",
               entity.path, entity.name, input.products);
      continue;
    }
    RecordedFile file{entity.path, entity.sha256, entity.size_bytes, 0};
    if (const auto at = recorded.find(entity.path);
        at != recorded.end() && at->second.sha256 == entity.sha256)
      file.recorded_unix_utc_s = at->second.recorded_unix_utc_s;
    if (as_recorded(file)) continue;
    std::size_t concerned = 0;
    for (const auto& [taken, products] : input.products_of_part)
      if (taken.empty() || !part || part(entity.path, taken) != taken) concerned += products;
    if (concerned > 0) gaps.add("input changed since", entity.path, entity.name, concerned);
  }
  for (const fs::path& file : unrecorded_beside(store, night)) {
    const bool off = ids && ids(file).capture == "off";
    gaps.add(off ? "made with capture off" : "file without record", file.string(), "", 1);
  }
  report.gaps = gaps.all();
  return report;
}

ordered_json to_json(const CheckReport& report) {
  ordered_json object{{"activities", report.activities},
                      {"products", report.products},
                      {"inputs", report.inputs},
                      {"reproducible", report.gaps.empty()}};
  object["gaps"] = ordered_json::array();
  for (const Gap& gap : report.gaps) {
    ordered_json one{{"kind", gap.kind}, {"about", gap.about}};
    if (!gap.detail.empty()) one["detail"] = gap.detail;
    one["products"] = gap.products;
    object["gaps"].push_back(std::move(one));
  }
  return object;
}

}  // namespace alisio::prov
