#include "prov/ask/note.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"
#include "prov/append_line.hpp"
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
  append_line(journal, note_line(logger, note));
}

void require_journal(const fs::path& file, const LoggerConfiguration& logger) {
  if (!is_there(file)) return;
  std::error_code unknown;
  const bool is_file = fs::is_regular_file(file, unknown);
  if (is_file && fs::file_size(file, unknown) == 0) return;
  if (is_file) {
    std::ifstream in(file, std::ios::binary);
    // What may be anything need not have lines.
    constexpr std::size_t longest_line = 1 << 20;
    std::string line(longest_line, '\0');
    in.read(line.data(), static_cast<std::streamsize>(line.size()));
    line.resize(static_cast<std::size_t>(in.gcount()));
    line.resize(std::min(line.find('\n'), line.size()));
    const std::optional<LineParts> parts = split_line(line, logger.prefix);
    if (parts && parts->payload.starts_with('{')) return;
  }
  throw Error(ErrorKind::usage, "is no journal of provenance: its first line holds no record",
              file.string(), "name a journal or a new file with --notes");
}

}  // namespace alisio::prov
