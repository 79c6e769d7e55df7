#include "apps/invalidation.hpp"

#include "apps/provenance_setup.hpp"
#include "lib/base/version.hpp"
#include "prov/ask/note.hpp"
#include "prov/invalidation.hpp"
#include "prov/recorder.hpp"

namespace alisio::apps {

void record_invalidation(const night::Invalidation& invalidation, const Program& program) {
  prov::Store::Note note;
  note.about = prov::entity_id(invalidation.sha256, invalidation.file, invalidation.data_root);
  note.time = invalidation.at;
  note.author = invalidation.author;
  note.text = prov::note_text({.entity = note.about,
                               .action = invalidation.action,
                               .software = version_tag(),
                               .reason = invalidation.reason,
                               .kept_as = invalidation.kept_as.string(),
                               .author = note.author,
                               .time = note.time,
                               .taken_back = invalidation.taken_back});
  const auto logger = load_logger(program.cfg_folder);
  prov::append_note(invalidation.log / "journal" / prov::notes_journal_name, logger, note);
}

}  // namespace alisio::apps
