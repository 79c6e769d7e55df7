#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "prov/store/store.hpp"

namespace alisio::prov {

/// A value for a parameter of a statement. Texts must outlive the call that binds them.
struct SqlValue {
  enum class Kind { null, integer, text };
  Kind kind = Kind::null;
  std::int64_t integer = 0;
  std::string_view text;

  SqlValue() = default;
  SqlValue(std::nullptr_t) {}
  SqlValue(int value) : kind(Kind::integer), integer(value) {}
  SqlValue(std::int64_t value) : kind(Kind::integer), integer(value) {}
  SqlValue(std::string_view value) : kind(Kind::text), text(value) {}
  SqlValue(const std::string& value) : kind(Kind::text), text(value) {}
  SqlValue(const char* value) : kind(Kind::text), text(value) {}
};

/// One prepared SQL statement. Parameters are written `?`.
class SqlStatement {
 public:
  virtual ~SqlStatement() = default;
  /// Bind all parameters anew and start from the first row.
  virtual SqlStatement& bind(const std::vector<SqlValue>& values) = 0;
  /// Advance to the next row. Return false when there is none.
  virtual bool step() = 0;
  [[nodiscard]] virtual bool is_null(int column) const = 0;
  [[nodiscard]] virtual std::int64_t integer(int column) const = 0;  ///< 0 if null
  [[nodiscard]] virtual std::string text(int column) const = 0;      ///< empty if null
  /// Run a statement that returns no rows.
  void run(const std::vector<SqlValue>& values = {}) {
    bind(values);
    while (step()) {
    }
  }
};

/// A database: SQLite or PostgreSQL. The SQL that is given to it must be understood by both. Tables
/// and views: prov/store/schema.hpp.
class Store::Connection {
 public:
  virtual ~Connection() = default;
  /// Prepare a statement; it must not outlive the connection. @throws Error(resource), and
  /// Error(bad_input) if the index is damaged, naming the remedy.
  [[nodiscard]] virtual std::unique_ptr<SqlStatement> prepare(const std::string& sql) = 0;
  /// Run statements that have no parameters and return nothing.
  virtual void run(const std::string& sql) = 0;
  /// Begin a transaction that no other writer can enter; readers still see what was before.
  virtual void begin() = 0;
  virtual void commit() = 0;
  virtual void roll_back() noexcept = 0;
  /// Make a table by one of schema_tables().
  virtual void make_table(const std::string& statement) = 0;
  /// Return whether a table exists.
  [[nodiscard]] virtual bool has_table(const std::string& name) = 0;
  /// Clean up after writing: SQLite folds the log into the file, PostgreSQL brings the statistics
  /// of its planner up to date.
  virtual void tidy() noexcept = 0;
};

/// Return a statement of schema_tables() in the words of one database.
[[nodiscard]] std::string table_statement(std::string statement, std::string_view id,
                                          std::string_view clustered);

/// Open a database file, or in memory if the name is ":memory:".
/// @param fast no protection against a crash: for a fresh file that is renamed once it is whole.
[[nodiscard]] std::unique_ptr<Store::Connection> connect_sqlite(const std::string& file,
                                                                StoreMode mode, bool fast);
/// Let no file be filled or replaced that is no index: a foreign one, or another database. A
/// damaged index passes as far as it can be told: it still bears the mark of one, or has the usual
/// name.
/// @throws Error(bad_input).
void refuse_foreign_file(const std::string& file);
/// Open a PostgreSQL database. @throws Error(configuration) if the program was built without
/// libpq, Error(resource) if the server refuses.
[[nodiscard]] std::unique_ptr<Store::Connection> connect_postgresql(const std::string& where,
                                                                    StoreMode mode);
/// Return whether a text is a PostgreSQL connection string and no path.
[[nodiscard]] bool names_postgresql(std::string_view where);

}  // namespace alisio::prov
