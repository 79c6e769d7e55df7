#include "lib/base/error.hpp"
#include "prov/store/connection.hpp"

#ifdef ALISIO_HAS_LIBPQ

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "prov/store/libpq.hpp"

namespace alisio::prov {
namespace {

struct Finish {
  void operator()(PGconn* connection) const { libpq().PQfinish(connection); }
};
struct Clear {
  void operator()(PGresult* result) const { libpq().PQclear(result); }
};
using Result = std::unique_ptr<PGresult, Clear>;

/// PostgreSQL refuses what is no UTF-8, and a journal may hold anything.
std::string as_utf8(std::string_view text) {
  if (std::all_of(text.begin(), text.end(), [](char c) { return c > 0; })) return std::string(text);
  std::string clean;
  for (const char c : text)
    if (c != '\0') clean += c;
  return nlohmann::json::parse(
             nlohmann::json(clean).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace))
      .get<std::string>();
}

/// What the statements of one connection share.
class Session {
 public:
  Session(const std::string& where, StoreMode mode)
      : connection_(libpq().PQconnectdb(where.c_str())), where_(without_password(where)) {
    if (libpq().PQstatus(connection_.get()) != CONNECTION_OK) fail();
    libpq().PQsetNoticeProcessor(
        connection_.get(), [](void*, const char*) {}, nullptr);
    run(mode == StoreMode::read_only ? "SET default_transaction_read_only = on"
                                     : "SET synchronous_commit = on");
  }

  [[noreturn]] void fail() const {
    std::string message = libpq().PQerrorMessage(connection_.get());
    std::replace(message.begin(), message.end(), '\n', ' ');
    message.resize(message.find_last_not_of(' ') + 1);
    throw Error(ErrorKind::resource, "the PostgreSQL index refuses: " + message, where_,
                "is the server up, and may this account use the database?");
  }

  void run(const std::string& sql) {
    flush();
    const Result result(libpq().PQexec(connection_.get(), sql.c_str()));
    const auto status = libpq().PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) fail();
  }

  std::string prepare(const std::string& sql) {
    flush();
    std::string name = fmt::format("s{}", ++statements_), numbered;
    int parameters = 0;
    for (const char c : sql)
      if (c == '?')
        numbered += fmt::format("${}", ++parameters);
      else
        numbered += c;
    const Result result(
        libpq().PQprepare(connection_.get(), name.c_str(), numbered.c_str(), 0, nullptr));
    if (libpq().PQresultStatus(result.get()) != PGRES_COMMAND_OK) fail();
    return name;
  }
  /// @throws Error if something of the transaction failed: the server rolls it back then, and calls
  /// that a success.
  void commit() {
    flush();
    const Result result(libpq().PQexec(connection_.get(), "COMMIT"));
    if (libpq().PQresultStatus(result.get()) != PGRES_COMMAND_OK) fail();
    if (std::string_view(libpq().PQcmdStatus(result.get())) != "COMMIT")
      throw Error(ErrorKind::resource,
                  "the PostgreSQL index took nothing of a change, as a part of it failed" +
                      (lost_.empty() ? std::string() : ": " + lost_),
                  where_, "try it again; the server's log says more");
  }
  void forget(const std::string& name) noexcept {
    try {
      run("DEALLOCATE " + name);
    } catch (const Error& error) {
      // A transaction that failed takes no statements; the server forgets them with the session.
      // What it waited for may be the first to fail: commit() tells of it.
      if (lost_.empty()) lost_ = error.problem();
    }
  }

  Result ask(const std::string& name, const std::vector<const char*>& values) {
    flush();
    Result result(libpq().PQexecPrepared(connection_.get(), name.c_str(),
                                         static_cast<int>(values.size()), values.data(), nullptr,
                                         nullptr, 0));
    if (libpq().PQresultStatus(result.get()) != PGRES_TUPLES_OK) fail();
    return result;
  }

  /// Send a statement that returns nothing, without waiting for the server's answer.
  void send(const std::string& name, const std::vector<const char*>& values) {
    // So few at a time that their answers fit the socket's buffer: neither side waits for the
    // other.
    constexpr int most = 256;
    if (pending_ == 0 && libpq().PQenterPipelineMode(connection_.get()) != 1) fail();
    if (libpq().PQsendQueryPrepared(connection_.get(), name.c_str(),
                                    static_cast<int>(values.size()), values.data(), nullptr,
                                    nullptr, 0) != 1)
      fail();
    if (++pending_ == most) flush();
  }

