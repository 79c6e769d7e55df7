#include "prov/merge.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/ids.hpp"
#include "prov/document.hpp"
#include "prov/graph.hpp"
#include "prov/record_fields.hpp"
#include "prov/records.hpp"

namespace alisio::prov {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// The records that a document is made of. `journals` and `notes` look into `reader`, `records`
/// into `journals`, `selection` into `records`.
struct Material {
  JournalReader reader;
  Journals journals, notes;
  Records records;
  Selection selection;
};

SelectionRequest selection_request(const MergeRequest& request) {
  return {.scope = request.scope,
          .grain = request.grain,
          .stage = request.stage,
          .telescope = request.telescope,
          .run = request.run,
          .subrun = request.subrun,
          .runs = request.runs,
          .observation_date = request.observation_date,
          .prod_id = request.prod_id,
          .planned = request.dry_run};
}

/// Where generated files are on record: by entity id and by content, the session tags under which
/// they were made.
struct Makers {
  std::map<std::string, std::set<std::string>> by_entity, by_content;
};

Makers find_makers(const JournalReader& reader) {
  Makers makers;
  // Only the beginnings are looked at: a generation names its two ids there.
  const auto beginning = [](std::string_view payload) { return payload.substr(0, 128); };
  reader.each_payload([&](std::string_view payload) {
    if (beginning(payload).find("generated_id") == std::string_view::npos) return;
    makers.by_entity[std::string(text_field(payload, "generated_id"))].emplace(
        text_field(payload, "session_tag"));
  });
  reader.each_payload([&](std::string_view payload) {
    if (beginning(payload).substr(0, 16).find("entity_id") == std::string_view::npos) return;
    const auto made = makers.by_entity.find(std::string(text_field(payload, "entity_id")));
    if (made == makers.by_entity.end()) return;
    if (const std::string_view sha256 = text_field(payload, "sha256"); !sha256.empty())
      makers.by_content[std::string(sha256)].insert(made->second.begin(), made->second.end());
  });
  return makers;
}

/// Read the journals of notes that belong to journals.
void add_notes(const std::vector<fs::path>& sources, JournalReader& reader) {
  std::set<fs::path> notes;
  for (const fs::path& source : sources)
    if (std::error_code problem; fs::is_regular_file(notes_journal_of(source), problem))
      notes.insert(notes_journal_of(source));
  reader.add({notes.begin(), notes.end()});
}

/// Read the records of the run, then, step by step, those of the activities that made what was
/// used, wherever their journals are.
std::unique_ptr<Material> gather(const MergeRequest& request, const LoggerConfiguration& logger,
                                 const fs::path& earlier_log) {
  std::vector<fs::path> sources = request.journals;
  sources.insert(sources.end(), request.lineage_journals.begin(), request.lineage_journals.end());
  std::error_code problem;
  // A planned record is made anew each time; a real one grows.
  if (!request.dry_run && fs::is_regular_file(earlier_log, problem)) sources.push_back(earlier_log);
  std::set<fs::path> folders;  // beside used files
  // Records of other runs are not even parsed.
  std::vector<std::string> wanted;
  std::vector<int> runs;
  if (request.scope == Grain::observation)
    runs = request.runs;
  else if (request.scope != Grain::night)
    runs = {request.run};
  for (const int run : runs)  // LSTOSA's calibration has a pedestal and a calibration run
    for (const std::string& text : {':' + run_text(run), run_text(run) + '-', '-' + run_text(run)})
      wanted.push_back(text);
  auto material = std::make_unique<Material>(Material{.reader = JournalReader(logger),
                                                      .journals = {},
                                                      .notes = {},
                                                      .records = {},
                                                      .selection = {}});
  material->reader.add(sources);
  add_notes(sources, material->reader);
  Makers makers = find_makers(material->reader);
  while (true) {
    material->journals = material->reader.records(wanted, std::move(material->journals));
    material->records = collect(material->journals);
    material->selection = select(material->records, selection_request(request));
    std::vector<fs::path> more;
    std::set<std::string> tags;
    std::vector<const json*> missing;
    for (const std::string& id : material->selection.without_maker)
      if (const auto at = material->records.entities.find(id);
          at != material->records.entities.end() && text_at(*at->second, "type") == "File")
        missing.push_back(at->second);
    for (const json* file : missing) {
      const fs::path folder = fs::path(text_at(*file, "filepath")).parent_path();
      for (const fs::path& beside : {folder / "log", folder.parent_path() / "log"})
        if (folders.insert(beside).second && fs::is_directory(beside, problem))
          more.push_back(beside);
    }
    bool is_new = false;
    for (const fs::path& beside : more) {
      try {
        is_new |= material->reader.add({beside});
      } catch (const Error& error) {
        // Looked for there by guess: without them a file has no maker here, as if it had none.
        spdlog::warn("no journals are taken from {}: {}", beside.string(), error.what());
      }
    }
    if (is_new) makers = find_makers(material->reader);
    const auto note = [&](const std::map<std::string, std::set<std::string>>& known,
                          const std::string& key) {
      if (const auto at = known.find(key); at != known.end())
        tags.insert(at->second.begin(), at->second.end());
    };
    for (const json* file : missing) {
      note(makers.by_entity, text_at(*file, "entity_id"));
      note(makers.by_content, text_at(*file, "sha256"));
    }
    for (const std::string& known : wanted) tags.erase(known);
    // Of a night, all lines are read at once.
    if (request.scope == Grain::night ? !is_new : tags.empty()) break;
    if (request.scope != Grain::night) wanted.insert(wanted.end(), tags.begin(), tags.end());
  }
  material->notes = material->reader.records({"note_about"});
  material->records.invalidations = invalidations_of(material->notes, material->records);
  return material;
}

/// Return the lines that tell of a selection, as they stand in the journals.
std::string selected_lines(const Material& material) {
  const auto& [reader, journals, notes, records, selection] = material;
  std::set<std::string> activities, sessions, entities, tags;
  const auto note = [&](const std::vector<const ActivityRecord*>& list) {
    for (const ActivityRecord* activity : list) {
      activities.insert(activity->id);
      sessions.insert(activity->session);
      tags.insert(activity->tag);
      for (const auto* flows : {&activity->used, &activity->generated})
        for (const FlowRecord& flow : *flows) entities.insert(flow.entity);
    }
  };
  note(selection.others);
  for (const auto& [key, list] : selection.folds) note(list);
  for (const auto& [alias, entity] : records.aliases)
    if (entities.contains(entity)) entities.insert(alias);
  for (const Line& line : journals.lines)
    if (line.record.contains("progenitor_id") &&
        entities.contains(text_at(line.record, "entity_id")))
      entities.insert(text_at(line.record, "progenitor_id"));
  std::string text;
  for (const Line& line : journals.lines) {
    const json& record = line.record;
    // Sessions and entities are told again for each tag.
    const bool of_tag = tags.contains(text_at(record, "session_tag"));
    const bool wanted = record.contains("activity_id")
                            ? activities.contains(text_at(record, "activity_id"))
                            : of_tag && (record.contains("session_id")
                                             ? sessions.contains(text_at(record, "session_id"))
                                             : entities.contains(text_at(record, "entity_id")));
    if (!wanted) continue;
    text += line.text;
    text += '\n';
  }
  for (const Line& line : notes.lines)
    if (entities.contains(text_at(line.record, "note_about")) &&
        parse_invalidation(text_at(line.record, "note_about"), "", "",
                           text_at(line.record, "note"))) {
      text += line.text;
      text += '\n';
    }
  return text;
}

/// Copy files beside the documents, each content once.
class Copier {
 public:
  Copier(const MergeRequest& request, MergeResult& result) : request_(request), result_(result) {}

