#include "prov/store/store.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "lib/base/error.hpp"
#include "lib/sqlite/database.hpp"
#include "prov/records.hpp"
#include "prov/store/connection.hpp"

namespace alisio::prov {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

const Definition& definition() {
  static const auto loaded =
      Definition::load(fs::path(ALISIO_SOURCE_DIR) / "cfg/provenance/definition.yaml");
  return loaded;
}
const LoggerConfiguration logger;

/// A folder of its own for each test.
class StoreTest : public ::testing::Test {
 protected:
  StoreTest()
      : folder_(fs::temp_directory_path() /
                fmt::format("alisio_store_{}_{}", ::getpid(),
                            ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "journals");
  }
  ~StoreTest() override { fs::remove_all(folder_); }

  fs::path folder_;
  [[nodiscard]] fs::path journals() const { return folder_ / "journals"; }
  [[nodiscard]] std::string place() const { return (folder_ / "index.sqlite").string(); }
};

std::string hex(std::size_t seed, std::size_t digits) {
  std::mt19937_64 random(seed + 1);
  std::string text;
  while (text.size() < digits) text += fmt::format("{:016x}", random());
  return text.substr(0, digits);
}

/// Lines of journals of a history that never was: activities that use files made before.
struct History {
  std::vector<std::vector<std::string>> journals;          ///< lines of each
  std::map<std::string, std::set<std::string>> came_from;  ///< entity to all that it came from
};

ordered_json file_record(const std::string& id, std::size_t content, const std::string& below) {
  return {{"entity_id", id},
          {"name", "DL1SubrunDataset"},
          {"filepath", "/site/" + below},
          {"type", "File"},
          {"sha256", hex(content + 1000, 64)},
          {"size_bytes", content + 1},
          {"data_hash", hex(content + 5000, 64)},
          {"logical_path", below}};
}

History make_history(unsigned seed, std::size_t activities) {
  std::mt19937 random(seed);
  const auto below = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  History history;
  double time = 1.7e9;
  struct Made {
    std::size_t content;
    std::string id;
    std::set<std::string> from;
  };
  std::vector<Made> made;
  for (std::size_t n = 0; n < 5; ++n) made.push_back({n, hex(n, 32), {}});
  for (std::size_t n = 0; n < activities; ++n) {
    std::vector<std::string> lines;
    const auto write = [&](const ordered_json& record) {
      time += 0.001;
      lines.push_back(format_line(logger, iso_time(time), record));
    };
    const std::string id = fmt::format("01900000-0000-7000-8000-{:012x}", n * 977 + seed);
    const std::string session = fmt::format("01900001-0000-7000-8000-{:012x}", n);
    write({{"session_id", session},
           {"system",
            {{"platform", {{"node", n % 3 == 0 ? "cp01" : "cp02"}}},
             {"build", {{"version", "1"}}},
             {"environment", ordered_json::object()}}}});
    write({{"activity_id", id},
           {"name", "r0_to_dl1"},
           {"startTime", iso_time(time)},
           {"in_session", session},
           {"agent_name", "who"},
           {"session_tag", fmt::format("r0_to_dl1:{:05d}", 100 + n / 10)},
           {"software_version", "v1"},
           {"telescope", "LST-1"},
           {"observation_date", "20240115"},
           {"observation_subrun", fmt::format("{:04d}", n % 10)},
           {"prod_id", "v1_v00"},
           {"command", {"alisio", "r0-to-dl1", "a \"quoted\" word"}}});
    write({{"activity_id", id}, {"parameters", {{"ObservationRun", n}}}});
    const bool is_killed = n % 11 == 7, is_failed = n % 13 == 5;
    std::set<std::string> from;
    for (std::size_t i = 0; i < 1 + below(4); ++i) {
      const Made& input = made[below(made.size())];
      std::string used = input.id;
      // The same content, recorded below another root under another id.
      const bool moved = input.content >= 5 && below(4) == 0;
      if (moved) used = hex(input.content + 90000, 32);
      write(file_record(used, input.content,
                        fmt::format("{}/f{}.h5", moved ? "moved" : "DL1", input.content)));
      write({{"activity_id", id}, {"used_id", used}, {"used_role", "DL1"}, {"port", "dl1"}});
      from.insert(input.id);
      from.insert(input.from.begin(), input.from.end());
    }
    if (!is_killed && !is_failed) {
      const std::size_t content = 5 + n;
      Made product{content, hex(content, 32), from};
      write(file_record(product.id, content, fmt::format("DL1/f{}.h5", content)));
      write({{"activity_id", id},
             {"generated_id", product.id},
             {"generated_role", "DL1"},
             {"quality", "passed"}});
      history.came_from[product.id] = from;
      made.push_back(product);
    }
    if (!is_killed)
      write({{"activity_id", id},
             {"endTime", iso_time(time)},
             {"status", is_failed ? "failed" : "completed"},
             {"exit_code", is_failed ? 5 : 0},
             {"message", is_failed ? "no input" : ""}});
    history.journals.push_back(lines);
  }
  return history;
}

void write_lines(const fs::path& file, const std::vector<std::string>& lines, std::size_t begin,
                 std::size_t end, bool append) {
  fs::create_directories(file.parent_path());
  std::ofstream out(file, append ? std::ios::app : std::ios::trunc);
  for (std::size_t i = begin; i < std::min(end, lines.size()); ++i) out << lines[i];
}

std::vector<Row> rows(Store& store, const std::string& sql) {
  const auto query = store.connection().prepare(sql);
  query->bind({});
  std::vector<Row> found;
  while (query->step()) found.push_back(query->integer(0));
  return found;
}

/// All that an index says, in words that do not depend on the numbers of rows.
std::vector<std::string> dump(Store& store) {
  std::vector<std::string> lines;
  std::map<Row, std::string> ids;
  const auto activities =
      store.activities(rows(store, "SELECT id FROM activity WHERE name IS NOT NULL"));
  const auto entities = store.entities(rows(store, "SELECT id FROM entity"));
  for (const auto& a : activities) ids[a.row] = a.id;
  for (const auto& a : activities)
    lines.push_back(
        fmt::format("activity {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}",
                    a.id, a.name, a.telescope, a.run, a.subrun, a.observation_date, a.prod_id,
                    a.start, a.end, to_string(a.how), a.exit_code, a.message, a.software, a.host,
                    a.operator_name, a.session, a.origin, a.journal, a.command.dump(),
                    a.parameters.dump(), a.configuration.dump(), a.environment.dump()));
  std::map<Row, std::string> entity_ids;
  std::vector<Row> activity_rows;
  for (const auto& a : activities) activity_rows.push_back(a.row);
  for (const auto& e : entities) {
    entity_ids[e.row] = e.id;
    lines.push_back(fmt::format("entity {} {} {} {} {} {} {} {} {} {} {} {}", e.id, e.name, e.level,
                                e.path, e.logical_path, e.size_bytes, e.sha256, e.data_hash,
                                e.generated_by == 0 ? "" : ids[e.generated_by], e.run, e.subrun,
                                e.quality));
  }
  for (const auto& f : store.flows_of_activities(activity_rows))
    lines.push_back(fmt::format("flow {} {} {} {} {} {}", ids[f.activity], entity_ids[f.entity],
                                f.generated, f.role, f.port, f.remark));
  std::sort(lines.begin(), lines.end());
  return lines;
}

TEST_F(StoreTest, WalksAreThoseOfTheHistory) {
  const History history = make_history(3, 120);
  for (std::size_t i = 0; i < history.journals.size(); ++i)
    write_lines(journals() / fmt::format("{}.log", i), history.journals[i], 0, 99, false);
  Store store = Store::open(place(), StoreMode::update);
  const IndexReport report = store.index({journals()}, definition(), logger);
  EXPECT_EQ(report.journals, 120);
  EXPECT_EQ(report.activities, 120);
  EXPECT_EQ(report.broken_lines, 0);
  ASSERT_GT(history.came_from.size(), 80u);
  std::map<std::string, std::set<std::string>> led_to;
  for (const auto& [id, from] : history.came_from) {
    const auto start = store.find_entities(id);
    ASSERT_EQ(start.size(), 1u);
    const Walk walk = store.walk(start, {}, Direction::back, {});
    std::set<std::string> found;
    for (const auto& entity : walk.entities) found.insert(entity.id);
    found.erase(id);
    EXPECT_EQ(found, from) << id;
    EXPECT_TRUE(walk.cut_entities.empty());
    for (const std::string& one : from) led_to[one].insert(id);
  }
  for (const auto& [id, to] : led_to) {
    const Walk walk = store.walk(store.find_entities(id), {}, Direction::forth, {});
    std::set<std::string> found;
    for (const auto& entity : walk.entities) found.insert(entity.id);
    found.erase(id);
    EXPECT_EQ(found, to) << id;
  }
}

TEST_F(StoreTest, AnyOrderOfReadingGivesTheSame) {
  const History history = make_history(5, 60);
  std::mt19937 random(7);
  // What was read line by line as it grew, in any order of files, is what is read at once.
  std::vector<std::size_t> at(history.journals.size());
  Store grown = Store::open(place(), StoreMode::update);
  const auto file = [&](std::size_t i) { return journals() / fmt::format("{}.log", i); };
  for (int round = 0; round < 12; ++round) {
    for (std::size_t i = 0; i < at.size(); ++i) {
      if (random() % 3 == 0) continue;
      const std::size_t end = round == 11 ? 99 : at[i] + random() % 4;
      write_lines(file(i), history.journals[i], at[i], end, true);
      at[i] = std::min(end, history.journals[i].size());
    }
    grown.index({journals()}, definition(), logger);
  }
  for (std::size_t i = 0; i < at.size(); ++i)
    write_lines(file(i), history.journals[i], at[i], 99, true);
  grown.index({journals()}, definition(), logger);
  const auto expected = dump(grown);
  ASSERT_GT(expected.size(), 200u);

  const std::string fresh = (folder_ / "fresh.sqlite").string();
  Store::rebuild(fresh, {journals()}, definition(), logger);
  Store rebuilt = Store::open(fresh, StoreMode::read_only);
  EXPECT_EQ(dump(rebuilt), expected);

  std::vector<std::size_t> order(history.journals.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), random);
  Store shuffled = Store::open(":memory:", StoreMode::update);
  for (const std::size_t i : order) shuffled.index({file(i)}, definition(), logger);
  EXPECT_EQ(dump(shuffled), expected);
  // Nothing new: nothing read.
  const IndexReport again = shuffled.index({journals()}, definition(), logger);
  EXPECT_EQ(again.journals, 0);
  EXPECT_EQ(again.unchanged, 60);

