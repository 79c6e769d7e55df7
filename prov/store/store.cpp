#include "prov/store/store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "prov/store/connection.hpp"
#include "prov/store/indexer.hpp"
#include "prov/store/schema.hpp"

namespace alisio::prov {

namespace fs = std::filesystem;
using nlohmann::json;

struct Store::State {
  std::string where;
  std::unique_ptr<Connection> connection;
  // Texts that repeat, once they were asked for. Rows of names and directories never change.
  std::unordered_map<Row, std::string> names, directories;
  std::unique_ptr<SqlStatement> find_name, find_directory;

  const std::string& name(Row row) { return text(row, names, find_name, "text FROM name"); }
  const std::string& directory(Row row) {
    return text(row, directories, find_directory, "path FROM directory");
  }

 private:
  const std::string& text(Row row, std::unordered_map<Row, std::string>& known,
                          std::unique_ptr<SqlStatement>& find, const std::string& what) {
    const auto [at, is_new] = known.try_emplace(row);
    if (is_new && row != 0) {
      if (!find) find = connection->prepare("SELECT " + what + " WHERE id = ?");
      // Read to the end: a statement that is not at its end keeps writers out.
      find->bind({row});
      while (find->step()) at->second = find->text(0);
    }
    return at->second;
  }
};

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Store::Connection& Store::connection() {
  return *state_->connection;
}

namespace {

/// Run work in a transaction: all of it or nothing.
template <typename Work>
auto within_transaction(Store::Connection& connection, const Work& work) {
  connection.begin();
  try {
    auto result = work();
    connection.commit();
    return result;
  } catch (...) {
    connection.roll_back();
    throw;
  }
}

std::unique_ptr<Store::Connection> connect(const std::string& where, StoreMode mode, bool fast) {
  return names_postgresql(where) ? connect_postgresql(where, mode)
                                 : connect_sqlite(where, mode, fast);
}

void drop_all(Store::Connection& connection) {
  for (const char* view :
       {"voprov_wasgeneratedby", "voprov_used", "voprov_entity", "voprov_activity"})
    connection.run(std::string("DROP VIEW IF EXISTS ") + view);
  for (const std::string& table : schema_table_names())
    connection.run("DROP TABLE IF EXISTS " + table);
}

/// Make the tables and fill them; the indexes come after the rows.
IndexReport fill_fresh(Store::Connection& connection, std::vector<JournalFile>& journals,
                       const Definition& definition, const LoggerConfiguration& logger) {
  for (const std::string& statement : schema_tables()) connection.make_table(statement);
  IndexReport report = index_journals(connection, true, journals, definition, logger);
  for (const std::string& statement : schema_views()) connection.run(statement);
  connection.run(fmt::format("INSERT INTO store_version (number) VALUES ({})", store_schema));
  return report;
}

}  // namespace

Store Store::open(const std::string& where, StoreMode mode) {
  const bool file = !names_postgresql(where) && where != ":memory:";
  if (mode == StoreMode::read_only && file && !fs::exists(where))
    throw Error(ErrorKind::missing_input, "there is no index of provenance", where,
                "make it from the journals: alisio prov index");
  if (file && mode == StoreMode::update) refuse_foreign_file(where);
  auto state = std::make_unique<State>();
  state->where = where;
  state->connection = connect(where, mode, where == ":memory:");
  Connection& connection = *state->connection;
  if (!connection.has_table("store_version")) {
    if (mode == StoreMode::read_only && file) refuse_foreign_file(where);
    if (mode == StoreMode::read_only)
      throw Error(ErrorKind::missing_input, "the index of provenance is empty",
                  without_password(where), "fill it from the journals: alisio prov index");
    within_transaction(connection, [&] {
      if (!connection.has_table("store_version")) make_schema(connection);
      return 0;
    });
  }
  const auto version = connection.prepare("SELECT number FROM store_version");
  if (!version->bind({}).step() || version->integer(0) != store_schema)
    throw Error(ErrorKind::bad_input, "the index of provenance is of another version",
                without_password(where),
                "make it anew from the journals: alisio prov index --rebuild");
  return Store(std::move(state));
}

IndexReport Store::index(const std::vector<fs::path>& sources, const Definition& definition,
                         const LoggerConfiguration& logger) {
  Connection& connection = *state_->connection;
  auto journals = find_journals(sources, logger.journal_name.extension().string());
  IndexReport report;
  recall(connection, journals);
  if (std::all_of(journals.begin(), journals.end(), is_unchanged)) {
    report.unchanged = static_cast<std::int64_t>(journals.size());
    return report;
  }
  report = within_transaction(connection, [&] {
    // Whether there is nothing yet is known for sure only once no other can write.
    const auto first = connection.prepare("SELECT id FROM journal LIMIT 1");
    if (first->bind({}).step()) {
      recall(connection, journals);
      return index_journals(connection, false, journals, definition, logger);
    }
    drop_all(connection);
    return fill_fresh(connection, journals, definition, logger);
  });
  connection.tidy();
  return report;
}

IndexReport Store::rebuild(const std::string& where, const std::vector<fs::path>& sources,
                           const Definition& definition, const LoggerConfiguration& logger) {
  auto journals = find_journals(sources, logger.journal_name.extension().string());
  if (names_postgresql(where)) {
    const auto connection = connect(where, StoreMode::update, false);
    IndexReport report = within_transaction(*connection, [&] {
      drop_all(*connection);
      return fill_fresh(*connection, journals, definition, logger);
    });
    connection->tidy();
    return report;
  }
  // Of a link, what it names is made anew: SQLite keeps its log beside that.
  const fs::path target = fs::weakly_canonical(where);
  refuse_foreign_file(target);
  PendingFile fresh(target);
  IndexReport report;
  {
    const auto connection = connect(fresh.path().string(), StoreMode::update, true);
    report = within_transaction(
        *connection, [&] { return fill_fresh(*connection, journals, definition, logger); });
    connection->tidy();
  }
  fresh.sync();
  // The log of the old file must not be taken for that of the new one.
  std::error_code absent;
  for (const char* suffix : {"-wal", "-shm"}) fs::remove(target.string() + suffix, absent);
  fresh.publish();
  return report;
}

void Store::move_roots(const std::vector<std::string>& from, const std::string& to) {
  Connection& connection = *state_->connection;
  const auto find = [&](const std::string& root) -> std::int64_t {
    const auto query = connection.prepare("SELECT id FROM name WHERE kind = ? AND text = ?");
    query->bind({static_cast<int>(NameKind::root), root});
    return query->step() ? query->integer(0) : 0;
  };
  within_transaction(connection, [&] {
    for (const std::string& root : from) {
      const std::int64_t old_row = root == to ? 0 : find(root);
      if (old_row == 0) continue;
      if (const std::int64_t new_row = find(to); new_row != 0)
        connection.prepare("UPDATE entity SET root = ? WHERE root = ?")->run({new_row, old_row});
      else
        connection.prepare("UPDATE name SET text = ? WHERE id = ?")->run({to, old_row});
    }
    return 0;
  });
}

void Store::clear() {
  Connection& connection = *state_->connection;
  within_transaction(connection, [&] {
    drop_all(connection);
    make_schema(connection);
    return 0;
  });
}

namespace {

/// Call back for each slice of rows as a list for IN (…).
template <typename Work>
void by_slices(std::vector<Row> rows, const Work& work) {
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  constexpr std::size_t at_once = 1000;
  for (std::size_t begin = 0; begin < rows.size(); begin += at_once) {
    std::string list;
    for (std::size_t i = begin; i < std::min(rows.size(), begin + at_once); ++i)
      fmt::format_to(std::back_inserter(list), "{}{}", i == begin ? "" : ",", rows[i]);
    work(list);
  }
}

std::string time_text(std::int64_t us) {
  // Whole seconds, for a double does not hold all microseconds of our century.
  std::string text = iso_time(static_cast<double>(us / 1000000));
  const std::string fraction = std::to_string(1000000 + us % 1000000);
  text.replace(text.size() - 7, 6, fraction, 1, 6);
  return text;
}

json parsed(const std::string& text) {
  if (text.empty()) return nullptr;
  json value = json::parse(text, nullptr, false);
  return value.is_discarded() ? json(text) : value;
}

/// Values in the order of the rows that were asked for.
template <typename Value>
class InOrder {
 public:
  explicit InOrder(const std::vector<Row>& rows) : rows_(rows), values_(rows.size()) {
    places_.reserve(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) places_.emplace(rows[i], i);
  }
  Value& at(Row row) { return values_[places_.at(row)]; }
  /// Return the values of the rows that were found, those of rows asked for twice, too.
  std::vector<Value> take() {
    if (places_.size() != rows_.size())
      for (std::size_t i = 0; i < rows_.size(); ++i)
        if (const std::size_t first = places_.at(rows_[i]); first != i) values_[i] = values_[first];
    std::erase_if(values_, [](const Value& value) { return value.row == 0; });
    return std::move(values_);
  }

