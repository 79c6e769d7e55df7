#include "prov/ask/find.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <map>
#include <set>
#include <unordered_set>

#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"
#include "lib/base/suggest.hpp"
#include "prov/ask/names.hpp"
#include "prov/ask/story.hpp"
#include "prov/store/connection.hpp"
#include "prov/store/schema.hpp"

namespace alisio::prov {

namespace fs = std::filesystem;
using nlohmann::json;
using nlohmann::ordered_json;

namespace {

const char* const where = "alisio prov find";

/// A condition in SQL with its values; the texts live here.
struct Condition {
  std::string sql;
  std::vector<std::string> texts;
  std::vector<std::int64_t> numbers;
  std::vector<bool> is_text;

  void add(const std::string& clause) { sql += (sql.empty() ? "" : " AND ") + clause; }
  void add(const std::string& clause, const std::string& text) {
    add(clause);
    texts.push_back(text);
    is_text.push_back(true);
  }
  void add(const std::string& clause, std::int64_t number) {
    add(clause);
    numbers.push_back(number);
    is_text.push_back(false);
  }
  [[nodiscard]] std::vector<SqlValue> values() const {
    std::vector<SqlValue> values;
    std::size_t text = 0, number = 0;
    for (const bool one : is_text)
      values.push_back(one ? SqlValue(texts[text++]) : SqlValue(numbers[number++]));
    return values;
  }
};

/// Return a text as it stands in a LIKE pattern whose escape is '!'.
std::string escaped(const std::string& text) {
  std::string pattern;
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '!') pattern += '!';
    pattern += c;
  }
  return pattern;
}

std::string name_is(const char* column, NameKind kind) {
  return fmt::format("{} IN (SELECT id FROM name WHERE kind = {} AND text = ?)", column,
                     static_cast<int>(kind));
}

std::int64_t microseconds(const std::string& text, const char* option) {
  const Error error(ErrorKind::usage, fmt::format("'{}' is no time", shortened(text)), option,
                    "give YYYY-MM-DD, YYYYMMDD or YYYY-MM-DDTHH:MM:SSZ (UTC)");
  const bool compact = text.size() == 8;
  const auto date = NightDate::try_parse(text.substr(0, compact ? 8 : 10));
  if (!date || text.size() > 40) throw error;
  std::tm day{};
  day.tm_year = date->year - 1900;
  day.tm_mon = date->month - 1;
  day.tm_mday = date->day;
  double seconds = 0;
  if (!compact && text.size() > 10) {
    int hour = 0, minute = 0, used = 0;
    double second = 0;
    std::string rest = text.substr(11);
    if (rest.ends_with('Z')) rest.pop_back();
    if ((text[10] != 'T' && text[10] != ' ') ||
        std::sscanf(rest.c_str(), "%2d:%2d%n", &hour, &minute, &used) != 2)
      throw error;
    rest = rest.substr(static_cast<std::size_t>(used));
    if (!rest.empty()) {
      if (std::sscanf(rest.c_str(), ":%9lf%n", &second, &used) != 1 ||
          static_cast<std::size_t>(used) != rest.size())
        throw error;
    }
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || !(second >= 0 && second < 61))
      throw error;
    seconds = hour * 3600 + minute * 60 + second;
  }
  return static_cast<std::int64_t>(::timegm(&day)) * 1000000 +
         static_cast<std::int64_t>(seconds * 1e6 + 0.5);
}