  // The lines of all in one merged file, and that file besides the journals, say no more.
  std::vector<std::string> all;
  for (const auto& lines : history.journals) all.insert(all.end(), lines.begin(), lines.end());
  std::shuffle(all.begin(), all.end(), random);
  const fs::path merged = folder_ / "merged" / "r0_to_dl1_00100_prov.log";
  write_lines(merged, all, 0, all.size(), false);
  Store both = Store::open(":memory:", StoreMode::update);
  both.index({merged}, definition(), logger);
  both.index({journals()}, definition(), logger);
  EXPECT_EQ(dump(both), expected);
}

TEST_F(StoreTest, AnActivityThatIsOpenCountsAsKilledUntilItEnds) {
  const History history = make_history(1, 1);
  const auto& lines = history.journals[0];
  write_lines(journals() / "a.log", lines, 0, lines.size() - 1, false);
  Store store = Store::open(place(), StoreMode::update);
  store.index({journals()}, definition(), logger);
  const auto found = store.find_activities("01900000");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(store.activities(found)[0].how, ActivityEnd::killed);
  const auto product = store.find_entities("DL1/f5.h5");
  ASSERT_EQ(product.size(), 1u);
  EXPECT_EQ(store.entities(product)[0].generated_by, 0);
  // Half a line is no line yet.
  const std::string last = lines.back();
  std::ofstream(journals() / "a.log", std::ios::app) << last.substr(0, last.size() / 2);
  EXPECT_EQ(store.index({journals()}, definition(), logger).broken_lines, 1);
  EXPECT_EQ(store.activities(found)[0].how, ActivityEnd::killed);
  std::ofstream(journals() / "a.log", std::ios::app) << last.substr(last.size() / 2);
  EXPECT_EQ(store.index({journals()}, definition(), logger).broken_lines, 0);
  EXPECT_EQ(store.activities(found)[0].how, ActivityEnd::completed);
  EXPECT_EQ(store.entities(product)[0].generated_by, found[0]);
  EXPECT_EQ(store.entities(product)[0].quality, "passed");
}

