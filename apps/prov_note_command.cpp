#include <fmt/format.h>

#include <iostream>

#include "apps/command_line.hpp"
#include "apps/prov_command.hpp"
#include "apps/prov_ids.hpp"
#include "apps/prov_index.hpp"
#include "apps/provenance_setup.hpp"
#include "lib/base/account.hpp"
#include "lib/base/error.hpp"
#include "lib/base/now.hpp"
#include "prov/ask/names.hpp"
#include "prov/ask/note.hpp"
#include "prov/ask/story.hpp"
#include "prov/invalidation.hpp"
#include "prov/records.hpp"

namespace alisio::apps {

namespace po = boost::program_options;
namespace fs = std::filesystem;

namespace {

/// Return the journal of notes beside the journals that tell of a thing: notes are found again with
/// them.
fs::path notes_journal(prov::Store& store, const prov::Subject& subject) {
  std::string journal;
  if (subject.activity) {
    journal = subject.activity->journal;
  } else {
    prov::Row activity = subject.entity->generated_by;
    for (const auto& flow : store.flows_of_entities({subject.entity->row}))
      if (activity == 0) activity = flow.activity;
    for (const auto& one : store.activities({activity}, prov::Detail::brief)) journal = one.journal;
  }
  if (journal.empty())
    throw Error(ErrorKind::incomplete, "no journal on record tells of it", "alisio prov note",
                "say where to write: --notes FILE");
  return prov::notes_journal_of(journal);
}

}  // namespace

int prov_note_command(const std::vector<std::string>& arguments, const Program& program) {
  std::vector<std::string> words;
  std::string author, notes;
  po::options_description options("Options");
  options.add_options()("words", po::value(&words)->composing(),
                        "what the note is about, and its text (the positional arguments)")(
      "author", po::value(&author), "who says so (default: the account)")(
      "notes", po::value(&notes), "journal of notes (default: beside the journals of the thing)")(
      "json", "print what was written as JSON");
  options.add(index_options());
  po::positional_options_description positional;
  positional.add("words", -1);
  const auto values = parse_arguments(
      arguments,
      {.name = "prov note",
       .synopsis = "FILE|HASH|ID \"TEXT\"",
       .text =
           "Write a note on a file or an activity into a journal beside those that tell of it,\n"
           "and into the index. Notes are shown by prov show, for the thing and for all that\n"
           "came from it. They are never changed; a later note can correct an earlier one.",
       .examples = "  alisio prov note calibration_filters_52.Run11219.0000.h5 \\\n"
                   "    \"lamp was unstable: do not use\" --config alisio.yaml"},
      options, positional);
  if (!values) return 0;
  if (words.size() != 2)
    throw Error(ErrorKind::usage, "a thing and a text in quotes are needed", "alisio prov note",
                "see --help");
  prov::Store store = open_index(*values, program);
  const prov::Subject subject = prov::find_subject(store, words[0], read_embedded_ids);
  prov::Store::Note note;
  note.about = subject.entity ? subject.entity->id : subject.activity->id;
  note.text = words[1];
  note.author = author.empty() ? account_name() : author;
  prov::check_name(note.author, "--author");
  note.time = prov::iso_time(now_unix_utc_s());
  const auto logger = load_logger(program.cfg_folder);
  const fs::path journal = notes.empty() ? notes_journal(store, subject) : fs::path(notes);
  if (!notes.empty()) prov::require_journal(journal, logger);
  prov::append_note(journal, logger, note);
  if (values->count("journals") == 0 || values->count("index") != 0)
    prov::Store::open(index_place(*values), prov::StoreMode::update)
        .index({journal}, load_definition(program.cfg_folder), logger);
  if (values->count("json") != 0)
    std::cout << nlohmann::ordered_json{{"about", note.about},
                                        {"time", note.time},
                                        {"author", note.author},
                                        {"text", note.text},
                                        {"journal", journal.string()}}
                     .dump(2)
              << '\n';
  else
    std::cout << fmt::format("noted on {} in {}\n", note.about, journal.string());
  return 0;
}

}  // namespace alisio::apps