std::string plain(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// Return whether a recorded value is the one asked for: by its text, or as numbers.
bool is_value(const json& value, const std::string& wanted) {
  if (plain(value) == wanted) return true;
  const json number = json::parse(wanted, nullptr, false);
  if (number.is_discarded()) return false;
  if (value == number) return true;
  // Parameters are recorded as texts: "11220" is 11220, "0003" is 3.
  if (!value.is_string() || !number.is_number()) return false;
  const std::string& text = value.get_ref<const std::string&>();
  char* end = nullptr;
  const double read = std::strtod(text.c_str(), &end);
  return !text.empty() && *end == '\0' && read == number.get<double>();
}

bool has_parameter(const json& parameters, const std::string& name, const std::string& value) {
  const auto at = parameters.find(name);
  return at != parameters.end() && is_value(*at, value);
}

bool has_configuration(const json& tree, const std::string& name, const std::string& value) {
  const std::string ending = fmt::format(".{}", name);
  for (const auto& [key, found] : flattened(tree))
    if ((key == name || key.ends_with(ending)) && is_value(found, value)) return true;
  return false;
}

/// Return "1,2,3", or "NULL" for none.
std::string listed(const std::vector<Row>& rows) {
  if (rows.empty()) return "NULL";
  return fmt::format("{}", fmt::join(rows, ","));
}

/// Return the bodies of a kind that hold a value, by row.
template <typename Holds>
std::vector<Row> bodies(Store& store, ContentKind kind, const std::string& word,
                        const Holds& holds) {
  const auto query = store.connection().prepare(
      fmt::format("SELECT id, body FROM content WHERE kind = {} AND body LIKE ? ESCAPE '!'",
                  static_cast<int>(kind)));
  const std::string pattern = fmt::format("%{}%", escaped(word));
  query->bind({pattern});
  std::vector<Row> rows;
  while (query->step()) {
    json body = json::parse(query->text(1), nullptr, false);
    if (body.is_string()) body = json::parse(body.get<std::string>(), nullptr, false);
    if (!body.is_discarded() && holds(body)) rows.push_back(query->integer(0));
  }
  return rows;
}

Condition activity_condition(Store& store, const FindRequest& request) {
  Condition c;
  c.add("a.name IS NOT NULL");
  if (!request.activity.empty()) c.add(name_is("a.name", NameKind::activity), request.activity);
  if (!request.prod_id.empty())
    c.add(name_is("a.production", NameKind::production), request.prod_id);
  if (!request.night.empty())
    c.add(name_is("a.date", NameKind::date), NightDate::parse(request.night).compact());
  if (!request.software.empty())
    c.add(fmt::format("a.software IN (SELECT id FROM name WHERE kind = {} AND text LIKE ? ESCAPE "
                      "'!')",
                      static_cast<int>(NameKind::software)),
          fmt::format("%{}%", escaped(request.software)));
  if (!request.host.empty())
    c.add(fmt::format("a.session IN (SELECT s.id FROM session s JOIN name h ON h.id = s.host WHERE "
                      "h.kind = {} AND h.text = ?)",
                      static_cast<int>(NameKind::host)),
          request.host);
  if (!request.status.empty()) {
    static const std::vector<std::string> words{"completed", "planned", "failed", "killed"};
    const auto at = std::find(words.begin(), words.end(), request.status);
    if (at == words.end())
      throw Error(ErrorKind::usage, fmt::format("'{}' is no status", shortened(request.status)),
                  "--status", "one of completed, planned, failed, killed");
    c.add("a.status = ?", at - words.begin());
  }
  if (!request.after.empty()) c.add("a.start_us >= ?", microseconds(request.after, "--after"));
  if (!request.before.empty()) c.add("a.start_us < ?", microseconds(request.before, "--before"));
  if (request.run >= 0) c.add("a.run = ?", std::int64_t{request.run});
  if (request.subrun >= 0) c.add("a.subrun = ?", std::int64_t{request.subrun});
  for (const auto& [name, value] : request.parameters)
    c.add(fmt::format(
        "a.parameters IN ({})",
        listed(bodies(store, ContentKind::parameters, json(name).dump(), [&](const json& body) {
          return body.is_object() && has_parameter(body, name, value);
        }))));
  for (const auto& [name, value] : request.configuration) {
    const std::string last = name.substr(name.rfind('.') + 1);
    // The last part of the key alone: how a body writes its quotes depends on how it is kept.
    const auto rows = bodies(store, ContentKind::configuration, last, [&](const json& body) {
      return has_configuration(body, name, value);
    });
    c.add(
        fmt::format("a.id IN (SELECT u.activity FROM used u JOIN entity e ON e.id = u.recorded "
                    "WHERE e.body IN ({}))",
                    listed(rows)));
  }
  return c;
}

/// Activities and entities that came from something.
struct Descendants {
  std::unordered_set<Row> activities, entities;
};

Descendants descendants(Store& store, const std::string& what) {
  check_name(what, "--used");
  std::vector<Row> entities = store.find_entities(what), activities;
  if (entities.empty()) activities = store.find_activities(what);
  if (entities.empty() && activities.empty())
    throw Error(ErrorKind::incomplete, "nothing of this name is on record", shortened(what),
                "bring the index up to date: alisio prov index");
  const Walk walk = store.walk(entities, activities, Direction::forth, {-1, 5000000});
  Descendants result;
  for (const StoredActivity& activity : walk.activities) result.activities.insert(activity.row);
  for (const StoredEntity& entity : walk.entities) result.entities.insert(entity.row);
  for (const Row row : entities) result.entities.erase(row);
  for (const Row row : activities) result.activities.erase(row);
  return result;
}

Condition entity_condition(const FindRequest& request) {
  Condition c;
  c.add("e.file IS NOT NULL");
  if (!request.level.empty()) c.add(name_is("e.level", NameKind::level), request.level);
  if (!request.entity.empty()) c.add(name_is("e.name", NameKind::entity), request.entity);
  if (!request.file.empty()) {
    std::string last = request.file.substr(request.file.rfind('/') + 1), pattern;
    // Only what has no brackets can be said in SQL; fnmatch() has the last word.
    if (last.find_first_of("[\\") == std::string::npos) {
      for (const char sign : last)
        pattern += sign == '*' ? "%" : sign == '?' ? "_" : escaped(std::string(1, sign));
      if (!pattern.empty()) c.add("e.file LIKE ? ESCAPE '!'", pattern);
    }
  }
  return c;
}

bool matches_pattern(const StoredEntity& entity, const std::string& pattern) {
  const auto is_match = [&](const std::string& text) {
    return ::fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
  };
  if (pattern.find('/') == std::string::npos)
    return is_match(fs::path(entity.path).filename().string());
  return is_match(entity.path) || is_match(entity.logical_path);
}

/// Call back with slices of rows until it says no.
template <typename Work>
void while_wanted(const std::vector<Row>& rows, const Work& work) {
  constexpr std::size_t at_once = 1000;
  for (std::size_t begin = 0; begin < rows.size(); begin += at_once) {
    const auto end = std::min(rows.size(), begin + at_once);
    if (!work(std::vector<Row>(rows.begin() + static_cast<std::ptrdiff_t>(begin),
                               rows.begin() + static_cast<std::ptrdiff_t>(end))))
      return;
  }
}

std::vector<Row> rows_of(Store& store, const std::string& sql, std::vector<SqlValue> values) {
  const auto query = store.connection().prepare(sql);
  query->bind(values);
  std::vector<Row> rows;
  while (query->step()) rows.push_back(query->integer(0));
  return rows;
}

}  // namespace

