#include "prov/store/indexer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <deque>
#include <future>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "prov/store/journal_text.hpp"
#include "prov/store/schema.hpp"

namespace alisio::prov {

namespace fs = std::filesystem;

void make_schema(Store::Connection& connection) {
  for (const std::string& statement : schema_tables()) connection.make_table(statement);
  for (const auto* statements : {&schema_indexes(), &schema_views()})
    for (const std::string& statement : *statements) connection.run(statement);
  connection.run(fmt::format("INSERT INTO store_version (number) VALUES ({})", store_schema));
}

namespace {

constexpr std::int64_t head_bytes = 4096;

}  // namespace

std::vector<JournalFile> find_journals(const std::vector<fs::path>& sources,
                                       const std::string& extension) {
  std::set<fs::path> found;
  for (const fs::path& source : sources) {
    std::error_code problem;
    if (!fs::is_directory(source, problem)) {
      found.insert(fs::absolute(source).lexically_normal());
      continue;
    }
    const fs::path folder = fs::absolute(source).lexically_normal();
    for (auto at = fs::recursive_directory_iterator(
             folder, fs::directory_options::skip_permission_denied, problem);
         at != fs::recursive_directory_iterator(); at.increment(problem)) {
      if (problem) break;
      const std::string name = at->path().filename().string();
      if (name[0] != '.' && name.ends_with(extension) && at->is_regular_file(problem))
        found.insert(at->path());
    }
  }
  std::vector<JournalFile> journals;
  journals.reserve(found.size());
  for (const fs::path& path : found) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
      throw Error(ErrorKind::missing_input, "the journal cannot be read", path.string());
    JournalFile& journal = journals.emplace_back();
    journal.path = path;
    journal.size = status.st_size;
    journal.mtime_ns = std::int64_t{status.st_mtim.tv_sec} * 1000000000 + status.st_mtim.tv_nsec;
  }
  return journals;
}

void recall(Store::Connection& connection, std::vector<JournalFile>& journals) {
  const auto known = connection.prepare(
      "SELECT id, size, read_to, head_size, head_hash, mtime_ns, broken FROM journal WHERE path = "
      "?");
  for (JournalFile& journal : journals) {
    const std::string path = journal.path.string();
    if (!known->bind({path}).step()) continue;
    journal.row = known->integer(0);
    journal.known_size = known->integer(1);
    journal.read_to = known->integer(2);
    journal.head_size = known->integer(3);
    journal.head_hash = known->text(4);
    journal.known_mtime_ns = known->integer(5);
    journal.broken = known->integer(6);
  }
}

bool is_unchanged(const JournalFile& journal) {
  return journal.row != 0 && journal.known_size == journal.size &&
         journal.known_mtime_ns == journal.mtime_ns;
}

