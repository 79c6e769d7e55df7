#include "lib/sqlite/database.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/error.hpp"

namespace alisio::sqlite {
namespace {

namespace fs = std::filesystem;

class DatabaseTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("alisio_sqlite_" + std::to_string(::getpid()));
    fs::remove_all(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path file() const { return folder_ / "deep" / "test.sqlite"; }
  fs::path folder_;
};

TEST_F(DatabaseTest, KeepsEveryKindOfValue) {
  Database database(file(), OpenMode::create);
  database.run("CREATE TABLE t (i INTEGER, n REAL, s TEXT, e TEXT)");
  const std::string text = std::string("quote ' and \0 zero", 18);
  database.prepare("INSERT INTO t VALUES (?, ?, ?, ?)")
      .bind(std::int64_t{1} << 62, 0.1, text, nullptr)
      .run();
  Statement query = database.prepare("SELECT i, n, s, e FROM t");
  ASSERT_TRUE(query.step());
  EXPECT_EQ(query.integer(0), std::int64_t{1} << 62);
  EXPECT_EQ(query.number(1), 0.1);
  EXPECT_EQ(query.text(2), text);
  EXPECT_FALSE(query.is_null(2));
  EXPECT_TRUE(query.is_null(3));
  EXPECT_FALSE(query.step());
}

TEST_F(DatabaseTest, IsReadByWhoMayNotWriteBesideIt) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  {
    Database writer(file(), OpenMode::create);
    writer.run("CREATE TABLE t (i INTEGER); INSERT INTO t VALUES (7)");
  }
  const pid_t stranger = ::fork();
  if (stranger == 0) {
    constexpr unsigned nobody = 65534;
    if (::setgid(nobody) != 0 || ::setuid(nobody) != 0) ::_exit(2);
    try {
      Database reader(file(), OpenMode::read_only);
      Statement query = reader.prepare("SELECT i FROM t");
      ::_exit(query.step() && query.integer(0) == 7 ? 0 : 3);
    } catch (const Error&) {
      ::_exit(1);
    }
  }
  int status = 0;
  ::waitpid(stranger, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(DatabaseTest, IsMadeByManyAtOnce) {
  constexpr int databases = 60, makers = 8;
  std::atomic<int> refused = 0;
  for (int made = 0; made < databases; ++made) {
    std::barrier start(makers);
    std::vector<std::jthread> threads;
    for (int maker = 0; maker < makers; ++maker)
      threads.emplace_back([&] {
        start.arrive_and_wait();
        try {
          Database database(folder_ / std::to_string(made), OpenMode::create);
          Transaction transaction(database);
          database.run("CREATE TABLE IF NOT EXISTS t (i INTEGER)");
          transaction.commit();
        } catch (const Error&) {
          ++refused;
        }
      });
  }
  EXPECT_EQ(refused, 0);
}

TEST_F(DatabaseTest, RollsBackWhatWasNotCommitted) {
  Database database(file(), OpenMode::create);
  database.run("CREATE TABLE t (i INTEGER)");
  {
    Transaction transaction(database);
    database.run("INSERT INTO t VALUES (1)");
  }
  {
    Transaction transaction(database);
    database.run("INSERT INTO t VALUES (2)");
    transaction.commit();
  }
  Statement query = database.prepare("SELECT sum(i) FROM t");
  query.step();
  EXPECT_EQ(query.integer(0), 2);
}

TEST_F(DatabaseTest, CommittedRowsOutliveAKilledProcess) {
  const pid_t child = ::fork();
  if (child == 0) {
    Database database(file(), OpenMode::create);
    database.run("CREATE TABLE t (i INTEGER)");
    {
      Transaction transaction(database);
      database.run("INSERT INTO t VALUES (7)");
      transaction.commit();
    }
    Transaction open(database);
    database.run("INSERT INTO t VALUES (100)");
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  Database database(file(), OpenMode::create);
  Statement query = database.prepare("SELECT sum(i) FROM t");
  query.step();
  EXPECT_EQ(query.integer(0), 7);
}

TEST_F(DatabaseTest, SaysWhatIsWrong) {
  EXPECT_THROW(Database(file(), OpenMode::read_only), Error);
  Database database(file(), OpenMode::create);
  try {
    database.run("SELECT nonsense FROM nowhere");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
    EXPECT_NE(std::string(error.what()).find("nowhere"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("test.sqlite"), std::string::npos) << error.what();
  }
}

TEST_F(DatabaseTest, ReadOnlyConnectionsCannotWrite) {
  Database(file(), OpenMode::create).run("CREATE TABLE t (i INTEGER)");
  Database database(file(), OpenMode::read_only);
  EXPECT_THROW(database.run("INSERT INTO t VALUES (1)"), Error);
}

}  // namespace
}  // namespace alisio::sqlite