bool asks_for_files(const FindRequest& request) {
  return request.files || !request.hash.empty() || !request.role.empty() || !request.file.empty() ||
         !request.level.empty() || !request.entity.empty();
}

FindResult find(Store& store, const FindRequest& request) {
  for (const std::string* text :
       {&request.activity, &request.software, &request.host, &request.prod_id, &request.night,
        &request.role, &request.file, &request.level, &request.entity, &request.hash})
    if (!text->empty()) check_name(*text, where);
  for (const auto* pairs : {&request.parameters, &request.configuration})
    for (const auto& [name, value] : *pairs) {
      check_name(name, where);
      if (!value.empty()) check_name(value, where);
    }
  FindResult result;
  result.files = asks_for_files(request);
  const Condition activities = activity_condition(store, request);
  std::optional<Descendants> from;
  if (!request.used.empty()) from = descendants(store, request.used);

  if (!result.files) {
    const auto rows = rows_of(
        store,
        "SELECT a.id FROM activity a WHERE " + activities.sql + " ORDER BY a.start_us, a.uuid",
        activities.values());
    std::vector<Row> wanted;
    for (const Row row : rows)
      if (!from || from->activities.contains(row)) {
        if (wanted.size() == request.limit) {
          result.more = true;
          break;
        }
        wanted.push_back(row);
      }
    result.activities = store.activities(wanted);
    return result;
  }

  const Condition files = entity_condition(request);
  std::set<Row> rows;
  if (!request.hash.empty()) {
    std::string hash = request.hash;
    if (hash.starts_with("sha256:")) hash = hash.substr(7);
    if (hash.size() < 8 || hash.size() > 64 ||
        hash.find_first_not_of("0123456789abcdef") != std::string::npos)
      throw Error(ErrorKind::usage, fmt::format("'{}' is no hash", shortened(request.hash)),
                  "--hash", "give 8 to 64 hexadecimal digits in lower case");
  }
  // Without a role, a file belongs to what made it, and one that nobody made to what used it.
  const std::string role =
      request.role.empty() ? "" : fmt::format(" AND {}", name_is("f.role", NameKind::role));
  auto values = activities.values();
  for (const SqlValue& value : files.values()) values.push_back(value);
  if (!request.role.empty()) values.emplace_back(request.role);
  for (const bool used : {false, true}) {
    const auto found = rows_of(
        store,
        fmt::format("SELECT DISTINCT e.id FROM activity a JOIN {} f ON f.activity = a.id JOIN "
                    "entity e ON e.id = f.entity WHERE {} AND {}{}{}",
                    used ? "used" : "generated", activities.sql, files.sql, role,
                    used && request.role.empty() ? " AND e.generated_by IS NULL" : ""),
        values);
    rows.insert(found.begin(), found.end());
  }
  if (!request.hash.empty()) {
    std::set<Row> both;
    for (const Row row : store.find_entities(request.hash))
      if (rows.contains(row)) both.insert(row);
    rows = std::move(both);
  }
  while_wanted({rows.begin(), rows.end()}, [&](const std::vector<Row>& slice) {
    for (StoredEntity& entity : store.entities(slice)) {
      if (from && !from->entities.contains(entity.row)) continue;
      if (!request.file.empty() && !matches_pattern(entity, request.file)) continue;
      if (result.entities.size() == request.limit) {
        result.more = true;
        return false;
      }
      result.entities.push_back(std::move(entity));
    }
    return true;
  });
  std::sort(result.entities.begin(), result.entities.end(),
            [](const StoredEntity& a, const StoredEntity& b) {
              return std::tie(a.path, a.id) < std::tie(b.path, b.id);
            });
  return result;
}

