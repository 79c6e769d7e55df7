#include "prov/ask/note.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "prov/records.hpp"

namespace alisio::prov {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

namespace {
constexpr std::size_t longest_note = 10000;
}

std::string note_line(const LoggerConfiguration& logger, const Store::Note& note) {
  const auto fault = [](const std::string& what) {
    return Error(ErrorKind::usage, what, "alisio prov note",
                 "give a sentence or two of plain text");
  };
  if (note.text.find_first_not_of(" \t\r\n") == std::string::npos)
    throw fault("the note says nothing");
  if (note.text.size() > longest_note)
    throw fault(fmt::format("the note is {} bytes long; notes have at most {}", note.text.size(),
                            longest_note));
  for (const std::string* text : {&note.about, &note.author, &note.text}) try {
      (void)ordered_json(*text).dump();
    } catch (const ordered_json::exception&) {
      throw fault("the note is not UTF-8");
    }
  const std::string id =
      hash_text(note.about + '\n' + note.time + '\n' + note.author + '\n' + note.text)
          .substr(0, 32);
  return format_line(logger, note.time,
                     {{"note_id", id},
                      {"note_about", note.about},
                      {"note", note.text},
                      {"author", note.author},
                      {"time", note.time}});
}

void append_note(const fs::path& journal, const LoggerConfiguration& logger,
                 const Store::Note& note) {
  const std::string line = note_line(logger, note);
  std::error_code problem;
  if (journal.has_parent_path()) fs::create_directories(journal.parent_path(), problem);
  const auto refuse = [&](int file) {
    const std::string why = std::strerror(errno);
    if (file >= 0) ::close(file);
    throw Error(ErrorKind::resource, "the note cannot be written: " + why, journal.string(),
                "check the folder's permissions and space");
  };
  const int file = ::open(journal.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) refuse(file);
  // Two people may write at once; one whole line each.
  if (::flock(file, LOCK_EX) != 0) refuse(file);
  const ssize_t written = ::write(file, line.data(), line.size());
  if (written != static_cast<ssize_t>(line.size())) {
    if (written >= 0) errno = ENOSPC;
    refuse(file);
  }
  if (::fsync(file) != 0) refuse(file);
  ::close(file);
}

}  // namespace alisio::prov