  /// @param current whether the file is expected to be what it was when it was used.
  void copy(const fs::path& source, const std::string& sha256, bool current) {
    if (sha256.empty() || copies_.contains(sha256)) return;
    const fs::path plain = request_.output_folder / source.filename();
    const fs::path other =
        request_.output_folder / fmt::format("{}.{}{}", source.stem().string(), sha256.substr(0, 8),
                                             source.extension().string());
    std::error_code problem;
    for (const fs::path& target : {plain, other})
      if (fs::is_regular_file(target, problem) && hash_file(target) == sha256) {
        note(target, sha256);
        return;
      }
    if (!current) return;
    const std::uintmax_t size = fs::file_size(source, problem);
    if (problem) {
      result_.notes.push_back(fmt::format("{} is gone: not copied", source.string()));
      return;
    }
    if (size > request_.copy_limit_bytes) {
      result_.notes.push_back(
          fmt::format("{} has {} bytes: named, not copied", source.string(), size));
      return;
    }
    PendingFile pending(fs::exists(plain, problem) ? other : plain);
    fs::copy_file(source, pending.path(), fs::copy_options::overwrite_existing, problem);
    if (problem)
      throw Error(ErrorKind::resource, "a file cannot be copied: " + problem.message(),
                  pending.target().string(), "make room");
    // The record tells of what was used; the file may have been changed since.
    if (hash_file(pending.path()) != sha256) {
      result_.notes.push_back(
          fmt::format("{} is not what was used any more: not copied", source.string()));
      return;
    }
    pending.publish();
    note(pending.target(), sha256);
  }

