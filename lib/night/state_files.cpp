#include "lib/night/state_files.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/log.hpp"
#include "lib/night/lock.hpp"
#include "lib/night/state.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kept_backups = 5;
constexpr std::string_view backup_mark = ".v";

/// Return the instant as part of a file name: 20240215T073000.123456Z.
std::string time_mark() {
  std::string text = utc_now_text();
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

void require_state(const fs::path& folder) {
  if (!fs::exists(state_file(folder)))
    throw Error(ErrorKind::missing_input, "there is no state", state_file(folder).string(),
                "check paths.state; alisio state rebuild makes it from the files on disk");
}

std::string quoted(const fs::path& file) {
  std::string text = "'";
  for (const char c : file.string()) text += c == '\'' ? std::string("''") : std::string(1, c);
  return text + "'";
}

/// Hold the locks of all nights: nobody else works with the database then.
std::vector<NightLock> lock_all(const fs::path& folder) {
  std::vector<NightLock> locks;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".lock") continue;
    NightLock lock = NightLock::take(entry.path());
    if (!lock.holds())
      throw Error(ErrorKind::resource, fmt::format("the state is in use by {}", lock.holder()),
                  entry.path().string(), "wait for its end, or stop it");
    locks.push_back(std::move(lock));
  }
  return locks;
}

/// Keep what stands under another name too: the state is there at any instant.
fs::path keep_aside(const fs::path& file, const std::string& mark) {
  const fs::path aside = file.string() + mark + time_mark();
  if (::link(file.c_str(), aside.c_str()) != 0)
    throw Error(ErrorKind::resource, std::string("cannot be kept aside: ") + std::strerror(errno),
                file.string(), "check the folder's permissions and space");
  return aside;
}

/// Return name and definition of all tables and indices.
std::map<std::string, std::string> schema_of(sqlite::Database& database) {
  std::map<std::string, std::string> schema;
  sqlite::Statement query = database.prepare(
      "SELECT name, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'");
  while (query.step()) schema[query.text(0)] = query.text(1);
  return schema;
}

void compare_schema(sqlite::Database& database, std::vector<std::string>& faults) {
  sqlite::Database fresh(":memory:", sqlite::OpenMode::create);
  migrate_state(fresh);
  const int expected = fresh.user_version(), found = database.user_version();
  if (found != expected) {
    faults.push_back(fmt::format("it has schema {}, this program's is {}", found, expected));
    return;
  }
  const auto wanted = schema_of(fresh), is = schema_of(database);
  for (const auto& [name, sql] : wanted)
    if (!is.contains(name))
      faults.push_back(fmt::format("{} is missing", name));
    else if (is.at(name) != sql)
      faults.push_back(fmt::format("{} is another than this program's", name));
}

/// Return the part of a copy's name that tells its schema: ".v7".
std::string schema_mark(const fs::path& backup) {
  const std::string name = backup.filename().string();
  const auto from = name.rfind(backup_mark), to = name.rfind('-');
  return from < to ? name.substr(from, to - from) : std::string();
}

/// The last copy of each schema stays: it is the way back from an upgrade.
void drop_old_backups(const fs::path& folder) {
  const std::vector<fs::path> backups = list_state_backups(folder);
  std::map<std::string, fs::path> last;
  for (const fs::path& backup : backups) last[schema_mark(backup)] = backup;
  for (std::size_t i = 0; i + kept_backups < backups.size(); ++i) {
    if (last[schema_mark(backups[i])] == backups[i]) continue;
    std::error_code ignored;
    fs::remove(backups[i], ignored);
  }
}

/// Return the copy to go back to if nobody names one.
fs::path copy_to_go_back_to(const fs::path& folder) {
  const std::vector<fs::path> backups = list_state_backups(folder);
  if (backups.empty())
    throw Error(ErrorKind::missing_input, "there is no copy to go back to",
                state_file(folder).string(), "alisio state rebuild makes the state from the files");
  std::string present;
  try {
    if (fs::exists(state_file(folder)))
      present = fmt::format(
          "{}{}", backup_mark,
          sqlite::Database(state_file(folder), sqlite::OpenMode::read_only).user_version());
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_input) throw;
  }
  const auto other = std::find_if(backups.rbegin(), backups.rend(), [&](const fs::path& backup) {
    return !present.empty() && schema_mark(backup) != present;
  });
  return other == backups.rend() ? backups.back() : *other;
}

bool is_sound(sqlite::Database& database) {
  sqlite::Statement check = database.prepare("PRAGMA integrity_check(1)");
  return check.step() && check.text(0) == "ok";
}

/// Return when the last job of each night ended that a database knows, by "20240215 v1"; nothing if
/// it is no state.
/// @param check for damage, too: that reads all of it
std::optional<std::map<std::string, std::string>> last_jobs_in(const fs::path& file, bool check) {
  try {
    sqlite::Database database(file, sqlite::OpenMode::read_only);
    if (check && !is_sound(database)) return std::nullopt;
    sqlite::Statement query = database.prepare(
        "SELECT date || ' ' || prod_id, coalesce(max(ended_at), '') FROM job GROUP BY 1");
    std::map<std::string, std::string> nights;
    while (query.step()) nights.emplace(query.text(0), query.text(1));
    return nights;
  } catch (const Error& error) {
    spdlog::debug("{}", error.what());
    return std::nullopt;
  }
}

}  // namespace