TEST_F(StoreTest, BrokenLinesAreCountedAndBreakNothing) {
  const History history = make_history(2, 10);
  std::ofstream out(journals() / "a.log");
  for (const auto& lines : history.journals)
    for (const std::string& line : lines) {
      out << line;
      out << line.substr(0, line.size() * 2 / 3) << '\n';
    }
  out << "something else\n";
  out.close();
  Store store = Store::open(":memory:", StoreMode::update);
  const IndexReport report = store.index({journals()}, definition(), logger);
  std::int64_t lines = 0;
  for (const auto& journal : history.journals) lines += static_cast<std::int64_t>(journal.size());
  EXPECT_GT(report.broken_lines, lines * 3 / 4);
  EXPECT_LE(report.broken_lines, lines);
  EXPECT_EQ(report.activities, 10);
}

TEST_F(StoreTest, LinesOfOtherProgramsAreRead) {
  std::ofstream(journals() / "a.log")
      << "INFO provLogger __PROV__2020-01-17T01:00:00.5__PROV__{'activity_id': '62c9dd', 'name': "
         "'r0_to_dl1', 'startTime': '2020-01-17T01:00:00.25', 'in_session': '2020011701807', "
         "'session_tag': 'r0_to_dl1:01807', 'agent_name': None}\n"
         "INFO provLogger __PROV__2020-01-17T01:00:01__PROV__{'activity_id': '62c9dd', "
         "'parameters': {'ObservationSubRun': '0007', 'Text': 'it\\'s \"so\"'}}\n";
  Store store = Store::open(":memory:", StoreMode::update);
  EXPECT_EQ(store.index({journals()}, definition(), logger).broken_lines, 0);
  const auto found = store.activities(store.find_activities("62c9dd"));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].run, 1807);
  EXPECT_EQ(found[0].subrun, 7);
  EXPECT_EQ(found[0].start, "2020-01-17T01:00:00.250000Z");
  EXPECT_EQ(found[0].end, "2020-01-17T01:00:01.000000Z");
  EXPECT_EQ(found[0].parameters["Text"], "it's \"so\"");
}

