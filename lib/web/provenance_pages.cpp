#include "lib/web/provenance_pages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"
#include "lib/base/markup.hpp"
#include "lib/web/html.hpp"
#include "prov/ask/impact.hpp"
#include "prov/ask/names.hpp"
#include "prov/ask/story.hpp"
#include "prov/ask/walk_document.hpp"
#include "prov/graph.hpp"
#include "prov/store/connection.hpp"
#include "prov/store/schema.hpp"

namespace alisio::web {
namespace {

namespace fs = std::filesystem;

constexpr int kMostRows = 2000;  // of a table

std::string activity_link(const prov::StoredActivity& activity) {
  return link("/activity/" + url_escaped(activity.id), prov::short_name(activity));
}

std::string file_link(const prov::StoredEntity& file) {
  return link("/file/" + url_escaped(file.id),
              file.path.empty() ? file.name : fs::path(file.path).filename().string());
}

/// "completed" in green, what is not so in red.
std::string mark(prov::ActivityEnd how, const std::string& more = {}) {
  const bool good = how == prov::ActivityEnd::completed || how == prov::ActivityEnd::planned;
  return fmt::format("<span class=\"{}\">{}{}</span>", good ? "good" : "bad", to_string(how),
                     more.empty() ? "" : ": " + markup_escaped(more));
}

/// Rows of a definition list; what is empty is left out.
class Facts {
 public:
  Facts& text(const char* name, const std::string& value) {
    return html(name, markup_escaped(value));
  }
  Facts& code(const char* name, const std::string& value) {
    return html(name, value.empty() ? value : "<code>" + markup_escaped(value) + "</code>");
  }
  Facts& html(const char* name, const std::string& value) {
    if (!value.empty()) rows_ += fmt::format("<dt>{}</dt><dd>{}</dd>\n", name, value);
    return *this;
  }
  [[nodiscard]] std::string list() const { return "<dl>\n" + rows_ + "</dl>\n"; }