  [[nodiscard]] const Copies& copies() const { return copies_; }

 private:
  void note(const fs::path& copy, const std::string& sha256) {
    result_.copies.push_back(copy);
    copies_.emplace(sha256, fs::absolute(copy));
  }

  const MergeRequest& request_;
  MergeResult& result_;
  Copies copies_;
};

Copies copy_inputs(const MergeRequest& request, const Definition& definition,
                   const Records& records, const Selection& selection, MergeResult& result) {
  Copier copier(request, result);
  std::map<std::string, std::string> files;  // path and sha256, in a fixed order
  const auto note = [&](const std::vector<const ActivityRecord*>& list) {
    for (const ActivityRecord* activity : list)
      for (const FlowRecord& flow : activity->used) {
        const auto at = records.entities.find(flow.entity);
        if (at == records.entities.end()) continue;
        const EntityDefinition* kind = definition.entity(text_at(*at->second, "name"));
        if (kind != nullptr && kind->copy)
          files.emplace(text_at(*at->second, "filepath") + '\n' + text_at(*at->second, "sha256"),
                        text_at(*at->second, "sha256"));
      }
  };
  const auto copy = [&](bool current) {
    for (const auto& [key, sha256] : files)
      copier.copy(key.substr(0, key.find('\n')), sha256, current);
  };
  for (const auto& [key, list] : selection.folds) note(list);
  copy(true);
  // What only attempts used is told by a copy if an earlier merge kept one.
  note(selection.others);
  copy(false);
  return copier.copies();
}

/// Put a relative symbolic link to a document into a folder, over an older one at most.
void link(const fs::path& document, const fs::path& folder) {
  make_folder(folder);
  std::error_code problem;
  const fs::path name = folder / document.filename();
  const fs::path target = fs::relative(document, folder, problem);
  if (fs::is_symlink(name, problem)) {
    if (fs::read_symlink(name, problem) == target) return;
    fs::remove(name, problem);
  } else if (fs::exists(name, problem)) {
    return;
  }
  fs::create_symlink(target, name, problem);
  if (problem && problem != std::errc::file_exists)
    throw Error(ErrorKind::resource, "a link cannot be made: " + problem.message(), name.string());
}

bool differs(const fs::path& file, const std::string& content) {
  std::error_code problem;
  return !fs::is_regular_file(file, problem) || fs::file_size(file, problem) != content.size() ||
         read_text_file(file) != content;
}

/// Name the documents that tell parts of this one more finely, as far as they exist.
std::vector<FinerDocument> finer_documents(const MergeRequest& request,
                                           const Selection& selection) {
  std::vector<std::pair<std::string, std::string>> names;  // stem and stage
  const auto add = [&](Grain grain) {
    MergeRequest finer = request;
    finer.grain = grain;
    if (grain < request.grain) names.emplace_back(document_stem(finer), request.stage);
  };
  add(Grain::subrun);
  if (request.scope > Grain::run) {
    add(Grain::run);
    if (request.grain > Grain::run) {
      std::set<std::pair<std::string, int>> runs;
      for (const ActivityRecord* activity : selection.completed)
        if (activity->run > 0) runs.emplace(activity->name, activity->run);
      for (const auto& [stage, run] : runs)
        names.emplace_back(fmt::format("{}_{}_prov", stage, run_text(run)), stage);
    }
  }
  std::vector<fs::path> folders = request.finer_folders;
  folders.insert(folders.begin(), request.output_folder);
  std::vector<FinerDocument> documents;
  for (const auto& [stem, stage] : names)
    for (const fs::path& folder : folders) {
      const fs::path file = folder / (stem + ".json");
      std::error_code problem;
      if (!fs::is_regular_file(file, problem) || fs::is_symlink(file, problem)) continue;
      const auto size = fs::file_size(file, problem);
      if (problem) continue;
      documents.push_back({fs::absolute(file).lexically_normal(), hash_file(file), stage, size});
      break;
    }
  return documents;
}

void check(const MergeRequest& request) {
  const auto refuse = [](const std::string& what, const std::string& remedy) {
    throw Error(ErrorKind::usage, what, "merge", remedy);
  };
  if (request.grain > request.scope)
    refuse(fmt::format("a {} cannot be told as coarsely as a {}", to_string(request.scope),
                       to_string(request.grain)),
           "give a finer granularity");
  if ((request.scope == Grain::night || request.scope == Grain::observation) &&
      request.observation_date.empty())
    refuse("the night is needed", "give its date");
  if (request.scope != Grain::observation) return;
  if (request.runs.empty() || request.source.empty())
    refuse("runs and source of the observation are needed", "give --runs and --source");
  if (request.source.find_first_of("/\\") != std::string::npos || request.source[0] == '.' ||
      std::any_of(request.source.begin(), request.source.end(),
                  [](unsigned char c) { return c < ' '; }))
    refuse(fmt::format("'{}' cannot be a part of a file name", request.source),
           "give a name without slashes");
}

[[noreturn]] void throw_nothing(const MergeRequest& request) {
  const char* planned = request.dry_run ? "planned " : "";
  std::string what;
  if (request.scope == Grain::night)
    what = fmt::format("no {}activity of night {} is on record", planned, request.observation_date);
  else if (request.scope == Grain::observation)
    what = fmt::format("no {}activity of these runs is on record", planned);
  else
    what = fmt::format("no {}activity {} of run {}{} is on record", planned, request.stage,
                       run_text(request.run),
                       request.scope == Grain::subrun ? '.' + subrun_text(request.subrun) : "");
  throw Error(ErrorKind::missing_input, what,
              request.journals.empty() ? std::string("no journals were given")
                                       : request.journals.front().string(),
              "give the folder of the journals; is the run processed?");
}

}  // namespace

