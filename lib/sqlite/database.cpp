#include "lib/sqlite/database.hpp"

#include <sqlite3.h>

#include <chrono>
#include <thread>

#include "lib/base/error.hpp"

namespace alisio::sqlite {
namespace {

const char* what_to_do(int code) {
  switch (code) {
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
      return "this account must be able to write the file and its folder: use the account that "
             "processes the nights, or mend the permissions";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "another process holds it: try again when that has ended";
    case SQLITE_FULL:
      return "make space on its disk";
    default:
      return "is the disk full, or is the file on a network disk?";
  }
}

/// @param statement what was asked, if it says more than the file
[[noreturn]] void fail_with(sqlite3* connection, const std::string& file,
                            const std::string& statement = "") {
  const int code = sqlite3_errcode(connection) & 0xff;
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
    throw Error(
        ErrorKind::bad_input, std::string("the database is damaged: ") + sqlite3_errmsg(connection),
        file,
        "alisio state rebuild makes a state anew from the files, alisio prov index --rebuild an "
        "index");
  constexpr std::size_t longest = 80;
  const std::string asked =
      statement.size() > longest ? statement.substr(0, longest) + "…" : statement;
  throw Error(ErrorKind::resource,
              std::string("the database refuses: ") + sqlite3_errmsg(connection) +
                  (asked.empty() ? "" : ", asked: " + asked),
              file, what_to_do(code));
}

/// Switch to the write-ahead log. Where several processes make a database at once, SQLite refuses
/// all but one of them without waiting as long as it is told to, lest they wait for each other.
void use_write_ahead_log(sqlite3* connection, const std::string& file, int busy_ms) {
  constexpr auto pause = std::chrono::milliseconds(5);
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::milliseconds(busy_ms);
  while (sqlite3_exec(connection, "PRAGMA journal_mode = WAL", nullptr, nullptr, nullptr) !=
         SQLITE_OK) {
    if ((sqlite3_errcode(connection) & 0xff) != SQLITE_BUSY ||
        std::chrono::steady_clock::now() > give_up)
      fail_with(connection, file);
    std::this_thread::sleep_for(pause);
  }
}

std::string file_of(sqlite3* connection) {
  const char* name = sqlite3_db_filename(connection, "main");
  return name == nullptr ? "" : name;
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

void Statement::fail() const {
  sqlite3* const connection = sqlite3_db_handle(statement_.get());
  fail_with(connection, file_of(connection), sqlite3_sql(statement_.get()));
}

bool Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  fail();
}

void Statement::run() {
  while (step()) {
  }
  reset();
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

double Statement::number(int column) const {
  return sqlite3_column_double(statement_.get(), column);
}

std::string Statement::text(int column) const {
  const unsigned char* value = sqlite3_column_text(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return value == nullptr
             ? std::string()
             : std::string(reinterpret_cast<const char*>(value), static_cast<std::size_t>(size));
}

void Statement::bind_one(int position, std::int64_t value) {
  if (sqlite3_bind_int64(statement_.get(), position, value) != SQLITE_OK) fail();
}

void Statement::bind_one(int position, double value) {
  if (sqlite3_bind_double(statement_.get(), position, value) != SQLITE_OK) fail();
}

void Statement::bind_one(int position, std::string_view value) {
  if (sqlite3_bind_text64(statement_.get(), position, value.data(), value.size(), SQLITE_TRANSIENT,
                          SQLITE_UTF8) != SQLITE_OK)
    fail();
}

void Statement::bind_one(int position, std::nullptr_t) {
  if (sqlite3_bind_null(statement_.get(), position) != SQLITE_OK) fail();
}

void Database::Close::operator()(sqlite3* connection) const {
  sqlite3_close_v2(connection);
}

Database::Database(const std::filesystem::path& file, OpenMode mode, int busy_ms) : file_(file) {
  if (mode == OpenMode::read_only && !std::filesystem::exists(file))
    throw Error(ErrorKind::missing_input, "the database does not exist", file.string());
  if (mode == OpenMode::create && file.has_parent_path()) {
    std::error_code failed;
    std::filesystem::create_directories(file.parent_path(), failed);
    if (failed)
      throw Error(ErrorKind::resource, "cannot be made: " + failed.message(),
                  file.parent_path().string());
  }
  sqlite3* connection = nullptr;
  const int flags =
      mode == OpenMode::create ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  const int code = sqlite3_open_v2(file.c_str(), &connection, flags, nullptr);
  connection_.reset(connection);
  if (code != SQLITE_OK) fail_with(connection, file.string());
  sqlite3_busy_timeout(connection, busy_ms);
  if (mode == OpenMode::create) {
    use_write_ahead_log(connection, file.string(), busy_ms);
    run("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
    // The files of the log stay, emptied, when the last writer has closed: who may read the folder
    // but not write into it could not open the database without them.
    int persist = 1;
    sqlite3_file_control(connection, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
    run("PRAGMA journal_size_limit = 67108864");
  }
}

void Database::run(const std::string& sql) {
  if (sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    fail_with(connection_.get(), file_.string());
}

Statement Database::prepare(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(connection_.get(), sql.c_str(), static_cast<int>(sql.size()), &statement,
                         nullptr) != SQLITE_OK)
    fail_with(connection_.get(), file_.string(), sql);
  return Statement(statement);
}

bool Database::has_table(const std::string& name) {
  return prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").bind(name).step();
}

std::int64_t Database::last_row_id() const {
  return sqlite3_last_insert_rowid(connection_.get());
}

int Database::user_version() {
  Statement statement = prepare("PRAGMA user_version");
  statement.step();
  return static_cast<int>(statement.integer(0));
}

void Database::set_user_version(int version) {
  run("PRAGMA user_version = " + std::to_string(version));
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(connection_.get()) == 0;
}

ReadTransaction::ReadTransaction(Database& database)
    : database_(database), outer_(!database.in_transaction()) {
  if (outer_) database_.run("BEGIN DEFERRED");
}

ReadTransaction::~ReadTransaction() {
  if (!outer_) return;
  try {
    database_.run("COMMIT");
  } catch (const Error&) {
    // Nothing was written: there is nothing to lose.
  }
}

Transaction::Transaction(Database& database)
    : database_(database), inner_(database.in_transaction()) {
  database_.run(inner_ ? "SAVEPOINT inner" : "BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  if (done_) return;
  try {
    database_.run(inner_ ? "ROLLBACK TO inner; RELEASE inner" : "ROLLBACK");
  } catch (const Error&) {
    // SQLite has rolled back by itself: the failure that led here is already on its way up.
  }
}

void Transaction::commit() {
  database_.run(inner_ ? "RELEASE inner" : "COMMIT");
  done_ = true;
}

}  // namespace alisio::sqlite