 private:
  std::string rows_;
};

std::string cell(const std::string& html) {
  return "<td>" + html + "</td>";
}
std::string number_cell(std::int64_t number) {
  return fmt::format("<td class=\"n\">{}</td>", number);
}

std::string night_link(const std::string& date) {
  return link("/night/" + url_escaped(date), date);
}
std::string run_link(std::int64_t run) {
  return run <= 0 ? std::string("night") : link(fmt::format("/run/{}", run), run_text(int(run)));
}

std::string files_table(const std::vector<prov::StoryFile>& files, bool with_maker) {
  std::string rows;
  for (const prov::StoryFile& one : files)
    rows += "<tr>" + cell(markup_escaped(one.flow.role)) + cell(file_link(one.file)) +
            (with_maker ? cell(one.maker ? activity_link(*one.maker) : std::string()) : "") +
            cell(markup_escaped(one.flow.remark)) + "</tr>\n";
  if (rows.empty()) return "<p class=\"quiet\">none on record</p>";
  return with_maker ? table({"as", "what", "made by", ""}, rows) : table({"as", "what", ""}, rows);
}

std::string notes_of(const std::vector<prov::Store::Note>& notes) {
  std::string text;
  for (const prov::Store::Note& note : notes)
    text += fmt::format("<p><b>{}</b> <span class=\"quiet\">{}, {}</span></p>",
                        markup_escaped(note.text), markup_escaped(note.author),
                        markup_escaped(note.time));
  return text.empty() ? text : "<h2>Notes</h2>" + text;
}

/// The rows from which to walk.
std::pair<std::vector<prov::Row>, std::vector<prov::Row>> starts_of(prov::Store& store,
                                                                    const prov::Subject& subject,
                                                                    prov::Direction direction) {
  if (!subject.entity) return {{}, {subject.activity->row}};
  if (direction == prov::Direction::forth) return {prov::impact_starts(store, *subject.entity), {}};
  return {{subject.entity->row}, {}};
}

/// A drawing of what a thing came from, or of what came from it.
std::string drawing(prov::Store& store, const prov::Subject& subject, prov::Direction direction,
                    int depth, const ProvenanceSource& source) {
  const auto [entities, activities] = starts_of(store, subject, direction);
  const prov::Walk walk = store.walk(entities, activities, direction, {depth, source.most_nodes});
  if (walk.flows.empty()) return "<p class=\"quiet\">nothing on record</p>";
  prov::DrawOptions options;
  options.most_width = 1900;
  options.link = [](const std::string& kind, const std::string& id) {
    if (kind == "agent" || !id.starts_with("id:")) return std::string();
    return (kind == "entity" ? "/file/" : "/activity/") + url_escaped(id.substr(3));
  };
  const std::string document = prov::document_of(walk, {.agents = false, .configuration = false});
  std::string svg = prov::draw(document, true, false, options).svg;
  // Within HTML an SVG stands without its declaration.
  if (const std::size_t begin = svg.find("<svg"); begin != std::string::npos) svg.erase(0, begin);
  const bool cut = !walk.cut_entities.empty() || !walk.cut_activities.empty();
  return "<figure>" + svg + "</figure>" +
         (cut ? "<p class=\"quiet\">Cut here: there is more than is drawn.</p>" : "");
}

/// Links to the same walk in the forms that programs take.
std::string forms(const std::string& id, bool back) {
  std::string text = "<p class=\"quiet\">As";
  for (const char* form : {"PROV-SVG", "PROV-JSON", "PROV-N", "PROV-XML", "PROV-VOTABLE"})
    text += ' ' + link(fmt::format("/provsap?ID={}&DEPTH=ALL&DIRECTION={}&RESPONSEFORMAT={}",
                                   url_escaped(id), back ? "BACK" : "FORTH", form),
                       form);
  return text + "</p>";
}

std::string last_part(const Request& request) {
  return request.path.substr(request.path.rfind('/') + 1);
}

Response html_page(const std::string& title, const std::string& body) {
  Response response;
  response.body = page(title, body);
  return response;
}

Response first_page(const ProvenanceSource& source) {
  prov::Store store = source.open();
  const auto query = store.connection().prepare(fmt::format(
      "SELECT d.text, COUNT(*), SUM(CASE WHEN a.status = 2 OR a.status = 3 THEN 1 ELSE 0 END), "
      "COUNT(DISTINCT CASE WHEN a.run > 0 THEN a.run END) FROM activity a JOIN name d ON d.id = "
      "a.date WHERE d.kind = {} GROUP BY d.text ORDER BY d.text DESC LIMIT {}",
      static_cast<int>(prov::NameKind::date), kMostRows));
  query->bind({});
  std::string rows;
  while (query->step()) {
    const std::int64_t bad = query->integer(2);
    rows += "<tr>" + cell(night_link(query->text(0))) + number_cell(query->integer(3)) +
            number_cell(query->integer(1)) +
            cell(bad == 0 ? "" : fmt::format("<span class=\"bad\">{}</span>", bad)) + "</tr>\n";
  }
  return html_page("Nights on record",
                   rows.empty() ? "<p>Nothing is on record yet: <code>alisio prov index</code> "
                                  "reads the journals.</p>"
                                : table({"night", "runs", "activities", "failed or killed"}, rows));
}

Response night_page(const ProvenanceSource& source, const Request& request) {
  const std::string date = last_part(request);
  prov::Store store = source.open();
  const auto query = store.connection().prepare(fmt::format(
      "SELECT a.run, p.text, n.text, COUNT(*), SUM(CASE WHEN a.status = 0 THEN 1 ELSE 0 END), "
      "SUM(CASE WHEN a.status = 2 OR a.status = 3 THEN 1 ELSE 0 END), MIN(a.uuid) FROM activity a "
      "JOIN name d ON d.id = a.date JOIN name n ON n.id = a.name LEFT JOIN name p ON p.id = "
      "a.production WHERE d.kind = {} AND d.text = ? GROUP BY a.run, p.text, n.text ORDER BY "
      "p.text, a.run, MIN(a.start_us) LIMIT {}",
      static_cast<int>(prov::NameKind::date), kMostRows));
  query->bind({date});
  std::string rows;
  while (query->step()) {
    const std::int64_t run = query->integer(0), count = query->integer(3), bad = query->integer(5);
    const std::string name = count == 1
                                 ? link("/activity/" + url_escaped(query->text(6)), query->text(2))
                                 : markup_escaped(query->text(2));
    rows += "<tr>" + cell(run_link(run)) + cell(markup_escaped(query->text(1))) + cell(name) +
            number_cell(query->integer(4)) +
            cell(bad == 0 ? "" : fmt::format("<span class=\"bad\">{}</span>", bad)) + "</tr>\n";
  }
  if (rows.empty())
    throw Error(ErrorKind::incomplete,
                fmt::format("night '{}' is not on record", prov::shortened(date)), request.path,
                "nights are written YYYYMMDD");
  return html_page("Night " + date,
                   table({"run", "production", "activity", "completed", "failed or killed"}, rows));
}

Response run_page(const ProvenanceSource& source, const Request& request) {
  const std::string text = last_part(request);
  int run = -1;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), run);
  if (problem != std::errc() || end != text.data() + text.size() || run < 0)
    throw Error(ErrorKind::usage, fmt::format("'{}' is no run number", prov::shortened(text)),
                request.path, "for example /run/2008");
  prov::Store store = source.open();
  const auto query = store.connection().prepare(
      fmt::format("SELECT id FROM activity WHERE run = ? AND name IS NOT NULL ORDER BY start_us "
                  "LIMIT {}",
                  kMostRows));
  query->bind({run});
  std::vector<prov::Row> found;
  while (query->step()) found.push_back(query->integer(0));
  if (found.empty())
    throw Error(ErrorKind::incomplete, fmt::format("run {} is not on record", run), request.path,
                "nights are listed on the first page");
  std::map<prov::Row, std::string> products;
  std::set<prov::Row> made;
  const auto flows = store.flows_of_activities(found);
  std::map<prov::Row, std::vector<prov::Row>> made_by;
  for (const prov::StoredFlow& flow : flows)
    if (flow.generated && made.insert(flow.entity).second)
      made_by[flow.activity].push_back(flow.entity);
  std::map<prov::Row, prov::StoredEntity> files;
  for (prov::StoredEntity& file : store.entities({made.begin(), made.end()}))
    files.emplace(file.row, std::move(file));
  std::string rows;
  std::string dates;
  for (const prov::StoredActivity& activity : store.activities(found, prov::Detail::brief)) {
    std::string links;
    for (const prov::Row row : made_by[activity.row])
      if (const auto at = files.find(row); at != files.end())
        links += (links.empty() ? "" : "<br>") + file_link(at->second);
    if (dates.empty() && !activity.observation_date.empty())
      dates = "<p>Night " + night_link(activity.observation_date) + "</p>";
    rows += "<tr>" + cell(activity_link(activity)) + cell(markup_escaped(activity.prod_id)) +
            cell(markup_escaped(activity.start)) + cell(mark(activity.how)) + cell(links) +
            "</tr>\n";
  }
  if (found.size() == std::size_t(kMostRows))
    dates += fmt::format("<p class=\"quiet\">The first {} activities.</p>", kMostRows);
  return html_page(fmt::format("Run {}", run_text(run)),
                   dates + table({"activity", "production", "began", "ended", "made"}, rows));
}