std::string document_stem(const MergeRequest& request) {
  std::string stem;
  switch (request.scope) {
    case Grain::subrun:
      stem = fmt::format("{}_{}.{}", request.stage, run_text(request.run),
                         subrun_text(request.subrun));
      break;
    case Grain::run:
      stem = fmt::format("{}_{}", request.stage, run_text(request.run));
      break;
    case Grain::observation: {
      std::string source = request.source;
      std::replace(source.begin(), source.end(), ' ', '_');
      stem = fmt::format("obs_{}_{}", source, request.observation_date);
      break;
    }
    case Grain::night:
      stem = "night_" + request.observation_date;
      break;
  }
  if (request.grain != request.scope) stem += fmt::format("_by_{}", to_string(request.grain));
  return stem + "_prov";
}

MergeResult merge(const MergeRequest& request, const Definition& definition,
                  const LoggerConfiguration& logger) {
  check(request);
  const std::string stem = document_stem(request);
  const fs::path base = request.output_folder / stem;
  const auto file = [&](const std::string& extension) {
    return fs::path(base.string() + extension);
  };
  const std::unique_ptr<Material> material = gather(request, logger, file(".log"));
  const auto& [reader, journals, notes, records, selection] = *material;
  MergeResult result;
  result.lines = journals.records;
  result.broken_lines = journals.broken_lines;
  result.other_lines = journals.other_lines;
  if (journals.broken_lines > 0)
    result.notes.push_back(
        fmt::format("{} of {} journal lines could not be read and were passed over",
                    journals.broken_lines, journals.broken_lines + journals.records));
  if (selection.completed.empty() && selection.others.empty()) {
    if (!request.stage.empty() && definition.activity(request.stage) == nullptr)
      throw Error(
          ErrorKind::configuration,
          fmt::format("the definition has no activity '{}', nor has any journal", request.stage),
          definition.file().string());
    throw_nothing(request);
  }
  result.subruns = static_cast<int>(selection.completed.size());
  for (const ActivityRecord* other : selection.others)
    ++(other->how == ActivityEnd::failed   ? result.failed
       : other->how == ActivityEnd::killed ? result.killed
                                           : result.superseded);

  if (request.dry_run && fs::exists(file(".json")) &&
      read_text_file(file(".json")).find("\"status\":\"planned\"") == std::string::npos)
    throw Error(ErrorKind::usage, "a dry run must not replace a real record",
                file(".json").string(), "choose another folder, such as log/dry_run");

  Copies copies;
  if (request.copies && !request.dry_run)
    copies = copy_inputs(request, definition, records, selection, result);
  const std::string document =
      filtered(document_of(records, selection, definition, copies,
                           finer_documents(request, selection), request.source),
               request.filter);
  if (!request.filter.passes_all() && document.find("\"activity\": {\n}") != std::string::npos)
    throw Error(ErrorKind::incomplete, "the filter leaves nothing of this record", stem,
                "ask for more");
  result.log = file(".log"), result.json = file(".json");
  const bool changed = differs(result.json, document);
  const std::string lines = selected_lines(*material);
  const bool log_changed = differs(result.log, lines);
  if (request.ask_before_replacing)
    for (const auto& [document_file, changes] :
         {std::pair(result.log, log_changed), std::pair(result.json, changed)})
      if (changes && fs::exists(document_file)) request.ask_before_replacing(document_file);
  if (log_changed) write_file_atomically(result.log, lines);
  if (changed) write_file_atomically(result.json, document);
  for (const ProductWriter& writer : request.writers) {
    const fs::path made = result.others.emplace_back(file(writer.extension));
    if (changed || !fs::exists(made)) write_file_atomically(made, writer.write(document));
  }
  if (request.graphs) {
    result.svg = file(".svg"), result.pdf = file(".pdf");
    if (changed || !fs::exists(result.svg) || !fs::exists(result.pdf)) {
      const Drawing drawing = draw(document, true, true);
      write_file_atomically(result.svg, drawing.svg);
      write_file_atomically(result.pdf, drawing.pdf);
    }
  } else if (changed) {
    for (const char* extension : {".svg", ".pdf"})
      if (std::error_code problem; fs::exists(file(extension), problem))
        fs::remove(file(extension), problem);
  }
  std::vector<fs::path> made{result.log, result.json, result.svg, result.pdf};
  made.insert(made.end(), result.others.begin(), result.others.end());
  for (const fs::path& folder : request.link_folders)
    for (const fs::path& one : made)
      if (!one.empty()) link(one, folder);
  for (const std::string& note : result.notes) spdlog::warn("{}: {}", stem, note);
  return result;
}

}  // namespace alisio::prov