TEST_F(StoreTest, FindsFilesByHashIdAndPath) {
  const History history = make_history(4, 20);
  for (std::size_t i = 0; i < history.journals.size(); ++i)
    write_lines(journals() / fmt::format("{}.log", i), history.journals[i], 0, 99, false);
  Store store = Store::open(":memory:", StoreMode::update);
  store.index({journals()}, definition(), logger);
  const std::string id = hex(6, 32);
  const auto expected = store.find_entities(id);
  ASSERT_EQ(expected.size(), 1u);
  const auto one = store.entities(expected)[0];
  EXPECT_EQ(one.path, "/site/DL1/f6.h5");
  const auto holds = [&](const std::string& what) {
    const auto found = store.find_entities(what);
    return std::find(found.begin(), found.end(), expected[0]) != found.end();
  };
  for (const std::string& what :
       {one.sha256, one.sha256.substr(0, 8), one.sha256.substr(0, 21),
        "sha256:" + one.sha256.substr(0, 12), one.data_hash, one.data_hash.substr(0, 9), one.id,
        "id:" + one.id, one.id.substr(0, 10), std::string("/site/DL1/f6.h5"),
        std::string("DL1/f6.h5"), std::string("f6.h5"), std::string("/elsewhere/now/DL1/f6.h5")})
    EXPECT_TRUE(holds(what)) << what;
  for (const char* what : {"", "/", "nothing.h5", "/site/DL2/f6.h5", "0000000000", "' OR 1=1 --"})
    EXPECT_TRUE(store.find_entities(what).empty()) << what;
}

