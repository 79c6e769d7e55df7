#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <string_view>

#include "lib/base/error.hpp"
#include "lib/sqlite/database.hpp"
#include "prov/store/connection.hpp"

namespace alisio::prov {
namespace fs = std::filesystem;
namespace {

constexpr const char* usual_index_name = "provenance.sqlite";
// In the file's header, by which an index is known when it cannot be read.
constexpr int application_mark = 0x414c5052;
constexpr std::size_t header_size = 100, mark_at = 68;

/// Return whether a file's header holds our mark.
bool holds_mark(std::string_view header) {
  if (header.size() < header_size) return false;
  int mark = 0;
  for (const char byte : header.substr(mark_at, 4))
    mark = (mark << 8) | static_cast<unsigned char>(byte);
  return mark == application_mark;
}

/// Run something; if the file turns out to be damaged, say how it is made anew.
template <typename Work>
auto with_remedy(const std::string& file, const Work& work) {
  try {
    return work();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_input) throw;
    refuse_foreign_file(file);
    throw Error(ErrorKind::bad_input, "the index of provenance is damaged", file,
                "make it anew from the journals: alisio prov index --rebuild");
  }
}

class SqliteStatement final : public SqlStatement {
 public:
  SqliteStatement(sqlite::Statement statement, const std::string& file)
      : statement_(std::move(statement)), file_(file) {}

  SqlStatement& bind(const std::vector<SqlValue>& values) override {
    statement_.reset();
    int position = 0;
    for (const SqlValue& value : values) {
      ++position;
      switch (value.kind) {
        case SqlValue::Kind::null:
          statement_.set(position, nullptr);
          break;
        case SqlValue::Kind::integer:
          statement_.set(position, value.integer);
          break;
        case SqlValue::Kind::text:
          // A text without bytes is a text: SQLite takes a null pointer as NULL.
          statement_.set(position, value.text.empty() ? std::string_view("") : value.text);
          break;
      }
    }
    return *this;
  }

  bool step() override {
    return with_remedy(file_, [&] {
      const bool more = statement_.step();
      // A statement that has ended must not keep the database locked.
      if (!more) statement_.reset();
      return more;
    });
  }
  bool is_null(int column) const override { return statement_.is_null(column); }
  std::int64_t integer(int column) const override { return statement_.integer(column); }
  std::string text(int column) const override { return statement_.text(column); }

 private:
  sqlite::Statement statement_;
  const std::string& file_;
};

class SqliteConnection final : public Store::Connection {
 public:
  SqliteConnection(const std::string& file, StoreMode mode, bool fast)
      : file_(file), database_(with_remedy(file_, [&] {
          return sqlite::Database(file, mode == StoreMode::update ? sqlite::OpenMode::create
                                                                  : sqlite::OpenMode::read_only);
        })) {
    // Negative: in KiB. Bulk loads touch indexes at random places.
    run("PRAGMA cache_size = -131072; PRAGMA temp_store = MEMORY; PRAGMA threads = 2");
    if (fast) run("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");
    if (mode == StoreMode::update) leave_mark();
  }

  std::unique_ptr<SqlStatement> prepare(const std::string& sql) override {
    return with_remedy(
        file_, [&] { return std::make_unique<SqliteStatement>(database_.prepare(sql), file_); });
  }
  void run(const std::string& sql) override {
    with_remedy(file_, [&] { database_.run(sql); });
  }
  void begin() override { run("BEGIN IMMEDIATE"); }
  void commit() override { run("COMMIT"); }
  void roll_back() noexcept override {
    try {
      database_.run("ROLLBACK");
    } catch (const Error&) {
      // SQLite has rolled back by itself: the failure that led here is already on its way up.
    }
  }
  void make_table(const std::string& statement) override {
    run(table_statement(statement, "INTEGER PRIMARY KEY", " WITHOUT ROWID"));
  }
  bool has_table(const std::string& name) override {
    const auto found = prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?");
    return found->bind({name}).step();
  }
  void tidy() noexcept override {
    try {
      database_.run("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch (const Error&) {
      // Someone is reading: the next one tidies up. Nothing is lost meanwhile.
    }
  }

 private:
  void leave_mark() {
    const auto found = prepare("PRAGMA application_id");
    const bool is_marked = found->bind({}).step() && found->integer(0) == application_mark;
    found->bind({});
    if (!is_marked) run(fmt::format("PRAGMA application_id = {}", application_mark));
  }

  std::string file_;
  sqlite::Database database_;
};

}  // namespace

void refuse_foreign_file(const std::string& file) {
  std::error_code absent;
  if (!fs::is_regular_file(file, absent) || fs::file_size(file, absent) == 0) return;
  const auto refuse = [&](const char* what) {
    throw Error(ErrorKind::bad_input, what, file,
                "name another file with --index; if an index is to be there, move this one away");
  };
  std::ifstream in(file, std::ios::binary);
  std::string header(header_size, '\0');
  in.read(header.data(), static_cast<std::streamsize>(header.size()));
  header.resize(static_cast<std::size_t>(in.gcount()));
  const bool usual_name = fs::path(file).filename() == usual_index_name;
  constexpr std::string_view mark("SQLite format 3\0", 16);
  if (!usual_name && !header.starts_with(mark)) refuse("is no index of provenance");
  try {
    sqlite::Database database(file, sqlite::OpenMode::read_only);
    if (database.has_table("store_version") && database.has_table("journal")) return;
    if (!database.prepare("SELECT 1 FROM sqlite_master").step()) return;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_input) throw;
    if (usual_name || holds_mark(header)) return;
    refuse("is a damaged database, and nothing in it tells that it was an index of provenance");
  }
  refuse("is a database, but no index of provenance");
}

std::unique_ptr<Store::Connection> connect_sqlite(const std::string& file, StoreMode mode,
                                                  bool fast) {
  return std::make_unique<SqliteConnection>(file, mode, fast);
}

std::string table_statement(std::string statement, std::string_view id,
                            std::string_view clustered) {
  for (const auto& [mark, text] :
       {std::pair<std::string_view, std::string_view>{"{id}", id}, {"{clustered}", clustered}})
    if (const std::size_t at = statement.find(mark); at != std::string::npos)
      statement.replace(at, mark.size(), text);
  return statement;
}

std::string without_password(std::string where) {
  const std::size_t begin = where.find("://"), end = where.find('@');
  if (begin == std::string::npos || end == std::string::npos) return where;
  const std::size_t colon = where.find(':', begin + 3);
  if (colon < end) where.erase(colon, end - colon);
  return where;
}

bool names_postgresql(std::string_view where) {
  return where.starts_with("postgresql://") || where.starts_with("postgres://");
}

}  // namespace alisio::prov