 private:
  const std::vector<Row>& rows_;
  std::vector<Value> values_;
  std::unordered_map<Row, std::size_t> places_;
};

constexpr ActivityEnd ends[] = {ActivityEnd::completed, ActivityEnd::planned, ActivityEnd::failed,
                                ActivityEnd::killed};

}  // namespace

std::vector<StoredActivity> Store::activities(const std::vector<Row>& rows, Detail detail) {
  Connection& connection = *state_->connection;
  InOrder<StoredActivity> found(rows);
  const bool full = detail == Detail::full;
  by_slices(rows, [&](const std::string& list) {
    const auto query = connection.prepare(
        std::string("SELECT a.id, a.uuid, a.name, a.telescope, a.run, a.subrun, a.date, "
                    "a.production, a.start_us, a.end_us, a.sign_us, a.status, a.exit_code, "
                    "a.software, s.host, a.operator, s.uuid, a.origin, j.path") +
        (full ? ", m.body, c.body, q.body, v.body" : "") +
        " FROM activity a LEFT JOIN session s ON s.id = a.session LEFT JOIN journal j ON j.id = "
        "a.journal" +
        (full ? " LEFT JOIN content m ON m.id = a.message LEFT JOIN content c ON c.id = a.command "
                "LEFT JOIN content q ON q.id = a.parameters LEFT JOIN content v ON v.id = "
                "s.environment"
              : "") +
        " WHERE a.name IS NOT NULL AND a.id IN (" + list + ")");
    query->bind({});
    while (query->step()) {
      StoredActivity& a = found.at(query->integer(0));
      a.row = query->integer(0);
      a.id = query->text(1);
      a.name = state_->name(query->integer(2));
      a.telescope = static_cast<int>(query->integer(3));
      a.run = static_cast<int>(query->integer(4));
      a.subrun = static_cast<int>(query->integer(5));
      a.observation_date = state_->name(query->integer(6));
      a.prod_id = state_->name(query->integer(7));
      const std::int64_t start = query->integer(8);
      a.start = time_text(start);
      a.end =
          time_text(query->is_null(9) ? std::max(start, query->integer(10)) : query->integer(9));
      a.how = ends[query->integer(11) & 3];
      a.exit_code = static_cast<int>(query->integer(12));
      a.software = state_->name(query->integer(13));
      a.host = state_->name(query->integer(14));
      a.operator_name = state_->name(query->integer(15));
      a.session = query->text(16);
      a.origin = state_->name(query->integer(17));
      a.journal = query->text(18);
      if (full) {
        a.message = query->text(19);
        a.command = parsed(query->text(20));
        a.parameters = parsed(query->text(21));
        a.environment = parsed(query->text(22));
      }
    }
    if (!full) return;
    const auto bodies = connection.prepare(
        "SELECT u.activity, c.body, t.text FROM used u JOIN entity e ON e.id = u.recorded JOIN "
        "content c ON c.id = e.body JOIN name t ON t.id = e.type WHERE u.activity IN (" +
        list + ")");
    bodies->bind({});
    while (bodies->step()) {
      StoredActivity& activity = found.at(bodies->integer(0));
      const std::string type = bodies->text(2);
      if (type == "Configuration")
        activity.configuration = parsed(bodies->text(1));
      else if (type == "Environment")
        activity.environment = parsed(bodies->text(1));
    }
  });
  return found.take();
}

std::vector<StoredEntity> Store::entities(const std::vector<Row>& rows) {
  Connection& connection = *state_->connection;
  InOrder<StoredEntity> found(rows);
  by_slices(rows, [&](const std::string& list) {
    const auto query = connection.prepare(
        "SELECT e.id, e.uuid, e.name, e.level, e.root, e.directory, e.file, e.logical, e.size, "
        "e.sha256, e.data_hash, a.id, a.run, a.subrun, (SELECT MAX(g.remark) FROM generated g "
        "WHERE g.activity = a.id AND g.entity = COALESCE(e.same_as, e.id)) FROM entity e LEFT JOIN "
        "entity c ON c.id = e.same_as LEFT JOIN activity a ON a.id = COALESCE(e.generated_by, "
        "c.generated_by) WHERE e.id IN (" +
        list + ")");
    query->bind({});
    while (query->step()) {
      StoredEntity& e = found.at(query->integer(0));
      e.row = query->integer(0);
      e.id = query->text(1);
      e.name = state_->name(query->integer(2));
      e.level = state_->name(query->integer(3));
      const std::string &root = state_->name(query->integer(4)),
                        &folder = state_->directory(query->integer(5));
      const std::string file = query->text(6);
      e.logical_path = query->text(7);
      if (!file.empty() || !folder.empty()) {
        const std::string below = folder.empty() ? file : folder + '/' + file;
        // The root of a file in "/" and the folder of "/file" are both empty texts.
        e.path = query->is_null(4) ? (folder.empty() ? file : below) : root + '/' + below;
        if (!query->is_null(4)) e.logical_path = below;
      }
      e.size_bytes = static_cast<std::uint64_t>(query->integer(8));
      e.sha256 = query->text(9);
      e.data_hash = query->text(10);
      e.generated_by = query->integer(11);
      if (e.generated_by != 0) {
        e.run = static_cast<int>(query->integer(12));
        e.subrun = static_cast<int>(query->integer(13));
        e.quality = state_->name(query->integer(14));
      }
    }
  });
  return found.take();
}

namespace {

/// @param entity column of the table that names the entity
void read_flows_of(Store::Connection& connection, const char* table, const char* entity,
                   const char* column, const std::string& list, std::vector<StoredFlow>& flows) {
  const auto query = connection.prepare(
      fmt::format("SELECT f.activity, f.{3}, r.text, p.text, m.text FROM {0} f LEFT JOIN name "
                  "r ON r.id = f.role LEFT JOIN name p ON p.id = f.port LEFT JOIN name m ON m.id "
                  "= f.remark WHERE f.{1} IN ({2})",
                  table, column, list, entity));
  query->bind({});
  while (query->step())
    flows.push_back({query->integer(0), query->integer(1), std::string_view(table) != "used",
                     query->text(2), query->text(3), query->text(4)});
}

void read_flows(Store::Connection& connection, const char* column, const std::string& list,
                std::vector<StoredFlow>& flows) {
  for (const char* table : {"used", "generated"})
    read_flows_of(connection, table, "entity", column, list, flows);
}

}  // namespace

std::vector<StoredFlow> Store::flows_of_activities(const std::vector<Row>& activities) {
  std::vector<StoredFlow> flows;
  by_slices(activities, [&](const std::string& list) {
    read_flows(*state_->connection, "activity", list, flows);
  });
  std::sort(flows.begin(), flows.end());
  flows.erase(std::unique(flows.begin(), flows.end()), flows.end());
  return flows;
}

std::vector<StoredFlow> Store::recorded_uses(const std::vector<Row>& activities) {
  std::vector<StoredFlow> uses;
  by_slices(activities, [&](const std::string& list) {
    read_flows_of(*state_->connection, "used", "recorded", "activity", list, uses);
  });
  std::sort(uses.begin(), uses.end());
  return uses;
}

std::vector<Row> Store::activities_of_session(const std::string& session) {
  const auto query = state_->connection->prepare(
      "SELECT a.id FROM session s JOIN activity a ON a.session = s.id WHERE s.uuid = ? AND a.name "
      "IS NOT NULL ORDER BY a.start_us, a.id");
  query->bind({session});
  std::vector<Row> rows;
  while (query->step()) rows.push_back(query->integer(0));
  return rows;
}

std::vector<StoredFlow> Store::flows_of_entities(const std::vector<Row>& entities) {
  std::vector<StoredFlow> flows;
  by_slices(entities, [&](const std::string& list) {
    read_flows(*state_->connection, "entity", list, flows);
  });
  std::sort(flows.begin(), flows.end(), [](const StoredFlow& a, const StoredFlow& b) {
    return std::tie(a.entity, a.activity, a.generated, a.role, a.port, a.remark) <
           std::tie(b.entity, b.activity, b.generated, b.role, b.port, b.remark);
  });
  flows.erase(std::unique(flows.begin(), flows.end()), flows.end());
  return flows;
}

namespace {

bool is_hexadecimal(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Return the smallest text that is greater than all that begin with a prefix of ASCII signs.
std::string after_prefix(std::string prefix) {
  ++prefix.back();
  return prefix;
}

/// Newest first: by the time of the last activity that made or used them.
std::vector<Row> newest_first(Store::Connection& connection, std::vector<Row> rows) {
  if (rows.size() < 2) return rows;
  std::unordered_map<Row, std::int64_t> times;
  by_slices(rows, [&](const std::string& list) {
    for (const char* flow : {"generated", "used"}) {
      const auto query = connection.prepare(
          fmt::format("SELECT f.{1}, MAX(a.sign_us) FROM {0} f JOIN activity a ON a.id = "
                      "f.activity WHERE f.entity IN ({2}) GROUP BY f.{1}",
                      flow, std::string_view(flow) == "used" ? "recorded" : "entity", list));
      query->bind({});
      while (query->step()) {
        // What was made counts by its making, however often it was used since.
        std::int64_t& time = times[query->integer(0)];
        if (time == 0) time = query->integer(1);
      }
    }
  });
  std::stable_sort(rows.begin(), rows.end(), [&](Row a, Row b) {
    return std::make_tuple(times[a], a) > std::make_tuple(times[b], b);
  });
  return rows;
}

std::vector<Row> all_rows(SqlStatement& statement) {
  std::vector<Row> rows;
  while (statement.step()) rows.push_back(statement.integer(0));
  return rows;
}

}  // namespace

std::vector<Row> Store::find_entities(const std::string& what) {
  Connection& connection = *state_->connection;
  std::string hex = what;
  for (const char* prefix : {"sha256:", "id:", "e:"})
    if (hex.starts_with(prefix)) hex = hex.substr(std::string_view(prefix).size());
  if (is_hexadecimal(hex) && hex.size() >= 8 && hex.size() <= 64) {
    for (const auto& [text, number] : {std::pair{"sha256", "hash8"}, {"data_hash", "data8"}}) {
      const std::string head = hex.substr(0, 16);
      const auto low = static_cast<std::int64_t>(
          std::stoull(head + std::string(16 - head.size(), '0'), nullptr, 16));
      const auto high = static_cast<std::int64_t>(
          std::stoull(head + std::string(16 - head.size(), 'f'), nullptr, 16));
      const auto query = connection.prepare(
          fmt::format("SELECT id FROM entity WHERE {1} >= ? AND {1} <= ? AND {0} >= ? AND {0} < ?",
                      text, number));
      query->bind({low, high, hex, after_prefix(hex)});
      if (auto rows = all_rows(*query); !rows.empty())
        return newest_first(connection, std::move(rows));
    }
  }
  const auto by_id = connection.prepare("SELECT id FROM entity WHERE uuid = ?");
  for (const std::string& id : {what, hex})
    if (auto rows = all_rows(by_id->bind({id})); !rows.empty()) return rows;
  if (is_hexadecimal(hex) && hex.size() >= 8 && hex.size() < 32) {
    const auto query = connection.prepare("SELECT id FROM entity WHERE uuid >= ? AND uuid < ?");
    query->bind({hex, after_prefix(hex)});
    if (auto rows = all_rows(*query); !rows.empty())
      return newest_first(connection, std::move(rows));
  }
  const std::string file = fs::path(what).filename().string();
  if (file.empty()) return {};
  const auto by_file = connection.prepare("SELECT id FROM entity WHERE file = ?");
  const auto candidates = entities(all_rows(by_file->bind({file})));
  std::string path = what;
  while (path.starts_with("./")) path = path.substr(2);
  std::vector<Row> found;
  const auto take = [&](const auto& matches) {
    if (!found.empty()) return;
    for (const StoredEntity& entity : candidates)
      if (matches(entity)) found.push_back(entity.row);
  };
  take([&](const StoredEntity& e) { return e.path == what; });
  std::error_code problem;
  const std::string absolute = fs::weakly_canonical(what, problem).string();
  take([&](const StoredEntity& e) { return e.path == absolute; });
  take([&](const StoredEntity& e) { return e.logical_path == path; });
  // A file that moved with its data tree still ends in its path below the root.
  take([&](const StoredEntity& e) {
    return e.logical_path != e.path && e.logical_path.find('/') != std::string::npos &&
           absolute.ends_with('/' + e.logical_path);
  });
  // The name alone, if only the name was given.
  if (path == file) take([&](const StoredEntity&) { return true; });
  return newest_first(connection, std::move(found));
}

std::vector<Row> Store::find_activities(const std::string& what) {
  Connection& connection = *state_->connection;
  const std::string id = what.starts_with("id:") ? what.substr(3) : what;
  if (id.empty()) return {};
  const auto exact =
      connection.prepare("SELECT id FROM activity WHERE uuid = ? AND name IS NOT NULL");
  if (auto rows = all_rows(exact->bind({id})); !rows.empty()) return rows;
  if (id.size() < 8) return {};
  const auto query = connection.prepare(
      "SELECT id FROM activity WHERE uuid >= ? AND uuid < ? AND name IS NOT NULL ORDER BY start_us "
      "DESC, uuid");
  query->bind({id, after_prefix(id)});
  return all_rows(*query);
}

namespace {

/// Entities that stand for others of equal content.
std::unordered_map<Row, Row> equals_of(Store::Connection& connection,
                                       const std::vector<Row>& entities) {
  std::unordered_map<Row, Row> equal;
  by_slices(entities, [&](const std::string& list) {
    const auto query = connection.prepare(
        "SELECT id, same_as FROM entity WHERE same_as IS NOT NULL AND id IN (" + list + ")");
    query->bind({});
    while (query->step()) equal.emplace(query->integer(0), query->integer(1));
  });
  return equal;
}

/// A relation as the walk meets it; texts are looked up once for each number.
struct Edge {
  Row activity, entity, role, port, remark;
  bool generated;
};

}  // namespace

Walk Store::walk(const std::vector<Row>& start_entities, const std::vector<Row>& start_activities,
                 Direction direction, const WalkLimits& limits, Detail detail) {
  Connection& connection = *state_->connection;
  const auto equal = equals_of(connection, start_entities);
  std::vector<Row> entity_order, activity_order, open_entities, open_activities;
  std::unordered_set<Row> seen_entities, seen_activities, cut_entities, cut_activities;
  std::vector<Edge> edges;
  const auto full = [&] { return entity_order.size() + activity_order.size() >= limits.nodes; };
  for (const Row row : start_entities) {
    const auto at = equal.find(row);
    const Row entity = at == equal.end() ? row : at->second;
    if (full() || !seen_entities.insert(entity).second) continue;
    entity_order.push_back(entity);
    open_entities.push_back(entity);
  }
  for (const Row row : start_activities)
    if (!full() && seen_activities.insert(row).second) {
      activity_order.push_back(row);
      open_activities.push_back(row);
    }
  // One step at a time: all that the nodes reached last lead to.
  for (int depth = 0; !open_entities.empty() || !open_activities.empty(); ++depth) {
    const bool last = limits.depth >= 0 && depth >= limits.depth;
    std::vector<Edge> reached;
    const auto read = [&](const std::string& sql, bool generated) {
      const auto query = connection.prepare(sql);
      query->bind({});
      while (query->step())
        reached.push_back({query->integer(0), query->integer(1), query->integer(2),
                           query->integer(3), query->integer(4), generated});
    };
    const bool back = direction == Direction::back;
    by_slices(open_entities, [&](const std::string& list) {
      read(back ? "SELECT g.activity, g.entity, g.role, g.port, g.remark FROM entity e JOIN "
                  "generated g ON g.entity = e.id AND g.activity = e.generated_by WHERE e.id IN (" +
                      list + ")"
                : "SELECT u.activity, u.entity, u.role, u.port, u.remark FROM used u JOIN activity "
                  "a ON a.id = u.activity WHERE a.name IS NOT NULL AND u.entity IN (" +
                      list + ")",
           back);
    });
    by_slices(open_activities, [&](const std::string& list) {
      read(back ? "SELECT u.activity, u.entity, u.role, u.port, u.remark FROM used u WHERE "
                  "u.activity IN (" +
                      list + ")"
                : "SELECT g.activity, g.entity, g.role, g.port, g.remark FROM generated g JOIN "
                  "entity e ON e.id = g.entity AND e.generated_by = g.activity WHERE g.activity IN "
                  "(" +
                      list + ")",
           !back);
    });
    std::sort(reached.begin(), reached.end(), [](const Edge& a, const Edge& b) {
      return std::tie(a.activity, a.entity, a.role, a.port, a.remark) <
             std::tie(b.activity, b.entity, b.role, b.port, b.remark);
    });
    open_entities.clear();
    open_activities.clear();
    for (const Edge& edge : reached) {
      // Back, a generation leads to its activity and a use to its entity; forth, the reverse.
      const bool to_activity = edge.generated == back;
      auto& seen = to_activity ? seen_activities : seen_entities;
      const Row target = to_activity ? edge.activity : edge.entity;
      if (!seen.contains(target)) {
        if (last || full()) {
          (to_activity ? cut_entities : cut_activities)
              .insert(to_activity ? edge.entity : edge.activity);
          continue;
        }
        seen.insert(target);
        (to_activity ? activity_order : entity_order).push_back(target);
        (to_activity ? open_activities : open_entities).push_back(target);
      }
      edges.push_back(edge);
    }
    if (last) break;
  }
  Walk walk;
  walk.entities = entities(entity_order);
  walk.activities = activities(activity_order, detail);
  walk.flows.reserve(edges.size());
  for (const Edge& edge : edges)
    walk.flows.push_back({edge.activity, edge.entity, edge.generated, state_->name(edge.role),
                          state_->name(edge.port), state_->name(edge.remark)});
  walk.cut_entities.assign(cut_entities.begin(), cut_entities.end());
  walk.cut_activities.assign(cut_activities.begin(), cut_activities.end());
  std::sort(walk.cut_entities.begin(), walk.cut_entities.end());
  std::sort(walk.cut_activities.begin(), walk.cut_activities.end());
  return walk;
}

std::vector<Store::Note> Store::notes(const std::vector<std::string>& about) {
  Connection& connection = *state_->connection;
  const auto query = connection.prepare("SELECT about, at, author, text FROM note WHERE about = ?");
  std::vector<Note> notes;
  for (const std::string& id : about) {
    query->bind({id});
    while (query->step())
      notes.push_back({query->text(0), query->text(1), query->text(2), query->text(3)});
  }
  std::sort(notes.begin(), notes.end());
  notes.erase(std::unique(notes.begin(), notes.end()), notes.end());
  return notes;
}

}  // namespace alisio::prov