prov::Subject subject_of(prov::Store& store, const std::string& what, bool file) {
  prov::check_name(what, "the address");
  prov::Subject subject;
  if (file) {
    const auto rows = store.find_entities(what);
    if (!rows.empty()) {
      subject.entity = store.entities({rows.front()}).front();
      subject.others = rows.size() - 1;
      return subject;
    }
  } else if (const auto rows = store.find_activities(what); !rows.empty()) {
    subject.activity = store.activities({rows.front()}).front();
    return subject;
  }
  throw Error(ErrorKind::incomplete, fmt::format("'{}' is not on record", prov::shortened(what)),
              "the address", "look for it by its name, hash or id");
}

std::string facts_of(const prov::StoredActivity& activity) {
  Facts facts;
  facts.html("activity", link("/activity/" + url_escaped(activity.id), activity.name));
  if (activity.run > 0) facts.html("run", run_link(activity.run));
  if (activity.subrun >= 0) facts.text("subrun", subrun_text(activity.subrun));
  if (!activity.observation_date.empty())
    facts.html("night", night_link(activity.observation_date));
  facts.text("production", activity.prod_id)
      .html("ended", mark(activity.how, activity.message))
      .text("time", activity.end.empty() ? activity.start : activity.start + " to " + activity.end)
      .text("software", activity.software)
      .text("host", activity.host)
      .text("by", activity.operator_name)
      .text("records of", activity.origin == "alisio" ? "" : activity.origin);
  if (activity.parameters.is_object())
    for (const auto& [name, value] : activity.parameters.items())
      facts.text(markup_escaped(name).c_str(),
                 value.is_string() ? value.get<std::string>() : value.dump());
  std::string command;
  if (activity.command.is_array())
    for (const nlohmann::json& word : activity.command) {
      if (!command.empty()) command += ' ';
      command += word.is_string() ? word.get<std::string>() : word.dump();
    }
  facts.code("command", command);
  std::string text = facts.list();
  if (!activity.configuration.is_null())
    text += "<details><summary>Configuration</summary><pre class=\"mono\">" +
            markup_escaped(activity.configuration.dump(1)) + "</pre></details>";
  if (!activity.environment.is_null())
    text += "<details><summary>Environment</summary><pre class=\"mono\">" +
            markup_escaped(activity.environment.dump(1)) + "</pre></details>";
  return text;
}

