#include "apps/invalidation.hpp"

#include <fmt/format.h>

#include "prov/ask/note.hpp"
#include "prov/recorder.hpp"

namespace alisio::apps {

void record_invalidation(const night::Invalidation& invalidation, const Program& program) {
  prov::Store::Note note;
  note.about = prov::entity_id(invalidation.sha256, invalidation.file, invalidation.data_root);
  note.time = invalidation.at;
  note.author = invalidation.author;
  note.text = fmt::format(
      "invalidated: {}; {}", invalidation.reason,
      invalidation.kept_as.empty() ? "removed" : "kept as " + invalidation.kept_as.string());
  const auto logger =
      prov::LoggerConfiguration::load(program.cfg_folder / "provenance" / "logger.yaml");
  prov::append_note(invalidation.log / "journal" / "notes_prov.log", logger, note);
}

}  // namespace alisio::apps