namespace {

/// Return a part of a file, less if the file ends before. @throws Error(resource).
std::string read_part(const JournalFile& journal, int file, std::int64_t from, std::int64_t size) {
  std::string text(static_cast<std::size_t>(size), '\0');
  std::int64_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(file, text.data() + done, static_cast<std::size_t>(size - done),
                                static_cast<off_t>(from + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      throw Error(ErrorKind::resource,
                  std::string("the journal cannot be read: ") + std::strerror(errno),
                  journal.path.string());
    if (got == 0) break;
    done += got;
  }
  text.resize(static_cast<std::size_t>(done));
  return text;
}

/// Read what is new of a journal.
void read_journal(JournalFile& journal, const LoggerConfiguration& logger) {
  const int file = ::open(journal.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    throw Error(ErrorKind::missing_input, "the journal cannot be read", journal.path.string());
  if (journal.row != 0) {
    const bool continued =
        journal.size >= journal.known_size &&
        hash_text(read_part(journal, file, 0, journal.head_size)) == journal.head_hash;
    journal.begin = continued ? journal.read_to : 0;
    journal.changed = !continued;
  }
  journal.text = read_part(journal, file, journal.begin, journal.size - journal.begin);
  if (journal.begin == 0 || journal.head_size < head_bytes) {
    const std::string head = journal.begin == 0
                                 ? journal.text.substr(0, static_cast<std::size_t>(head_bytes))
                                 : read_part(journal, file, 0, std::min(journal.size, head_bytes));
    journal.head_size = static_cast<std::int64_t>(head.size());
    journal.head_hash = hash_text(head);
  }
  ::close(file);
  journal.lines = read_journal_text(journal.text, logger);
}

int number_in(std::string_view text, int fallback) {
  const std::size_t at = text.find_last_not_of("0123456789") + 1;
  int value = fallback;
  std::from_chars(text.data() + at, text.data() + text.size(), value);
  return value;
}

/// Return the first 16 hexadecimal digits as a number that keeps their order among equal signs.
std::optional<std::int64_t> first8(std::string_view hex) {
  if (hex.size() < 16) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, problem] = std::from_chars(hex.data(), hex.data() + 16, value, 16);
  if (problem != std::errc() || end != hex.data() + 16) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

/// Bytes of nothing: many files have this content, and none is another.
constexpr std::string_view sha256_of_nothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};
template <typename Value>
using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;
template <typename Value>
using ViewMap = std::unordered_map<std::string_view, Value>;

/// Values of `activity.status`.
enum Status { completed = 0, planned = 1, failed = 2, killed = 3 };

/// All that a batch of lines says of one activity.
struct ActivityNews {
  const StartLine* start = nullptr;
  const ParameterLine* parameters = nullptr;
  const EndLine* end = nullptr;
  std::int64_t sign_us = 0;
  Row journal = 0;
  std::string_view journal_path;
  // Filled when written.
  Row row = 0;
  bool existed = false;
  int status = killed;
  std::int64_t end_us = 0;

  [[nodiscard]] bool start_known() const { return start != nullptr; }
};

struct EntityNews {
  const EntityLine* line = nullptr;
  // Makers among the new activities.
  const ActivityNews* maker = nullptr;
  bool generated = false;
  bool maker_unknown = false;  ///< made by an activity that the index knew already
};

/// What the index knows of an entity.
struct KnownEntity {
  Row row = 0;
  LineKey key = 0;
  bool existed = false;
  Row same_as = 0;
  std::int64_t hash8 = 0;
};

constexpr LineKey no_key = INT64_MAX;

/// Rank makers of an entity: the last successful one is its maker.
auto rank(int status, std::int64_t end_us, std::string_view id) {
  return std::make_tuple(status == completed, end_us, id);
}

class Indexer {
 public:
  Indexer(Store::Connection& connection, bool fresh, const Definition& definition)
      : connection_(connection), fresh_(fresh), definition_(definition) {
    const auto prepare = [&](const std::string& sql) { return connection_.prepare(sql); };
    find_name_ = prepare("SELECT id FROM name WHERE kind = ? AND text = ?");
    add_name_ = prepare("INSERT INTO name (id, kind, text) VALUES (?, ?, ?)");
    find_directory_ = prepare("SELECT id FROM directory WHERE path = ?");
    add_directory_ = prepare("INSERT INTO directory (id, path) VALUES (?, ?)");
    find_content_ = prepare("SELECT id FROM content WHERE hash = ?");
    add_content_ = prepare("INSERT INTO content (id, kind, hash, body) VALUES (?, ?, ?, ?)");
    find_session_ = prepare("SELECT id, line_key FROM session WHERE uuid = ?");
    add_session_ = prepare(
        "INSERT INTO session (id, uuid, line_key, host, environment) VALUES (?, ?, ?, ?, ?)");
    change_session_ =
        prepare("UPDATE session SET line_key = ?, host = ?, environment = ? WHERE id = ?");
    // A fresh table has no index of ids yet, but all its rows are remembered.
    find_activity_ = prepare(
        std::string("SELECT a.id, a.start_key, a.parameters_key, a.end_key, a.sign_us, a.status, "
                    "a.end_us, j.path FROM activity a LEFT JOIN journal j ON j.id = a.journal "
                    "WHERE a.") +
        (fresh_ ? "id" : "uuid") + " = ?");
    add_activity_ = prepare(
        "INSERT INTO activity (id, uuid, name, run, subrun, telescope, date, production, start_us, "
        "end_us, sign_us, status, exit_code, message, software, operator, session, origin, "
        "journal, parameters, command, start_key, parameters_key, end_key) VALUES (?, ?, ?, ?, ?, "
        "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    find_entity_ = prepare("SELECT id, line_key, same_as, hash8 FROM entity WHERE uuid = ?");
    add_entity_ = prepare(
        "INSERT INTO entity (id, uuid, name, type, level, root, directory, file, logical, size, "
        "sha256, hash8, data_hash, data8, body, generated_by, line_key) VALUES (?, ?, ?, ?, ?, ?, "
        "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    change_entity_ = prepare(
        "UPDATE entity SET name = ?, type = ?, level = ?, root = ?, directory = ?, file = ?, "
        "logical = ?, size = ?, sha256 = ?, hash8 = ?, data_hash = ?, data8 = ?, body = ?, "
        "line_key = ? WHERE id = ?");
    add_used_ = prepare(
        "INSERT INTO used (activity, role, recorded, port, remark, entity) VALUES (?, ?, ?, ?, ?, "
        "?) ON CONFLICT DO NOTHING");
    add_generated_ = prepare(
        "INSERT INTO generated (activity, role, entity, port, remark) VALUES (?, ?, ?, ?, ?) ON "
        "CONFLICT DO NOTHING");
  }

  /// Give a journal its row.
  void write_journal(JournalFile& journal) {
    const std::string path = journal.path.string();
    const std::int64_t read_to = journal.begin + static_cast<std::int64_t>(journal.lines.whole);
    const std::int64_t broken = journal.lines.broken + (journal.begin > 0 ? journal.broken : 0);
    if (journal.row == 0) {
      journal.row = next("journal");
      if (!add_journal_)
        add_journal_ = connection_.prepare(
            "INSERT INTO journal (id, path, size, read_to, head_size, head_hash, mtime_ns, broken) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
      add_journal_->run({journal.row, path, journal.size, read_to, journal.head_size,
                         journal.head_hash, journal.mtime_ns, broken});
    } else {
      if (!change_journal_)
        change_journal_ = connection_.prepare(
            "UPDATE journal SET size = ?, read_to = ?, head_size = ?, head_hash = ?, mtime_ns = ?, "
            "broken = ? WHERE id = ?");
      change_journal_->run({journal.size, read_to, journal.head_size, journal.head_hash,
                            journal.mtime_ns, broken, journal.row});
    }
  }

  /// Write what the lines of some journals say.
  void write(const std::vector<JournalFile*>& journals) {
    ViewMap<ActivityNews> activities;
    ViewMap<EntityNews> entities;
    ViewMap<const SessionLine*> sessions;
    std::deque<std::string> paths;
    for (JournalFile* journal : journals) {
      const JournalLines& lines = journal->lines;
      const std::string_view path = paths.emplace_back(journal->path.string());
      const auto sign = [](ActivityNews& news, LineKey key) {
        news.sign_us = std::max(news.sign_us, key >> 11);
      };
      for (const StartLine& line : lines.starts) {
        ActivityNews& news = activities[line.id];
        if (news.start == nullptr || news.start->key < line.key) news.start = &line;
        if (news.journal == 0 || is_better_home(path, news.journal_path)) {
          news.journal = journal->row;
          news.journal_path = path;
        }
        sign(news, line.key);
      }
      for (const ParameterLine& line : lines.parameters) {
        ActivityNews& news = activities[line.id];
        if (news.parameters == nullptr || news.parameters->key < line.key) news.parameters = &line;
        sign(news, line.key);
      }
      for (const EndLine& line : lines.ends) {
        ActivityNews& news = activities[line.id];
        if (news.end == nullptr || news.end->key < line.key) news.end = &line;
        sign(news, line.key);
      }
      // Successive lines are of one activity, mostly.
      std::string_view last_id;
      ActivityNews* last = nullptr;
      for (const FlowLine& line : lines.flows) {
        if (last == nullptr || line.activity != last_id) last = &activities[line.activity];
        last_id = line.activity;
        ActivityNews& news = *last;
        news.sign_us = std::max(news.sign_us, line.sign_us);
        EntityNews& entity = entities[line.entity];
        entity.generated = entity.generated || line.generated;
      }
      for (const EntityLine& line : lines.entities) {
        EntityNews& news = entities[line.id];
        if (news.line == nullptr || line.key < news.line->key) news.line = &line;
      }
      for (const SessionLine& line : lines.sessions) {
        const SessionLine*& known = sessions[line.id];
        if (known == nullptr || line.key < known->key) known = &line;
      }
      for (const PairLine& line : lines.members) entities[line.first], entities[line.second];
      for (const PairLine& line : lines.derivations) entities[line.first], entities[line.second];
    }
    activities.erase(std::string_view());
    entities.erase(std::string_view());

    // In the order of the ids, so that the same lines give the same rows.
    const auto sorted = [](const auto& map) {
      std::vector<std::string_view> ids;
      ids.reserve(map.size());
      for (const auto& [id, value] : map) ids.push_back(id);
      std::sort(ids.begin(), ids.end());
      return ids;
    };
    for (const auto id : sorted(sessions))
      if (!id.empty()) write_session(id, *sessions[id]);
    for (const auto id : sorted(activities)) write_activity(id, activities[id]);
    for (JournalFile* journal : journals)
      for (const FlowLine& line : journal->lines.flows) {
        if (!line.generated || line.activity.empty() || line.entity.empty()) continue;
        const ActivityNews& activity = activities[line.activity];
        EntityNews& entity = entities[line.entity];
        if (activity.existed) entity.maker_unknown = true;
        if (activity.start_known() && activity.status <= planned &&
            (entity.maker == nullptr ||
             rank(entity.maker->status, entity.maker->end_us, entity.maker->start->id) <
                 rank(activity.status, activity.end_us, activity.start->id)))
          entity.maker = &activity;
      }
    for (const auto id : sorted(entities)) write_entity(id, entities[id]);
    for (JournalFile* journal : journals) write_flows(*journal, activities);
  }

  /// Bring up to date what depends on several records: makers and equal files.
  void settle() {
    settle_makers();
    settle_equal_files();
  }

  IndexReport report;

 private:
  Row next(const std::string& table) {
    Row& last = last_[table];
    if (last == 0 && !fresh_) {
      const auto statement = connection_.prepare("SELECT MAX(id) FROM " + table);
      statement->bind({}).step();
      last = statement->integer(0);
    }
    return ++last;
  }

  SqlValue name(NameKind kind, std::string_view text) {
    if (text.empty()) return nullptr;
    auto& known = names_[static_cast<std::size_t>(kind)];
    if (const auto at = known.find(text); at != known.end()) return at->second;
    Row row = 0;
    if (!fresh_ && find_name_->bind({static_cast<int>(kind), text}).step())
      row = find_name_->integer(0);
    if (row == 0) {
      row = next("name");
      add_name_->run({row, static_cast<int>(kind), text});
    }
    known.emplace(text, row);
    return row;
  }
  /// The same, 0 for no text: columns of a primary key hold no NULL.
  SqlValue key_name(NameKind kind, std::string_view text) {
    return text.empty() ? SqlValue(0) : name(kind, text);
  }

  SqlValue directory(std::string_view path) {
    if (const auto at = directories_.find(path); at != directories_.end()) return at->second;
    Row row = 0;
    if (!fresh_ && find_directory_->bind({path}).step()) row = find_directory_->integer(0);
    if (row == 0) {
      row = next("directory");
      add_directory_->run({row, path});
    }
    directories_.emplace(path, row);
    return row;
  }

  SqlValue content(ContentKind kind, std::string_view body) {
    if (body.empty()) return nullptr;
    auto& last = last_contents_[static_cast<std::size_t>(kind)];
    if (last.first == body) return last.second;
    Hasher hasher;
    hasher.update(fmt::format("{}:", static_cast<int>(kind)));
    hasher.update(body);
    const std::string hash = hasher.finish().substr(0, 32);
    Row& row = contents_[hash];
    if (row == 0 && !fresh_ && find_content_->bind({hash}).step()) row = find_content_->integer(0);
    if (row == 0) {
      row = next("content");
      add_content_->run({row, static_cast<int>(kind), hash, body});
    }
    last = {std::string(body), row};
    return row;
  }

  /// A journal of a process before a merged one, then by name: every order of reading gives the
  /// same.
  static bool is_better_home(std::string_view path, std::string_view than) {
    const auto merged = [](std::string_view text) { return text.ends_with("_prov.log"); };
    return std::make_tuple(merged(path), path) < std::make_tuple(merged(than), than);
  }

  void write_session(std::string_view id, const SessionLine& line) {
    const SqlValue host = name(NameKind::host, line.host);
    const SqlValue environment = content(ContentKind::environment, line.environment);
    KnownSession known;
    if (const auto at = sessions_.find(id); at != sessions_.end()) {
      known = at->second;
    } else if (!fresh_ && find_session_->bind({id}).step()) {
      known = {find_session_->integer(0), find_session_->integer(1)};
    }
    if (known.row == 0) {
      known = {next("session"), line.key};
      add_session_->run({known.row, id, line.key, host, environment});
    } else if (line.key < known.key) {
      known.key = line.key;
      change_session_->run({line.key, host, environment, known.row});
    }
    sessions_.insert_or_assign(std::string(id), known);
  }

  /// Return the row of a session, which may be known by its id only.
  SqlValue session(std::string_view id) {
    if (id.empty()) return nullptr;
    if (const auto at = sessions_.find(id); at != sessions_.end()) return at->second.row;
    if (!fresh_ && find_session_->bind({id}).step()) {
      const KnownSession known{find_session_->integer(0), find_session_->integer(1)};
      sessions_.emplace(id, known);
      return known.row;
    }
    const KnownSession known{next("session"), no_key};
    add_session_->run({known.row, id, known.key, nullptr, nullptr});
    sessions_.emplace(id, known);
    return known.row;
  }

  void write_activity(std::string_view id, ActivityNews& news) {
    LineKey start_key = 0, parameters_key = 0, end_key = 0;
    SqlValue key = id;
    if (fresh_) {
      const auto at = activities_.find(id);
      key = at == activities_.end() ? SqlValue() : SqlValue(at->second);
    }
    if (key.kind != SqlValue::Kind::null) {
      if (find_activity_->bind({key}).step()) {
        news.row = find_activity_->integer(0);
        news.existed = true;
        start_key = find_activity_->integer(1);
        parameters_key = find_activity_->integer(2);
        end_key = find_activity_->integer(3);
        news.sign_us = std::max(news.sign_us, find_activity_->integer(4));
        news.status = static_cast<int>(find_activity_->integer(5));
        news.end_us = find_activity_->integer(6);
        const std::string home = find_activity_->text(7);
        if (news.start != nullptr && !home.empty() && !is_better_home(news.journal_path, home))
          news.journal = 0;
      }
    }
    const StartLine* start = news.start;
    const EndLine* end = news.end;
    if (end != nullptr && (!news.existed || end_key < end->key)) {
      news.status = end->status == "failed"    ? failed
                    : end->status == "planned" ? planned
                                               : completed;
      news.end_us = end->end_us;
    }
    if (news.existed) {
      change_activity(news, start_key, parameters_key, end_key);
      return;
    }
    news.row = next("activity");
    if (fresh_) activities_.emplace(id, news.row);
    ++report.activities;
    static const StartLine unknown;
    const StartLine& s = start != nullptr ? *start : unknown;
    int run = -1, subrun = -1;
    place(s, news.parameters, run, subrun);
    values_.assign({news.row,
                    id,
                    name(NameKind::activity, s.name),
                    run,
                    subrun,
                    number_in(s.telescope, 1),
                    name(NameKind::date, s.date),
                    name(NameKind::production, s.production),
                    start != nullptr ? SqlValue(s.start_us) : SqlValue(),
                    end != nullptr ? SqlValue(end->end_us) : SqlValue(),
                    news.sign_us,
                    news.status,
                    end != nullptr ? end->exit_code : 0,
                    end != nullptr ? content(ContentKind::message, end->message) : SqlValue(),
                    software(s),
                    name(NameKind::operator_name, s.operator_name),
                    session(s.session),
                    name(NameKind::origin, start == nullptr   ? ""
                                           : s.origin.empty() ? "alisio"
                                                              : s.origin),
                    news.journal == 0 ? SqlValue() : SqlValue(news.journal),
                    news.parameters == nullptr
                        ? SqlValue()
                        : content(ContentKind::parameters, news.parameters->parameters),
                    content(ContentKind::command, s.command),
                    start == nullptr ? 0 : s.key,
                    news.parameters == nullptr ? 0 : news.parameters->key,
                    end == nullptr ? 0 : end->key});
    add_activity_->run(values_);
  }

  SqlValue software(const StartLine& line) {
    if (line.commit.empty()) return name(NameKind::software, line.version);
    return name(NameKind::software, fmt::format("{} {}", line.version, line.commit));
  }

  /// Find run and subrun: LSTOSA's tags name runs, its parameters subruns.
  static void place(const StartLine& start, const ParameterLine* parameters, int& run,
                    int& subrun) {
    const std::size_t colon = start.tag.find(':');
    if (colon != std::string_view::npos && start.tag.find('-', colon) == std::string_view::npos)
      run = number_in(start.tag.substr(colon + 1), -1);
    if (!start.subrun.empty()) {
      subrun = number_in(start.subrun, -1);
    } else if (parameters != nullptr) {
      const auto value = nlohmann::json::parse(parameters->parameters, nullptr, false);
      const auto at = value.find("ObservationSubRun");
      if (value.is_object() && at != value.end())
        subrun = number_in(at->is_string() ? at->get<std::string>() : at->dump(), -1);
    }
  }

  void change_activity(ActivityNews& news, LineKey start_key, LineKey parameters_key,
                       LineKey end_key) {
    bool other_end = false;
    if (news.start != nullptr && start_key < news.start->key) {
      const StartLine& s = *news.start;
      int run = -1, subrun = -1;
      place(s, news.parameters, run, subrun);
      connection_
          .prepare(
              "UPDATE activity SET name = ?, run = ?, subrun = ?, telescope = ?, date = ?, "
              "production = ?, start_us = ?, software = ?, operator = ?, session = ?, origin = ?, "
              "command = ?, start_key = ? WHERE id = ?")
          ->run({name(NameKind::activity, s.name), run, subrun, number_in(s.telescope, 1),
                 name(NameKind::date, s.date), name(NameKind::production, s.production), s.start_us,
                 software(s), name(NameKind::operator_name, s.operator_name), session(s.session),
                 name(NameKind::origin, s.origin.empty() ? "alisio" : s.origin),
                 content(ContentKind::command, s.command), s.key, news.row});
      other_end = true;
    }
    if (news.start != nullptr && news.journal != 0)
      connection_.prepare("UPDATE activity SET journal = ? WHERE id = ?")
          ->run({news.journal, news.row});
    if (news.parameters != nullptr && parameters_key < news.parameters->key)
      connection_.prepare("UPDATE activity SET parameters = ?, parameters_key = ? WHERE id = ?")
          ->run({content(ContentKind::parameters, news.parameters->parameters),
                 news.parameters->key, news.row});
    if (news.end != nullptr && end_key < news.end->key) {
      connection_
          .prepare(
              "UPDATE activity SET end_us = ?, status = ?, exit_code = ?, message = ?, end_key = ? "
              "WHERE id = ?")
          ->run({news.end->end_us, news.status, news.end->exit_code,
                 content(ContentKind::message, news.end->message), news.end->key, news.row});
      other_end = true;
    }
    connection_.prepare("UPDATE activity SET sign_us = ? WHERE id = ? AND sign_us < ?")
        ->run({news.sign_us, news.row, news.sign_us});
    if (!other_end) return;
    const auto made =
        connection_.prepare("SELECT DISTINCT entity FROM generated WHERE activity = ?");
    made->bind({news.row});
    while (made->step()) unsettled_.insert(made->integer(0));
  }

  KnownEntity& known_entity(std::string_view id) {
    if (const auto at = entities_.find(id); at != entities_.end()) return at->second;
    KnownEntity known;
    if (!fresh_ && find_entity_->bind({id}).step())
      known = {find_entity_->integer(0), find_entity_->integer(1), true, find_entity_->integer(2),
               find_entity_->integer(3)};
    return entities_.emplace(id, known).first->second;
  }

  void write_entity(std::string_view id, const EntityNews& news) {
    KnownEntity& known = known_entity(id);
    if (known.row != 0 && (news.line == nullptr || news.line->key >= known.key)) {
      if (news.generated) unsettled_.insert(known.row);
      if ((news.generated || known.same_as != 0) && known.hash8 != 0) equal_.insert(known.hash8);
      return;
    }
    static const EntityLine unknown;
    const EntityLine& line = news.line != nullptr ? *news.line : unknown;
    const LineKey key = news.line != nullptr ? line.key : no_key;
    const SqlValue entity_name = name(NameKind::entity, line.name);
    const EntityDefinition* defined = definition_.entity(line.name);
    const SqlValue level = defined == nullptr ? SqlValue() : name(NameKind::level, defined->level);
    // path = root / logical path, wherever that is so.
    SqlValue root, folder, file, logical;
    std::string_view below = line.logical_path, path = line.path;
    if (!below.empty() && path.size() > below.size() + 1 && path.ends_with(below) &&
        path[path.size() - below.size() - 1] == '/') {
      root = name(NameKind::root, path.substr(0, path.size() - below.size() - 1));
      path = below;
    } else if (!below.empty()) {
      logical = below;
    }
    if (!path.empty()) {
      const std::size_t slash = path.rfind('/');
      file = path.substr(slash == std::string_view::npos ? 0 : slash + 1);
      folder = directory(path.substr(0, slash == std::string_view::npos ? 0 : slash));
    }
    const auto hash8 = first8(line.sha256), data8 = first8(line.data_hash);
    const auto or_null = [](const auto& value) { return value ? SqlValue(*value) : SqlValue(); };
    const auto text_or_null = [](std::string_view text) {
      return text.empty() ? SqlValue() : SqlValue(text);
    };
    const SqlValue body = content(line.type == "Configuration" ? ContentKind::configuration
                                  : line.type == "Environment" ? ContentKind::environment
                                                               : ContentKind::value,
                                  line.value);
    if (known.row != 0) {
      change_entity_->run({entity_name, name(NameKind::type, line.type), level, root, folder, file,
                           logical, line.size, text_or_null(line.sha256), or_null(hash8),
                           text_or_null(line.data_hash), or_null(data8), body, key, known.row});
      if (news.generated) unsettled_.insert(known.row);
      if (known.hash8 != 0) equal_.insert(known.hash8);
    } else {
      known.row = next("entity");
      ++report.entities;
      values_.assign({known.row, id, entity_name, name(NameKind::type, line.type), level, root,
                      folder, file, logical, line.size, text_or_null(line.sha256), or_null(hash8),
                      text_or_null(line.data_hash), or_null(data8), body,
                      news.maker != nullptr ? SqlValue(news.maker->row) : SqlValue(), key});
      add_entity_->run(values_);
      if (news.maker_unknown) unsettled_.insert(known.row);
    }
    known.key = key;
    known.hash8 = hash8.value_or(0);
    if (known.hash8 != 0 && line.sha256 != sha256_of_nothing) equal_.insert(known.hash8);
  }

  void write_flows(const JournalFile& journal, const ViewMap<ActivityNews>& activities) {
    flows_.clear();
    std::string_view last_id;
    const ActivityNews* last = nullptr;
    for (const FlowLine& line : journal.lines.flows) {
      if (line.activity.empty() || line.entity.empty()) continue;
      if (line.activity != last_id) last = &activities.at(line.activity);
      last_id = line.activity;
      const ActivityNews& activity = *last;
      flows_.push_back({line.generated, activity.row, key_name(NameKind::role, line.role).integer,
                        known_entity(line.entity).row, key_name(NameKind::port, line.port).integer,
                        key_name(NameKind::remark, line.remark).integer, !activity.existed});
    }
    std::sort(flows_.begin(), flows_.end());
    flows_.erase(std::unique(flows_.begin(), flows_.end()), flows_.end());
    for (const auto& [generated, activity, role, entity, port, remark, is_new] : flows_) {
      if (generated) {
        values_.assign({activity, role, entity, port, remark});
        add_generated_->run(values_);
      } else {
        values_.assign({activity, role, entity, port, remark, entity});
        add_used_->run(values_);
      }
      if (is_new) ++report.flows;
    }
    const auto add_pairs = [&](const std::vector<PairLine>& pairs, const char* sql) {
      if (pairs.empty()) return;
      const auto statement = connection_.prepare(sql);
      for (const PairLine& pair : pairs)
        if (!pair.first.empty() && !pair.second.empty())
          statement->run({known_entity(pair.first).row, known_entity(pair.second).row});
    };
    add_pairs(journal.lines.members,
              "INSERT INTO member (collection, entity) VALUES (?, ?) ON CONFLICT DO NOTHING");
    add_pairs(journal.lines.derivations,
              "INSERT INTO derived (entity, progenitor) VALUES (?, ?) ON CONFLICT DO NOTHING");
    for (const NoteLine& note : journal.lines.notes) {
      if (!add_note_)
        add_note_ = connection_.prepare(
            "INSERT INTO note (about, at, author, text) VALUES (?, ?, ?, ?) ON CONFLICT DO "
            "NOTHING");
      add_note_->run({note.about, note.time, note.author, note.text});
    }
  }

  void settle_makers() {
    if (unsettled_.empty()) return;
    const auto makers = connection_.prepare(
        "SELECT a.id, a.status, a.end_us, a.uuid FROM generated g JOIN activity a ON a.id = "
        "g.activity WHERE g.entity = ? AND a.status <= 1 AND a.name IS NOT NULL");
    const auto change = connection_.prepare("UPDATE entity SET generated_by = ? WHERE id = ?");
    std::vector<Row> rows(unsettled_.begin(), unsettled_.end());
    std::sort(rows.begin(), rows.end());
    for (const Row row : rows) {
      Row best = 0;
      int best_status = 0;
      std::int64_t best_end = 0;
      std::string best_id;
      makers->bind({row});
      while (makers->step()) {
        const int status = static_cast<int>(makers->integer(1));
        const std::int64_t end = makers->integer(2);
        const std::string id = makers->text(3);
        if (best != 0 && rank(status, end, id) < rank(best_status, best_end, best_id)) continue;
        best = makers->integer(0), best_status = status, best_end = end, best_id = id;
      }
      change->run({best == 0 ? SqlValue() : SqlValue(best), row});
    }
    unsettled_.clear();
  }

  /// Let used files that have the content of a generated one, but another id, be that one.
  void settle_equal_files() {
    std::vector<std::int64_t> several;
    if (fresh_) {
      const auto groups = connection_.prepare(
          "SELECT hash8 FROM entity WHERE hash8 IS NOT NULL GROUP BY hash8 HAVING COUNT(*) > 1");
      groups->bind({});
      while (groups->step()) several.push_back(groups->integer(0));
    } else {
      std::vector<std::int64_t> hashes(equal_.begin(), equal_.end());
      std::sort(hashes.begin(), hashes.end());
      constexpr std::size_t at_once = 500;
      for (std::size_t begin = 0; begin < hashes.size(); begin += at_once) {
        std::string list;
        for (std::size_t i = begin; i < std::min(hashes.size(), begin + at_once); ++i)
          fmt::format_to(std::back_inserter(list), "{}{}", i == begin ? "" : ",", hashes[i]);
        const auto groups = connection_.prepare("SELECT hash8 FROM entity WHERE hash8 IN (" + list +
                                                ") GROUP BY hash8 HAVING COUNT(*) > 1");
        groups->bind({});
        while (groups->step()) several.push_back(groups->integer(0));
      }
    }
    equal_.clear();
    if (several.empty()) return;
    struct Equal {
      Row row, same_as;
      std::string id, sha256;
      bool generated;
    };
    const auto find = connection_.prepare(
        "SELECT e.id, e.same_as, e.uuid, e.sha256, (SELECT COUNT(*) FROM generated g WHERE "
        "g.entity = e.id) FROM entity e WHERE e.hash8 = ? ORDER BY e.uuid");
    const auto unite = connection_.prepare("UPDATE entity SET same_as = ? WHERE id = ?");
    const auto lead = connection_.prepare(
        "UPDATE used SET entity = ? WHERE entity = ? AND recorded = ? AND NOT EXISTS (SELECT 1 "
        "FROM generated g WHERE g.entity = ? AND g.activity = used.activity)");
    const auto lead_back =
        connection_.prepare("UPDATE used SET entity = recorded WHERE entity = ? AND recorded = ?");
    for (const std::int64_t hash8 : several) {
      std::vector<Equal> group;
      find->bind({hash8});
      while (find->step())
        group.push_back({find->integer(0), find->integer(1), find->text(2), find->text(3),
                         find->integer(4) > 0});
      for (const Equal& one : group) {
        if (one.sha256 == sha256_of_nothing) continue;
        Row same = 0;
        if (!one.generated)
          for (const Equal& other : group)
            if (other.generated && other.sha256 == one.sha256) {
              same = other.row;
              break;
            }
        if (one.same_as != 0 && one.same_as != same) lead_back->run({one.same_as, one.row});
        if (one.same_as != same) unite->run({same == 0 ? SqlValue() : SqlValue(same), one.row});
        if (same != 0) lead->run({same, one.row, one.row, same});
      }
    }
  }

  struct KnownSession {
    Row row = 0;
    LineKey key = 0;
  };

  Store::Connection& connection_;
  const bool fresh_;
  const Definition& definition_;
  std::unique_ptr<SqlStatement> find_name_, add_name_, find_directory_, add_directory_,
      find_content_, add_content_, find_session_, add_session_, change_session_, find_activity_,
      add_activity_, find_entity_, add_entity_, change_entity_, add_used_, add_generated_,
      add_journal_, change_journal_, add_note_;
  std::map<std::string, Row> last_;
  std::array<TextMap<Row>, 16> names_;
  TextMap<Row> contents_;  ///< by hash
  std::array<std::pair<std::string, Row>, 8> last_contents_;
  TextMap<Row> directories_;
  TextMap<KnownSession> sessions_;
  TextMap<Row> activities_;
  TextMap<KnownEntity> entities_;
  std::unordered_set<Row> unsettled_;       ///< entities whose maker may have changed
  std::unordered_set<std::int64_t> equal_;  ///< contents that another entity may have
  std::vector<SqlValue> values_;
  std::vector<std::tuple<bool, Row, Row, Row, Row, Row, bool>> flows_;
};

}  // namespace

IndexReport index_journals(Store::Connection& connection, bool fresh,
                           std::vector<JournalFile>& journals, const Definition& definition,
                           const LoggerConfiguration& logger) {
  Indexer indexer(connection, fresh, definition);
  std::vector<JournalFile*> news;
  for (JournalFile& journal : journals) {
    if (is_unchanged(journal))
      ++indexer.report.unchanged;
    else
      news.push_back(&journal);
  }
  indexer.report.journals = static_cast<std::int64_t>(news.size());
  // While one batch is written, the next is read. So much text at a time: the memory is bounded,
  // whatever there is to read.
  constexpr std::int64_t batch_bytes = 16 << 20;
  std::vector<std::vector<JournalFile*>> batches;
  std::int64_t bytes = batch_bytes;
  for (JournalFile* journal : news) {
    if (bytes >= batch_bytes) {
      batches.emplace_back();
      bytes = 0;
    }
    batches.back().push_back(journal);
    bytes += journal->size;
  }
  const auto read_batch = [&](std::size_t number) {
    if (number >= batches.size()) return std::future<void>();
    return std::async(std::launch::async, [&, number] {
      for (JournalFile* journal : batches[number]) read_journal(*journal, logger);
    });
  };
  constexpr std::size_t ahead = 2;
  std::deque<std::future<void>> reading;
  for (std::size_t number = 0; number < ahead; ++number) reading.push_back(read_batch(number));
  for (std::size_t number = 0; number < batches.size(); ++number) {
    reading.front().get();
    reading.pop_front();
    reading.push_back(read_batch(number + ahead));
    for (JournalFile* journal : batches[number]) {
      indexer.report.broken_lines += journal->lines.broken + (journal->lines.cut ? 1 : 0);
      if (journal->changed)
        indexer.report.notes.push_back(
            fmt::format("{}: is not what was read before; what it no longer says is forgotten by "
                        "alisio prov index --rebuild",
                        journal->path.string()));
      indexer.write_journal(*journal);
    }
    indexer.write(batches[number]);
    for (JournalFile* journal : batches[number]) {
      journal->lines = {};
      journal->text = {};
    }
  }
  if (fresh)
    for (const std::string& statement : schema_indexes()) connection.run(statement);
  indexer.settle();
  return indexer.report;
}

}  // namespace alisio::prov
