#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "prov/definition.hpp"
#include "prov/selection.hpp"

/// The index of what the journals tell: an SQLite file, or a PostgreSQL database. Journals are the
/// truth; the index can be thrown away and made again from them.
namespace alisio::prov {

/// Number of a row of the index; 0 is none. It holds for one index only: never shown or recorded.
using Row = std::int64_t;

/// An activity as the index holds it.
struct StoredActivity {
  Row row = 0;
  std::string id;    ///< as the journal names it: a UUIDv7, or what another program gave
  std::string name;  ///< of the definition: "r0_to_dl1"
  int telescope = 1;
  int run = -1, subrun = -1;     ///< -1: of a whole night, of a whole run
  std::string observation_date;  ///< YYYYMMDD
  std::string prod_id;
  std::string start, end;  ///< ISO 8601, UTC, with zone
  ActivityEnd how = ActivityEnd::killed;
  int exit_code = 0;
  std::string message;              ///< why it failed
  std::string software;             ///< version and commit
  std::string host, operator_name;  ///< node; account or person
  std::string session;              ///< id of the process
  std::string origin;               ///< "alisio", "lstosa" or "ctapipe": whose records these are
  std::string journal;              ///< file that it was read from
  nlohmann::json command;           ///< array of words; null if not recorded
  nlohmann::json parameters;        ///< name to value
  nlohmann::json configuration;     ///< the effective one; null if not recorded
  nlohmann::json environment;       ///< platform, build, environment; null if not recorded
};

/// A thing that activities use and generate, mostly a file.
struct StoredEntity {
  Row row = 0;
  std::string id;            ///< as the journal names it
  std::string name;          ///< of the definition: "DL1SubrunDataset"
  std::string level;         ///< of the definition: "R0", "Calibration", "DL1" …
  std::string path;          ///< as recorded; empty for what is no file
  std::string logical_path;  ///< below the data root; may be empty
  std::uint64_t size_bytes = 0;
  std::string sha256;         ///< of the bytes; empty if identified by its path only
  std::string data_hash;      ///< of the data alone; may be empty
  Row generated_by = 0;       ///< the last successful activity that made it; 0: not known
  int run = -1, subrun = -1;  ///< of its maker
  std::string quality;        ///< what the gates said last; may be empty
};

/// One use or one generation.
struct StoredFlow {
  Row activity = 0, entity = 0;
  bool generated = false;
  std::string role, port, remark;
  auto operator<=>(const StoredFlow&) const = default;
};

enum class Direction { back, forth };

/// How much of an activity is read.
enum class Detail { brief, full };

/// A part of the graph: what was reached from a start, in the order in which it was reached.
struct Walk {
  std::vector<StoredActivity> activities;
  std::vector<StoredEntity> entities;
  std::vector<StoredFlow> flows;
  /// Entities and activities at which the walk ended though there is more.
  std::vector<Row> cut_entities, cut_activities;
};

/// How far to walk. A step leads over one relation: from a file to its maker, from that to what it
/// used.
struct WalkLimits {
  int depth = -1;              ///< steps; -1: all
  std::size_t nodes = 200000;  ///< at most so many activities and entities
};

/// What indexing found.
struct IndexReport {
  std::int64_t journals = 0;   ///< files read; those that did not grow are passed over
  std::int64_t unchanged = 0;  ///< files passed over
  std::int64_t activities = 0, entities = 0, flows = 0;  ///< new rows
  std::int64_t broken_lines = 0;
  std::vector<std::string> notes;  ///< what the user should know, one line each
};

enum class StoreMode { read_only, update };

/// Return the place of an index as messages may show it.
[[nodiscard]] std::string without_password(std::string where);

/// A connection to an index. Calls of one object must not overlap.
class Store {
 public:
  /// Open an index: a path, or a PostgreSQL connection string ("postgresql://…"). An SQLite index
  /// must be on a local disk. ":memory:" is an index that lives as long as the object.
  /// @throws Error(missing_input) if it is absent and only to be read, Error(bad_input) if it is
  /// damaged or of another version, naming `alisio prov index --rebuild`.
  static Store open(const std::string& where, StoreMode mode);
  /// Make an index anew from journals: an SQLite file beside the old one that takes its name once
  /// it is whole, a PostgreSQL database within one transaction. Readers see the old one until then.
  static IndexReport rebuild(const std::string& where,
                             const std::vector<std::filesystem::path>& sources,
                             const Definition& definition, const LoggerConfiguration& logger);
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  /// Read what is new in journals (files, or folders searched for *.log below) into the index. One
  /// transaction: a reader sees all of it or nothing. A journal that shrank or changed is read
  /// whole again.
  IndexReport index(const std::vector<std::filesystem::path>& sources, const Definition& definition,
                    const LoggerConfiguration& logger);
  /// Say that data trees which stood at `from` when they were recorded stand at `to` now: files
  /// are told, and found, below it. To be said again after index(), which tells what is recorded.
  void move_roots(const std::vector<std::string>& from, const std::string& to);
  /// Forget everything.
  void clear();

  /// Return activities in the order of their rows. Brief ones come without message, command,
  /// parameters, configuration and environment.
  [[nodiscard]] std::vector<StoredActivity> activities(const std::vector<Row>& rows,
                                                       Detail detail = Detail::full);
  [[nodiscard]] std::vector<StoredEntity> entities(const std::vector<Row>& rows);
  /// Uses and generations of activities, in order of activity.
  [[nodiscard]] std::vector<StoredFlow> flows_of_activities(const std::vector<Row>& activities);
  /// Uses of activities with the files as they were recorded, in order of activity: elsewhere a
  /// used file that has the content of a generated one under another path is that one.
  [[nodiscard]] std::vector<StoredFlow> recorded_uses(const std::vector<Row>& activities);
  /// Activities of one process, by its id, in the order in which they began.
  [[nodiscard]] std::vector<Row> activities_of_session(const std::string& session);
  /// Uses and generations of entities, in order of entity.
  [[nodiscard]] std::vector<StoredFlow> flows_of_entities(const std::vector<Row>& entities);

  /// Find entities by the beginning of a SHA-256 or data hash (at least 8 hexadecimal digits,
  /// "sha256:" before it or not), by id, by path as recorded, by path below the data root, or by
  /// the file name alone; the first of these ways that finds any. Newest first.
  [[nodiscard]] std::vector<Row> find_entities(const std::string& what);
  /// Find activities by id or the beginning of it (at least 8 digits).
  [[nodiscard]] std::vector<Row> find_activities(const std::string& what);

  /// Walk from entities (or activities) to all that they came from, or that came from them. Back,
  /// an entity has one maker: the last successful one. Forth, an activity leads to what it is the
  /// maker of. Each node once; a flow is told if both its ends are. A used file that has the
  /// content of a generated one under another path is that one.
  [[nodiscard]] Walk walk(const std::vector<Row>& entities, const std::vector<Row>& activities,
                          Direction direction, const WalkLimits& limits,
                          Detail detail = Detail::brief);

  /// Notes of people on entities and activities: id of the thing, time, author, text. In journals
  /// they are records {"note_about": ID, "note": TEXT, "author": NAME, "time": ISO 8601}.
  struct Note {
    std::string about, time, author, text;
    auto operator<=>(const Note&) const = default;
  };
  [[nodiscard]] std::vector<Note> notes(const std::vector<std::string>& about);

  /// The SQL connection below, for the questions that need their own conditions.
  class Connection;
  [[nodiscard]] Connection& connection();

 private:
  struct State;
  explicit Store(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace alisio::prov