/// What came from a file or activity, by run and level.
std::string impact_of(prov::Store& store, const prov::Subject& subject) {
  const auto [entities, activities] = starts_of(store, subject, prov::Direction::forth);
  const prov::Impact impact = prov::find_impact(store, entities, activities, "");
  if (impact.files.empty()) return "<p class=\"quiet\">nothing on record</p>";
  std::string rows;
  for (const prov::RunImpact& run : impact.runs) {
    std::string levels;
    for (const auto& [level, count] : run.files_of_level)
      levels += fmt::format("{}{} {}", levels.empty() ? "" : ", ", count, markup_escaped(level));
    rows += "<tr>" + cell(night_link(run.observation_date)) + cell(run_link(run.run)) +
            cell(markup_escaped(run.prod_id)) + cell(levels) + "</tr>\n";
  }
  std::string text = table({"night", "run", "production", "files"}, rows);
  std::string list;
  int told = 0;
  for (const prov::StoredEntity& file : impact.files) {
    if (++told > kMostRows) {
      list += fmt::format("<tr><td>and {} more</td></tr>",
                          impact.files.size() - std::size_t(kMostRows));
      break;
    }
    list += "<tr>" + cell(markup_escaped(file.level)) + cell(file_link(file)) +
            cell(run_link(file.run)) + "</tr>\n";
  }
  return text +
         fmt::format("<details{}><summary>{} files</summary>",
                     impact.files.size() <= 20 ? " open" : "", impact.files.size()) +
         table({"level", "file", "run"}, list) + "</details>";
}

Response file_page(const ProvenanceSource& source, const Request& request) {
  prov::Store store = source.open();
  const prov::Subject subject = subject_of(store, last_part(request), true);
  const prov::Story story = prov::tell(store, subject);
  const prov::StoredEntity& file = *story.subject.entity;
  std::error_code problem;
  const bool there = !file.path.empty() && fs::is_regular_file(file.path, problem);
  const bool whole = there && fs::file_size(file.path, problem) == file.size_bytes;
  Facts facts;
  facts.text("is", file.name)
      .text("level", file.level)
      .code("path", file.path)
      .html("now", file.path.empty() ? ""
                   : !there          ? "<span class=\"bad\">not there</span>"
                   : !whole && !file.sha256.empty()
                       ? "<span class=\"bad\">of another size than recorded</span>"
                   : source.give_files && !file.sha256.empty()
                       ? "there, " + link("/data/" + url_escaped(file.id), "get it")
                       : "there")
      .text("size", file.size_bytes == 0 ? "" : fmt::format("{} bytes", file.size_bytes))
      .code("sha256", file.sha256)
      .code("data hash", file.data_hash)
      .text("quality", file.quality)
      .code("id", file.id);
  std::string body = facts.list() + notes_of(story.notes);
  if (story.activity) {
    body += "<h2>Made by</h2>" + facts_of(*story.activity);
    body += "<h2>From</h2>" + files_table(story.used, true);
    body += "<h2>Came from</h2>" + drawing(store, subject, prov::Direction::back, -1, source) +
            forms(file.id, true);
  } else {
    body += "<p class=\"quiet\">No activity on record made it: it was found.</p>";
  }
  body += "<h2>What came from it</h2>" + impact_of(store, subject);
  body += drawing(store, subject, prov::Direction::forth, 4, source) + forms(file.id, false);
  return html_page(file.path.empty() ? file.name : fs::path(file.path).filename().string(), body);
}