fs::path state_file(const fs::path& folder) {
  return folder / "alisio.sqlite";
}

fs::path back_up_state(const fs::path& folder, fs::path target) {
  require_state(folder);
  sqlite::Database database(state_file(folder), sqlite::OpenMode::read_only);
  const bool beside = target.empty();
  if (beside)
    target = state_file(folder).string() +
             fmt::format("{}{}-{}", backup_mark, database.user_version(), time_mark());
  if (fs::exists(target))
    throw Error(ErrorKind::usage, "is there already", target.string(), "name another file");
  if (const fs::path into = fs::absolute(target).parent_path(); !fs::is_directory(into))
    throw Error(ErrorKind::usage, "the folder of the copy is not there", into.string(),
                "make it, or name another: is the disk mounted?");
  PendingFile pending(target);
  database.run("VACUUM INTO " + quoted(pending.path()));
  pending.publish();
  if (beside) drop_old_backups(folder);
  return target;
}

std::vector<fs::path> list_state_backups(const fs::path& folder) {
  const std::string start = state_file(folder).filename().string() + std::string(backup_mark);
  std::vector<std::pair<std::string, fs::path>> by_time;
  std::error_code absent;
  for (fs::directory_iterator at(folder, absent); !absent && at != fs::directory_iterator();
       at.increment(absent)) {
    const std::string name = at->path().filename().string();
    if (const auto dash = name.rfind('-'); name.starts_with(start) && dash != std::string::npos)
      by_time.emplace_back(name.substr(dash), at->path());
  }
  std::sort(by_time.begin(), by_time.end());
  std::vector<fs::path> backups;
  for (auto& [time, file] : by_time) backups.push_back(std::move(file));
  return backups;
}

StateRollback roll_back_state(const fs::path& folder, const fs::path& to) {
  StateRollback done;
  done.restored = to.empty() ? copy_to_go_back_to(folder) : to;
  if (!fs::is_regular_file(done.restored))
    throw Error(ErrorKind::missing_input, "there is no such copy", done.restored.string(),
                "alisio.sqlite.v* beside the state are its copies");
  const auto known = last_jobs_in(done.restored, true);
  if (!known)
    throw Error(ErrorKind::bad_input, "is damaged, or no state of Alisio", done.restored.string(),
                "give --to another copy; alisio state rebuild makes the state from the files");
  const std::vector<NightLock> locks = lock_all(folder);
  const fs::path file = state_file(folder);
  put_damaged_state_aside(folder);
  if (fs::exists(file)) {
    // What is still in the write-ahead log goes into the file with it.
    sqlite::Database(file, sqlite::OpenMode::create).run("PRAGMA journal_mode = DELETE");
    for (const auto& [night, ended_at] :
         last_jobs_in(file, false).value_or(std::map<std::string, std::string>()))
      if (const auto copied = known->find(night);
          copied == known->end() || copied->second < ended_at)
        done.forgotten.push_back(night);
    done.aside = keep_aside(file, ".before-rollback-");
  }
  PendingFile pending(file);
  fs::copy_file(done.restored, pending.path(), fs::copy_options::overwrite_existing);
  pending.publish();
  return done;
}

fs::path put_damaged_state_aside(const fs::path& folder) {
  const fs::path file = state_file(folder);
  if (!fs::exists(file)) return {};
  try {
    sqlite::Database database(file, sqlite::OpenMode::create);
    if (is_sound(database)) return {};
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_input) throw;
    spdlog::warn("{}", error.what());
  }
  const fs::path aside = keep_aside(file, ".damaged-");
  for (const char* part : {"", "-wal", "-shm"}) {
    std::error_code ignored;
    if (*part != 0 && fs::exists(file.string() + part))
      fs::rename(file.string() + part, aside.string() + part, ignored);
  }
  fs::remove(file);
  return aside;
}

std::vector<std::string> check_state(const fs::path& folder) {
  require_state(folder);
  std::vector<std::string> faults;
  try {
    sqlite::Database database(state_file(folder), sqlite::OpenMode::read_only);
    sqlite::Statement integrity = database.prepare("PRAGMA integrity_check");
    while (integrity.step())
      if (integrity.text(0) != "ok") faults.push_back(integrity.text(0));
    sqlite::Statement references = database.prepare("PRAGMA foreign_key_check");
    while (references.step())
      faults.push_back(fmt::format("row {} of {} refers to a row of {} that is not there",
                                   references.integer(1), references.text(0), references.text(2)));
    compare_schema(database, faults);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_input) throw;
    faults.push_back(error.problem());
  }
  return faults;
}

}  // namespace alisio::night