TEST_F(StoreTest, AWalkEndsAtItsLimitsAndSaysSo) {
  const History history = make_history(3, 120);
  for (std::size_t i = 0; i < history.journals.size(); ++i)
    write_lines(journals() / fmt::format("{}.log", i), history.journals[i], 0, 99, false);
  Store store = Store::open(":memory:", StoreMode::update);
  store.index({journals()}, definition(), logger);
  const auto deepest = std::max_element(
      history.came_from.begin(), history.came_from.end(),
      [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
  const auto start = store.find_entities(deepest->first);
  std::size_t last = 0;
  for (int depth = 0; depth < 8; ++depth) {
    const Walk walk = store.walk(start, {}, Direction::back, {.depth = depth});
    const std::size_t nodes = walk.entities.size() + walk.activities.size();
    EXPECT_GE(nodes, last);
    last = nodes;
    EXPECT_EQ(walk.cut_entities.empty() && walk.cut_activities.empty(), false) << depth;
    if (depth == 0) {
      EXPECT_EQ(nodes, 1u);
    }
    if (depth == 1) {
      ASSERT_EQ(walk.activities.size(), 1u);
      EXPECT_EQ(walk.cut_activities, std::vector<Row>{walk.activities[0].row});
      EXPECT_EQ(walk.flows.size(), 1u);
    }
  }
  const Walk few = store.walk(start, {}, Direction::back, {.nodes = 10});
  EXPECT_EQ(few.entities.size() + few.activities.size(), 10u);
  EXPECT_FALSE(few.cut_entities.empty() && few.cut_activities.empty());
}

TEST_F(StoreTest, TheMakerIsTheLastSuccessfulOne) {
  // Made twice with the same content; a third attempt failed.
  const auto lines_of = [&](char which, double time, const char* status) {
    const std::string id = fmt::format("01900000-0000-7000-8000-00000000000{}", which);
    std::vector<std::string> lines;
    for (const ordered_json& record :
         {ordered_json{{"activity_id", id}, {"name", "r0_to_dl1"}, {"startTime", iso_time(time)}},
          file_record(hex(6, 32), 6, "DL1/f6.h5"),
          ordered_json{{"activity_id", id}, {"generated_id", hex(6, 32)}, {"generated_role", "x"}},
          ordered_json{{"activity_id", id}, {"endTime", iso_time(time + 1)}, {"status", status}}})
      lines.push_back(format_line(logger, iso_time(time += 0.1), record));
    return lines;
  };
  write_lines(journals() / "b.log", lines_of('b', 1.7e9 + 50, "completed"), 0, 9, false);
  Store store = Store::open(":memory:", StoreMode::update);
  store.index({journals()}, definition(), logger);
  write_lines(journals() / "c.log", lines_of('c', 1.7e9 + 90, "failed"), 0, 9, false);
  write_lines(journals() / "a.log", lines_of('a', 1.7e9, "completed"), 0, 9, false);
  store.index({journals()}, definition(), logger);
  const auto entity = store.entities(store.find_entities("f6.h5")).at(0);
  EXPECT_EQ(store.activities({entity.generated_by}).at(0).id.back(), 'b');
  EXPECT_EQ(store.flows_of_entities({entity.row}).size(), 3u);
  write_lines(journals() / "d.log", lines_of('d', 1.7e9 + 99, "completed"), 0, 9, false);
  store.index({journals()}, definition(), logger);
  const auto later = store.entities(store.find_entities("f6.h5")).at(0);
  EXPECT_EQ(store.activities({later.generated_by}).at(0).id.back(), 'd');
}

TEST_F(StoreTest, NotesAreFoundOnce) {
  const std::string line = format_line(
      logger, iso_time(1.7e9),
      {{"note_about", "abc"}, {"note", "bad \"flat field\""}, {"author", "ann"}, {"time", "2024"}});
  write_lines(journals() / "a.log", {line, line}, 0, 9, false);
  write_lines(journals() / "b.log", {line}, 0, 9, false);
  Store store = Store::open(":memory:", StoreMode::update);
  store.index({journals()}, definition(), logger);
  ASSERT_EQ(store.notes({"abc", "abc", "d"}).size(), 1u);
  EXPECT_EQ(store.notes({"abc"})[0].text, "bad \"flat field\"");
}

TEST_F(StoreTest, WhatIsNoIndexIsLeftAlone) {
  const auto expect_left = [&](const fs::path& file) {
    const auto content = [&] {
      std::ifstream in(file, std::ios::binary);
      return std::string(std::istreambuf_iterator<char>(in), {});
    };
    const std::string before = content();
    const auto refused = [&](const auto& work) {
      try {
        work();
        ADD_FAILURE() << file << " was taken for an index";
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::bad_input) << error.what();
        EXPECT_EQ(std::string(error.what()).find("--rebuild"), std::string::npos) << error.what();
      }
    };
    refused([&] { (void)Store::open(file, StoreMode::read_only); });
    refused([&] { (void)Store::open(file, StoreMode::update); });
    refused([&] { Store::rebuild(file, {journals()}, definition(), logger); });
    EXPECT_EQ(content(), before) << file << " was changed";
  };
  const fs::path text = folder_ / "alisio.yaml", other = folder_ / "state.sqlite";
  std::ofstream(text) << "telescope: 1\n";
  expect_left(text);
  sqlite::Database(other, sqlite::OpenMode::create)
      .run("CREATE TABLE job (id INTEGER); PRAGMA wal_checkpoint(TRUNCATE)");
  expect_left(other);
  fs::resize_file(other, 1000);
  expect_left(other);

  std::ofstream(folder_ / "empty.sqlite").close();
  Store::rebuild(folder_ / "empty.sqlite", {journals()}, definition(), logger);
}

TEST_F(StoreTest, AnIndexBehindALinkIsMadeAnewThere) {
  const fs::path link = folder_ / "link.sqlite";
  Store::rebuild(place(), {journals()}, definition(), logger);
  fs::create_symlink(place(), link);
  Store::rebuild(link, {journals()}, definition(), logger);
  EXPECT_TRUE(fs::is_symlink(link));
}

TEST_F(StoreTest, ADamagedIndexIsNamedWithItsRemedy) {
  // Of one that is damaged in its first page, only the usual name tells.
  const std::string usual = (folder_ / "provenance.sqlite").string();
  const History history = make_history(3, 120);
  for (std::size_t i = 0; i < history.journals.size(); ++i)
    write_lines(journals() / fmt::format("{}.log", i), history.journals[i], 0, 99, false);
  Store::rebuild(usual, {journals()}, definition(), logger);
  const auto whole = fs::file_size(usual);
  for (const std::uintmax_t size : {whole / 2, std::uintmax_t{50}, whole - 4096 * 8}) {
    fs::resize_file(usual, size);
    try {
      Store store = Store::open(usual, StoreMode::read_only);
      (void)dump(store);
      FAIL() << "an index cut to " << size << " bytes was read";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_input) << error.what();
      EXPECT_NE(std::string(error.what()).find("prov index --rebuild"), std::string::npos)
          << error.what();
    }
  }
  Store::rebuild(usual, {journals()}, definition(), logger);
  Store store = Store::open(usual, StoreMode::read_only);
  EXPECT_GT(dump(store).size(), 200u);
  EXPECT_THROW((void)Store::open((folder_ / "absent.sqlite").string(), StoreMode::read_only),
               Error);
}