Response activity_page(const ProvenanceSource& source, const Request& request) {
  prov::Store store = source.open();
  const prov::Subject subject = subject_of(store, last_part(request), false);
  const prov::Story story = prov::tell(store, subject);
  std::string body = facts_of(*story.activity) + notes_of(story.notes);
  body += "<h2>Used</h2>" + files_table(story.used, true);
  body += "<h2>Made</h2>" + files_table(story.generated, false);
  body += "<h2>Came from</h2>" + drawing(store, subject, prov::Direction::back, -1, source) +
          forms(story.activity->id, true);
  body +=
      "<h2>What came from it</h2>" + impact_of(store, subject) + forms(story.activity->id, false);
  return html_page(prov::short_name(*story.activity), body);
}

Response found_page(const Request& request, const ProvenanceSource& source) {
  std::string what = request.parameter("q").value_or("");
  what.erase(0, what.find_first_not_of(" \t"));
  what.erase(what.find_last_not_of(" \t") + 1);
  if (what.empty()) throw Error(ErrorKind::usage, "nothing was asked for", "/find", "give a name");
  prov::check_name(what, "/find");
  const auto go = [](const std::string& place) {
    Response response;
    response.status = 303;
    response.headers["Location"] = place;
    return response;
  };
  const bool digits = what.find_first_not_of("0123456789") == std::string::npos;
  if (digits && what.size() <= 5) return go(fmt::format("/run/{}", what));
  if (digits && what.size() == 8) return go(fmt::format("/night/{}", what));
  prov::Store store = source.open();
  if (const auto rows = store.find_entities(what); rows.size() == 1)
    return go("/file/" + url_escaped(store.entities(rows).front().id));
  else if (!rows.empty()) {
    std::string list;
    const std::vector<prov::Row> some(
        rows.begin(), rows.begin() + std::ptrdiff_t(std::min<std::size_t>(rows.size(), 200)));
    for (const prov::StoredEntity& file : store.entities(some))
      list += "<tr>" + cell(file_link(file)) + cell(markup_escaped(file.path)) +
              cell(run_link(file.run)) + "</tr>\n";
    return html_page(fmt::format("{} files", rows.size()), table({"file", "path", "run"}, list));
  }
  if (const auto rows = store.find_activities(what); !rows.empty())
    return go("/activity/" + url_escaped(store.activities({rows.front()}).front().id));
  throw Error(ErrorKind::incomplete, fmt::format("'{}' is not on record", prov::shortened(what)),
              "/find",
              "give a file's name or path, a hash (8 digits or more), an id, a run number "
              "or a night (YYYYMMDD)");
}

Response data(const ProvenanceSource& source, const Request& request) {
  prov::Store store = source.open();
  const prov::StoredEntity file = *subject_of(store, last_part(request), true).entity;
  std::error_code problem;
  // What is sent should be what is on record, and not whatever stands there now. To hash each file
  // would take too long: its size tells most others apart.
  if (!source.give_files || file.sha256.empty() || !fs::is_regular_file(file.path, problem) ||
      fs::file_size(file.path, problem) != file.size_bytes)
    throw Error(ErrorKind::incomplete, "the file is not there as it was recorded", request.path,
                "its page tells where it was");
  Response response;
  response.file = file.path;
  response.content_type = "application/octet-stream";
  std::string name;
  for (const char c : fs::path(file.path).filename().string())
    name += c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 ? '_' : c;
  response.headers["Content-Disposition"] = fmt::format("attachment; filename=\"{}\"", name);
  return response;
}

}  // namespace

Router provenance_pages(const ProvenanceSource& source) {
  const auto with = [&source](Response (*make)(const ProvenanceSource&, const Request&)) {
    return [&source, make](const Request& request) { return make(source, request); };
  };
  return {{"/provenance", [&source](const Request&) { return first_page(source); }},
          {"/find", [&source](const Request& request) { return found_page(request, source); }},
          {"/night/", with(night_page)},
          {"/run/", with(run_page)},
          {"/file/", with(file_page)},
          {"/entity/", with(file_page)},
          {"/activity/", with(activity_page)},
          {"/data/", with(data)},
          {"/provsap", with(provsap)}};
}

}  // namespace alisio::web
