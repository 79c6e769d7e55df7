#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace alisio::sqlite {

/// One prepared SQL statement. Parameters are bound in order, rows are read by column number from
/// 0. Every failure throws Error with SQLite's message and the statement: bad_input if the file is
/// damaged, resource otherwise.
class Statement {
 public:
  Statement(Statement&&) noexcept = default;
  Statement& operator=(Statement&&) noexcept = default;

  /// Bind all parameters anew, from the first, after resetting the statement.
  template <typename... Values>
  Statement& bind(const Values&... values) {
    reset();
    [[maybe_unused]] int position = 0;
    (bind_one(++position, values), ...);
    return *this;
  }

  /// Advance to the next row. Return false when there is none.
  bool step();
  /// Run a statement that returns no rows.
  void run();
  void reset();
  /// Bind one parameter, counted from 1.
  template <typename Value>
  void set(int position, const Value& value) {
    bind_one(position, value);
  }

  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] double number(int column) const;
  [[nodiscard]] std::string text(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  void bind_one(int position, std::int64_t value);
  void bind_one(int position, int value) { bind_one(position, std::int64_t{value}); }
  void bind_one(int position, bool value) { bind_one(position, std::int64_t{value}); }
  void bind_one(int position, std::uint64_t value) {
    bind_one(position, static_cast<std::int64_t>(value));
  }
  void bind_one(int position, double value);
  void bind_one(int position, std::string_view value);
  void bind_one(int position, const std::string& value) {
    bind_one(position, std::string_view(value));
  }
  void bind_one(int position, const char* value) { bind_one(position, std::string_view(value)); }
  void bind_one(int position, std::nullptr_t);
  [[noreturn]] void fail() const;

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

enum class OpenMode {
  create,    ///< read and write, made if absent, write-ahead log, synced at every commit
  read_only  ///< the file must exist
};

/// One connection to one database file.
class Database {
 public:
  /// @param busy_ms how long to wait for another process that writes, milliseconds.
  /// @throws Error(missing_input) if read_only and absent, Error(resource) otherwise.
  Database(const std::filesystem::path& file, OpenMode mode, int busy_ms = 30000);

  /// Run SQL text that returns nothing; several statements may follow each other.
  void run(const std::string& sql);
  [[nodiscard]] Statement prepare(const std::string& sql);
  /// Return true if the file has the table: one that was only opened for reading may be of a time
  /// before it.
  [[nodiscard]] bool has_table(const std::string& name);
  [[nodiscard]] std::int64_t last_row_id() const;
  /// Return a number kept in the file's header for the schema's version; 0 in a new file.
  [[nodiscard]] int user_version();
  void set_user_version(int version);
  [[nodiscard]] bool in_transaction() const;
  [[nodiscard]] const std::filesystem::path& file() const { return file_; }

 private:
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  std::filesystem::path file_;
  std::unique_ptr<sqlite3, Close> connection_;
};

/// While it lives, all that is read is of one instant, whatever others write. Within another
/// transaction it is that one's.
class ReadTransaction {
 public:
  explicit ReadTransaction(Database& database);
  ~ReadTransaction();
  ReadTransaction(const ReadTransaction&) = delete;
  ReadTransaction& operator=(const ReadTransaction&) = delete;

 private:
  Database& database_;
  bool outer_;
};

/// All or nothing: rolled back unless commit() was reached. The write lock is taken at once, so
/// that two writers wait for each other instead of failing half-way. One within another becomes
/// durable with the outer one.
class Transaction {
 public:
  explicit Transaction(Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Database& database_;
  bool inner_;
  bool done_ = false;
};

}  // namespace alisio::sqlite