/// A PostgreSQL server of its own, on a socket in a folder; nowhere if none is installed.
class PostgresqlTest : public StoreTest {
 protected:
  void SetUp() override {
    for (const fs::path& folder : {fs::path("/usr/lib/postgresql"), fs::path("/usr/pgsql")}) {
      std::error_code problem;
      for (fs::directory_iterator at(folder, problem); !problem && at != fs::directory_iterator();
           at.increment(problem))
        if (fs::exists(at->path() / "bin/initdb")) programs_ = at->path() / "bin";
    }
    if (programs_.empty()) GTEST_SKIP() << "no PostgreSQL server is installed";
    fs::permissions(folder_, fs::perms::all);
    data_ = folder_ / "server";
    if (run("initdb -D {0} -A trust -U alisio --no-sync > /dev/null 2>&1") != 0 ||
        run("pg_ctl -D {0} -w -l {0}.log -o \"-k {1} -h '' -F\" start > /dev/null 2>&1") != 0) {
      data_.clear();
      GTEST_SKIP() << "the PostgreSQL server does not start";
    }
    where_ = fmt::format("postgresql://alisio@/postgres?host={}", folder_.string());
  }
  void TearDown() override {
    if (!data_.empty()) run("pg_ctl -D {0} -m immediate -w stop > /dev/null 2>&1");
  }

  /// Run a server's program; the server refuses to be root.
  int run(const std::string& command) {
    std::string line = fmt::format("{}/", programs_.string()) +
                       fmt::format(fmt::runtime(command), data_.string(), folder_.string());
    if (::geteuid() == 0) {
      std::string quoted;
      for (const char c : line) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
      line = "su postgres -s /bin/sh -c '" + quoted + "'";
    }
    return std::system(line.c_str());
  }