ordered_json to_json(const FindResult& result) {
  ordered_json object;
  auto& list = object[result.files ? "files" : "activities"] = ordered_json::array();
  for (const StoredActivity& activity : result.activities) list.push_back(to_json(activity));
  for (const StoredEntity& entity : result.entities) list.push_back(to_json(entity));
  object["more"] = result.more;
  return object;
}

std::vector<RunGroup> by_run(Store& store, const FindResult& result) {
  struct Key {
    std::string night, prod_id;
    int run;
    auto operator<=>(const Key&) const = default;
  };
  std::map<Key, std::pair<std::size_t, std::set<int>>> groups;
  const auto count = [&](const StoredActivity& a) {
    auto& [n, subruns] = groups[{a.observation_date, a.prod_id, a.run}];
    ++n;
    if (a.subrun >= 0) subruns.insert(a.subrun);
  };
  for (const StoredActivity& activity : result.activities) count(activity);
  std::vector<Row> makers;
  for (const StoredEntity& entity : result.entities) makers.push_back(entity.generated_by);
  std::map<Row, StoredActivity> known;
  for (StoredActivity& activity : store.activities(makers, Detail::brief))
    known.emplace(activity.row, std::move(activity));
  for (const Row maker : makers)
    if (const auto at = known.find(maker); at != known.end())
      count(at->second);
    else
      count(StoredActivity{});
  std::vector<RunGroup> runs;
  for (const auto& [key, group] : groups)
    runs.push_back({key.night, key.prod_id, key.run, group.first, group.second.size()});
  return runs;
}

}  // namespace alisio::prov