  /// Wait for the answers to what was sent.
  void flush() {
    if (pending_ == 0) return;
    pending_ = 0;
    std::string problem;
    if (libpq().PQpipelineSync(connection_.get()) != 1) fail();
    while (true) {
      const Result result(libpq().PQgetResult(connection_.get()));
      if (!result) {
        if (libpq().PQstatus(connection_.get()) != CONNECTION_OK) fail();
        continue;
      }
      const auto status = libpq().PQresultStatus(result.get());
      if (status == PGRES_PIPELINE_SYNC) break;
      if (status == PGRES_FATAL_ERROR && problem.empty())
        problem = libpq().PQresultErrorMessage(result.get());
    }
    if (libpq().PQexitPipelineMode(connection_.get()) != 1) fail();
    if (problem.empty()) return;
    std::replace(problem.begin(), problem.end(), '\n', ' ');
    throw Error(ErrorKind::resource, "the PostgreSQL index refuses: " + problem, where_);
  }

 private:
  std::unique_ptr<PGconn, Finish> connection_;
  std::string where_;
  std::string lost_;  ///< what failed where nothing may be thrown
  int statements_ = 0, pending_ = 0;
};

class PostgresqlStatement final : public SqlStatement {
 public:
  PostgresqlStatement(Session& session, const std::string& sql)
      : session_(session), name_(session.prepare(sql)), asks_(sql.starts_with("SELECT")) {}
  ~PostgresqlStatement() override { session_.forget(name_); }
  PostgresqlStatement(const PostgresqlStatement&) = delete;
  PostgresqlStatement& operator=(const PostgresqlStatement&) = delete;

  SqlStatement& bind(const std::vector<SqlValue>& values) override {
    texts_.clear();
    texts_.reserve(values.size());
    pointers_.clear();
    for (const SqlValue& value : values) {
      if (value.kind == SqlValue::Kind::null) {
        pointers_.push_back(nullptr);
        continue;
      }
      texts_.push_back(value.kind == SqlValue::Kind::integer ? std::to_string(value.integer)
                                                             : as_utf8(value.text));
      pointers_.push_back(texts_.back().c_str());
    }
    result_.reset();
    return *this;
  }

  bool step() override {
    if (!asks_) {
      session_.send(name_, pointers_);
      return false;
    }
    if (!result_) {
      result_ = session_.ask(name_, pointers_);
      row_ = -1;
    }
    return ++row_ < libpq().PQntuples(result_.get());
  }
  bool is_null(int column) const override {
    return libpq().PQgetisnull(result_.get(), row_, column) != 0;
  }
  std::int64_t integer(int column) const override {
    return is_null(column)
               ? 0
               : std::strtoll(libpq().PQgetvalue(result_.get(), row_, column), nullptr, 10);
  }
  std::string text(int column) const override {
    return is_null(column) ? std::string() : libpq().PQgetvalue(result_.get(), row_, column);
  }

 private:
  Session& session_;
  std::string name_;
  bool asks_;
  std::vector<std::string> texts_;
  std::vector<const char*> pointers_;
  Result result_;
  int row_ = -1;
};

class PostgresqlConnection final : public Store::Connection {
 public:
  PostgresqlConnection(const std::string& where, StoreMode mode) : session_(where, mode) {}

  std::unique_ptr<SqlStatement> prepare(const std::string& sql) override {
    return std::make_unique<PostgresqlStatement>(session_, sql);
  }
  void run(const std::string& sql) override { session_.run(sql); }
  void begin() override {
    session_.run("BEGIN");
    // Any number does, as long as all writers take the same: "alis" in ASCII.
    session_.run("SELECT pg_advisory_xact_lock(1634494835)");
  }
  void commit() override { session_.commit(); }
  void roll_back() noexcept override {
    try {
      session_.run("ROLLBACK");
    } catch (const Error&) {
      // The server rolls back what is left open: the failure that led here is on its way up.
    }
  }
  void make_table(const std::string& statement) override {
    std::string sql = table_statement(statement, "BIGINT PRIMARY KEY", "");
    // Texts are compared byte by byte, as SQLite does: beginnings of hashes are ranges.
    constexpr std::string_view type = " TEXT", ordered = " TEXT COLLATE \"C\"";
    for (std::size_t at = sql.find(type); at != std::string::npos;
         at = sql.find(type, at + ordered.size()))
      sql.replace(at, type.size(), ordered);
    session_.run(sql);
  }
  bool has_table(const std::string& name) override {
    return prepare(
               "SELECT 1 FROM information_schema.tables WHERE table_schema = current_schema() "
               "AND table_name = ?")
        ->bind({name})
        .step();
  }
  void tidy() noexcept override {
    try {
      session_.run("ANALYZE");
    } catch (const Error&) {
      // Only the planner's estimates are older than they could be.
    }
  }

 private:
  Session session_;
};

}  // namespace

std::unique_ptr<Store::Connection> connect_postgresql(const std::string& where, StoreMode mode) {
  return std::make_unique<PostgresqlConnection>(where, mode);
}

}  // namespace alisio::prov

#else

namespace alisio::prov {

std::unique_ptr<Store::Connection> connect_postgresql(const std::string& where, StoreMode) {
  throw Error(ErrorKind::configuration, "this program was built without PostgreSQL",
              without_password(where),
              "build it where libpq is installed, or give the path of an SQLite file");
}

}  // namespace alisio::prov

#endif