  fs::path programs_, data_;
  std::string where_;
};

TEST_F(PostgresqlTest, HoldsWhatSqliteHolds) {
  const History history = make_history(5, 60);
  const auto file = [&](std::size_t i) { return journals() / fmt::format("{}.log", i); };
  for (std::size_t i = 0; i < history.journals.size(); ++i)
    write_lines(file(i), history.journals[i], 0, i % 2 == 0 ? 99 : 5, false);
  EXPECT_THROW((void)Store::open(where_, StoreMode::read_only), Error);
  std::vector<std::string> expected;
  {
    Store server = Store::open(where_, StoreMode::update);
    server.index({journals()}, definition(), logger);
    for (std::size_t i = 0; i < history.journals.size(); ++i)
      write_lines(file(i), history.journals[i], i % 2 == 0 ? 99 : 5, 99, true);
    std::ofstream(file(0), std::ios::app)
        << format_line(logger, iso_time(1.7e9), {{"note_about", "x"}, {"note", "caf\xe9"}});
    server.index({journals()}, definition(), logger);
    Store local = Store::open(":memory:", StoreMode::update);
    local.index({journals()}, definition(), logger);
    expected = dump(local);
    EXPECT_EQ(dump(server), expected);
    EXPECT_EQ(server.notes({"x"}).size(), 1u);
    for (const auto& [id, from] : history.came_from) {
      std::set<std::string> found;
      const Walk walk = server.walk(server.find_entities(id), {}, Direction::back, {});
      for (const auto& entity : walk.entities) found.insert(entity.id);
      found.erase(id);
      EXPECT_EQ(found, from);
    }
    EXPECT_EQ(server.find_entities(hex(1006, 10)).size(),
              local.find_entities(hex(1006, 10)).size());
    EXPECT_GT(rows(server, "SELECT COUNT(*) FROM voprov_used")[0], 50);
  }
  Store::rebuild(where_, {journals()}, definition(), logger);
  Store reader = Store::open(where_, StoreMode::read_only);
  EXPECT_EQ(dump(reader), expected);
  EXPECT_THROW(reader.clear(), Error);
}

TEST_F(StoreTest, TwoWritersAtOnceLoseNothing) {
  const History history = make_history(8, 80);
  for (std::size_t i = 0; i < history.journals.size(); ++i)
    write_lines(journals() / fmt::format("{}/{}.log", i % 2, i), history.journals[i], 0, 99, false);
  {
    std::vector<std::jthread> writers;
    for (const char* half : {"0", "1"})
      writers.emplace_back([&, half] {
        for (std::size_t i = 0; i < history.journals.size(); ++i) {
          if (!fs::exists(journals() / half / fmt::format("{}.log", i))) continue;
          Store store = Store::open(place(), StoreMode::update);
          store.index({journals() / half / fmt::format("{}.log", i)}, definition(), logger);
        }
      });
  }
  Store store = Store::open(place(), StoreMode::update);
  EXPECT_EQ(store.index({journals()}, definition(), logger).journals, 0);
  const std::string fresh = (folder_ / "fresh.sqlite").string();
  Store::rebuild(fresh, {journals()}, definition(), logger);
  Store rebuilt = Store::open(fresh, StoreMode::read_only);
  EXPECT_EQ(dump(store), dump(rebuilt));
}

TEST_F(StoreTest, AJournalThatShrankIsReadAnewAndSaid) {
  const History history = make_history(9, 2);
  write_lines(journals() / "a.log", history.journals[0], 0, 99, false);
  Store store = Store::open(":memory:", StoreMode::update);
  store.index({journals()}, definition(), logger);
  write_lines(journals() / "a.log", history.journals[1], 0, 4, false);
  const IndexReport report = store.index({journals()}, definition(), logger);
  EXPECT_EQ(report.journals, 1);
  ASSERT_EQ(report.notes.size(), 1u);
  EXPECT_NE(report.notes[0].find("--rebuild"), std::string::npos);
  EXPECT_EQ(store.find_activities("01900000").size(), 2u);
}

}  // namespace
}  // namespace alisio::prov
