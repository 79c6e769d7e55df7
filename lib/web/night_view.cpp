#include "lib/web/night_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "lib/base/ids.hpp"
#include "lib/base/markup.hpp"
#include "lib/night/words.hpp"
#include "lib/web/html.hpp"
#include "lib/web/night_grid.hpp"
#include "lib/web/product_view.hpp"
#include "lib/web/state_watcher.hpp"

namespace alisio::web {
namespace {

using nlohmann::json;

constexpr std::size_t group_size = 10;  // subruns that stand together in a row

std::string element(const char* tag, const std::string& id, const std::string& html) {
  return fmt::format("<{0} id=\"{1}\">{2}</{0}>", tag, id, html);
}

/// "2026-11-28 21:30:05 UTC"
std::string instant_text(const std::string& iso) {
  if (iso.size() < 19) return iso;
  return iso.substr(0, 10) + ' ' + iso.substr(11, 8) + " UTC";
}

std::string bytes_text(double bytes) {
  return bytes >= 1e9 ? fmt::format("{:.1f} GB", bytes / 1e9)
                      : fmt::format("{:.0f} MB", bytes / 1e6);
}

std::string number_cell(const std::string& text) {
  return "<td class=\"n\">" + text + "</td>";
}

/// Say how many subruns of a row stand how: "148 done, 1 failed (0012)".
std::string row_text(const std::string& letters) {
  std::string text;
  for (const char letter : status_letters) {
    if (letter == '_') continue;
    std::vector<int> subruns;
    for (std::size_t place = 0; place < letters.size(); ++place)
      if (letters[place] == letter) subruns.push_back(static_cast<int>(place));
    if (subruns.empty()) continue;
    text +=
        fmt::format("{}{} {}", text.empty() ? "" : ", ", subruns.size(), status_of_letter(letter));
    const bool grave = std::string_view("X?#VDH").find(letter) != std::string_view::npos;
    if (grave && letters.size() > 1) text += " (" + night::ranges_text(subruns) + ")";
  }
  return text.empty() ? "nothing to do" : text;
}

/// The class of a letter in the style sheet: a letter, for most signs cannot name one.
std::string letter_span(char letter, const std::string& text) {
  constexpr std::pair<char, char> classes[] = {{'>', 'r'}, {'.', 't'}, {':', 'w'}, {'X', 'f'},
                                               {'#', 'b'}, {'?', 'm'}, {'V', 'v'}, {'~', 'w'},
                                               {'_', 'n'}, {'D', 'v'}, {'H', 'v'}, {'Q', 'q'}};
  for (const auto& [known, name] : classes)
    if (known == letter) return fmt::format("<i class={}>{}</i>", name, markup_escaped(text));
  return markup_escaped(text);
}

std::string complete_span(bool goes_on) {
  return goes_on ? "<span title=\"more raw files may come\">✓ complete so far</span>"
                 : "<span class=\"good\">✓ complete</span>";
}

std::string progress_part(const json& document) {
  const json& progress = document["progress"];
  const int jobs = progress["jobs"], done = progress["done"], running = progress["running"],
            bad = progress["in_trouble"];
  std::string text = fmt::format("<b>{} of {}</b> jobs done", done, jobs);
  if (running > 0) text += fmt::format(", {} running", running);
  if (const int queued = progress["queued"]; queued > 0) text += fmt::format(", {} queued", queued);
  if (progress["to_run"] > 0) text += fmt::format(", {} to run", progress["to_run"].get<int>());
  if (bad > 0) text += fmt::format(", <span class=\"bad\">✗ {} in trouble</span>", bad);
  if (progress["left_s"].is_number())
    text += fmt::format("; {} {} left", progress["left_at_least"] ? "at least" : "about",
                        night::duration_text(progress["left_s"]));
  if (document["night"]["complete"].get<bool>())
    text += " · " + complete_span(document["night"]["goes_on"]);
  return element(
      "div", "progress",
      fmt::format("<progress max=\"{}\" value=\"{}\" aria-label=\"jobs done\"></progress><p "
                  "role=\"status\">{}</p><p class=\"quiet\">as of {}</p>",
                  std::max(1, jobs), done, text,
                  instant_text(document["night"]["updated_at"].get<std::string>())));
}

std::string closing_part(night::State& state, const night::NightKey& key) {
  std::string text;
  if (const auto closing = state.closing(key))
    text = closing->closed()
               ? fmt::format("<p class=\"good\">▣ closed {} by {}, seal {}</p>",
                             instant_text(closing->closed_at), markup_escaped(closing->author),
                             closing->seal_number)
               : fmt::format("<p>being closed since {} by {}: {}</p>",
                             instant_text(closing->started_at), markup_escaped(closing->author),
                             markup_escaped(closing->step));
  return element("div", "closing", text);
}

std::string key_text(const json& key) {
  const int run = key["run"];
  if (run == night::whole_night) return "night";
  return key["subrun"].is_null() ? run_text(run) : run_text(run) + '.' + subrun_text(key["subrun"]);
}

/// The tail of the address of a job's pages: "/11220/0012", "/11220", "/0".
std::string key_path(const json& key) {
  std::string path = fmt::format("/{}", key["run"].get<int>());
  if (!key["subrun"].is_null()) path += fmt::format("/{}", key["subrun"].get<int>());
  return path;
}

std::string action_link(const std::string& night, const json& trouble, const char* action) {
  return fmt::format("<a class=\"button\" href=\"{}?what={}&amp;stage={}&amp;job={}\">{}…</a> ",
                     markup_escaped(night), action,
                     url_escaped(trouble["stage"].get<std::string>()),
                     url_escaped(key_text(trouble)), action);
}

std::string trouble_item(const json& trouble, const std::string& night, bool actions) {
  const std::string acts = "/act/" + night.substr(std::string_view("/nights/").size());
  const std::string stage = trouble["stage"];
  std::string text = fmt::format(
      "<details><summary><span class=\"bad\">✗</span> <b>{}</b> {}: {}{}</summary>",
      key_text(trouble), markup_escaped(stage),
      markup_escaped(trouble["reason"].get<std::string>()),
      trouble.contains("class") ? fmt::format(" <span class=\"quiet\">[{}]</span>",
                                              markup_escaped(trouble["class"].get<std::string>()))
                                : "");
  if (trouble.contains("advice"))
    text += "<p>" + markup_escaped(trouble["advice"].get<std::string>()) + "</p>";
  if (trouble.contains("attempts"))
    text += fmt::format("<p class=\"quiet\">{}, tries: {}</p>",
                        markup_escaped(trouble["status"].get<std::string>()),
                        trouble["attempts"].get<int>());
  if (trouble.contains("log_tail"))
    text += "<pre>" + markup_escaped(trouble["log_tail"].get<std::string>()) + "</pre>";
  text += "<p>";
  if (trouble["has_log"])
    text += link(night + "/log/" + url_escaped(stage) + key_path(trouble), "whole log") + " · ";
  text += link(night + "/run" + key_path(trouble), "its jobs");
  if (actions)
    text += " · " + action_link(acts, trouble, "retry") +
            (trouble["run"] == night::whole_night ? "" : action_link(acts, trouble, "veto"));
  return text + "</p></details>\n";
}

std::string troubles_part(const json& document, const std::string& night, bool actions) {
  std::string items;
  for (const json& trouble : document["troubles"]) items += trouble_item(trouble, night, actions);
  if (const auto more = document["more_troubles"].get<std::size_t>(); more > 0)
    items += fmt::format("<p>… and {} more</p>", more);
  return element(
      "section", "troubles",
      items.empty() ? "<h2>Failures</h2><p class=\"quiet\">none</p>" : "<h2>Failures</h2>" + items);
}

std::string running_part(const json& document, const std::string& night) {
  std::string rows;
  for (const json& process : document["running"]) {
    std::string stages;
    for (const json& job : process["jobs"])
      stages += (stages.empty() ? "" : ", ") + job["stage"].get<std::string>();
    const json& first = process["jobs"].front();
    rows += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{}{}</td><td>{}</td><td>{}</td></tr>\n",
        link(night + "/run" + key_path(first), key_text(first)), markup_escaped(stages),
        markup_escaped(process["host"].get<std::string>()),
        process["lost"]     ? " <span class=\"bad\">(gone)</span>"
        : process["queued"] ? "queued"
                            : "",
        markup_escaped(instant_text(process["started_at"])),
        link(night + "/log/" + url_escaped(first["stage"].get<std::string>()) + key_path(first),
             "log"));
  }
  return element(
      "section", "running",
      "<h2>Running</h2>" + (rows.empty() ? "<p class=\"quiet\">nothing</p>"
                                         : table({"job", "stages", "host", "since", ""}, rows)));
}

std::string resources_part(const json& document) {
  std::string rows;
  for (const json& stage : document["resources"]) {
    const int done = stage["done"], failed = stage["failed"];
    const double per_job = done > 0 ? 1.0 / done : 0;
    rows += "<tr><td>" + markup_escaped(stage["stage"].get<std::string>()) + "</td>" +
            number_cell(std::to_string(done)) +
            number_cell(failed == 0 ? "0" : fmt::format("<span class=\"bad\">{}</span>", failed)) +
            number_cell(std::to_string(stage["jobs_last_hour"].get<int>())) +
            number_cell(night::duration_text(stage["wall_s"].get<double>() * per_job)) +
            number_cell(night::duration_text(stage["cpu_s"].get<double>() * per_job)) +
            number_cell(night::duration_text(stage["cpu_s"])) +
            number_cell(bytes_text(stage["max_rss_bytes"])) +
            number_cell(std::to_string(stage["events"].get<std::int64_t>())) + "</tr>\n";
  }
  return element(
      "section", "resources",
      "<h2>Resources and throughput</h2>" +
          (rows.empty() ? "<p class=\"quiet\">no job has ended yet</p>"
                        : table({"stage", "done", "failed", "in the last hour", "time of a job",
                                 "CPU of a job", "CPU in all", "most memory", "events"},
                                rows)));
}

std::string list_part(const json& document, const char* member, const char* heading) {
  std::string items;
  for (const json& text : document[member])
    items += "<li>" + markup_escaped(text.get<std::string>()) + "</li>";
  return element("section", member,
                 items.empty() ? "" : fmt::format("<h2>{}</h2><ul>{}</ul>", heading, items));
}

/// The line above the rows of a run.
std::string run_head(const std::string& id, const std::string& night, int run, const json& line,
                     const std::string& worst) {
  if (run == night::whole_night)
    return element("h3", id,
                   link(night + "/run/0", "Night") + " <small>" + row_text(worst) + "</small>");
  // Only runs with jobs have a page.
  std::string text = "Run " + run_text(run);
  if (!worst.empty()) text = link(fmt::format("{}/run/{}", night, run), text);
  if (!line.is_null()) {
    const int subruns = line.value("subruns", 0), expected = line.value("expected_subruns", 0);
    text += fmt::format(" {} <small>{}{} subruns", markup_escaped(line.value("type", "")), subruns,
                        expected != subruns ? fmt::format(" of {}", expected) : "");
    if (const std::string quality = line.value("quality", ""); !quality.empty())
      text += " · quality " + markup_escaped(quality);
    if (const std::string constants = line.value("constants", ""); !constants.empty())
      text += " · constants " + markup_escaped(constants);
    text += "</small>";
  }
  return element("h3", id, text + " <small>" + row_text(worst) + "</small>");
}

/// Leave out jobs of the whole run, one letter each, where there are rows of subruns.
std::vector<std::string> rows_of_subruns(std::vector<std::string> rows) {
  const auto is_longer = [](const std::string& row) { return row.size() > 1; };
  if (std::any_of(rows.begin(), rows.end(), is_longer))
    std::erase_if(rows, [&](const std::string& row) { return !is_longer(row); });
  return rows;
}

/// One run: its head, the gravest state of each subrun, and below that each stage.
std::string run_section(int run, const json& line, const json& document, const std::string& night,
                        std::map<std::string, std::string>& parts) {
  std::vector<std::string> rows, stages;
  for (const json& stage : document["stages"]) {
    const std::string name = stage;
    const auto row = document["rows"].find(fmt::format("{} {}", run, name));
    if (row == document["rows"].end()) continue;
    stages.push_back(name);
    rows.push_back(*row);
  }
  if (rows.empty() && run == night::whole_night) return {};
  const auto add = [&](const std::string& id, std::string html) {
    return parts[id] = std::move(html);
  };
  const std::string id = fmt::format("run-{}", run), all = worst_of(rows_of_subruns(rows));
  std::string html = add("head-" + id, run_head("head-" + id, night, run, line, all));
  if (rows.empty())
    html += "<p class=\"quiet\">not processed</p>";
  else
    html += add("row-" + id, grid_row("row-" + id, "all stages", all));
  std::string detail;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string row = fmt::format("row-{}-{}", id, stages[i]);
    detail += add(row, grid_row(row, stages[i], rows[i]));
  }
  if (rows.size() > 1)
    html += fmt::format("<details id=\"stages-{}\"><summary>{} stages</summary>{}</details>", id,
                        rows.size(), detail);
  return fmt::format("<section class=\"run\" data-run=\"{}\">{}</section>\n", run, html);
}

}  // namespace

std::string night_path(const night::NightKey& night) {
  return "/nights/" + night.date.compact() + '/' + url_escaped(night.prod_id);
}

std::string grid_row(const std::string& id, const std::string& name, const std::string& letters) {
  std::string cells;
  for (std::size_t first = 0; first < letters.size(); first += group_size) {
    const std::string group = letters.substr(first, group_size);
    cells += "<b>";
    for (std::size_t at = 0; at < group.size();) {
      const std::size_t end = std::min(group.find_first_not_of(group[at], at), group.size());
      cells += letter_span(group[at], group.substr(at, end - at));
      at = end;
    }
    cells += "</b>";
  }
  return fmt::format(
      "<div class=\"row\" id=\"{0}\"><span>{1}</span><div class=\"cells\" role=\"img\" "
      "tabindex=\"0\" aria-label=\"{1}: {2}\">{3}</div></div>",
      id, markup_escaped(name), markup_escaped(row_text(letters)), cells);
}

std::string grid_legend() {
  std::string text = "<p class=\"legend\" aria-label=\"meaning of the signs\">";
  for (const char letter : std::string_view("=>Q.:X#?VDH"))
    text += fmt::format("<span class=\"cells\"><b>{}</b></span> {} &ensp;",
                        letter_span(letter, std::string(1, letter)), status_of_letter(letter));
  return text + "</p>";
}

Fragments nights_view(night::State& state, NightsMemory& memory) {
  Fragments view;
  view.frame_id = "nights";
  std::string rows;
  const json document = nights_document(state, memory);
  const std::string now = night::utc_now_text();
  for (const json& night : document["nights"]) {
    const std::string date = night["date"], prod = night["prod_id"];
    const std::string id = "night-" + date + '-' + url_escaped(prod);
    const int failed = night["failed"], troubles = night["troubles"];
    const bool complete = night["complete"];
    std::string row =
        fmt::format("<tr id=\"{}\"><td>{}</td><td>{}</td><td>{}</td>", id,
                    link("/nights/" + date + '/' + url_escaped(prod), NightDate::parse(date).iso()),
                    markup_escaped(prod),
                    complete ? complete_span(now < night["open_until"].get<std::string>())
                    : troubles > 0
                        ? fmt::format("<span class=\"bad\">✗ {} in trouble</span>", troubles)
                        : "open") +
        number_cell(std::to_string(night["runs"].get<int>())) +
        number_cell(std::to_string(night["subruns"].get<int>())) +
        number_cell(std::to_string(night["done"].get<int>())) +
        number_cell(failed == 0 ? "0" : fmt::format("<span class=\"bad\">{}</span>", failed)) +
        number_cell(std::to_string(night["open"].get<int>())) + "<td>" +
        instant_text(night["updated_at"]) + "</td><td>" + link("/night/" + date, "provenance") +
        "</td></tr>";
    rows += row + '\n';
    view.parts[id] = std::move(row);
  }
  view.frame = element("div", "nights",
                       rows.empty() ? "<p>No night has been processed yet: <code>alisio night "
                                      "DATE</code> begins.</p>"
                                    : table({"night", "production", "", "runs", "subruns", "done",
                                             "failed", "open", "as of", ""},
                                            rows));
  return view;
}

Fragments night_view(night::State& state, const night::NightStatus& status, bool actions) {
  const json document = night_document(status);
  const std::string night = night_path(status.summary.key);
  Fragments view;
  view.parts["progress"] = progress_part(document);
  view.parts["closing"] = closing_part(state, status.summary.key);
  view.parts["troubles"] = troubles_part(document, night, actions);
  view.parts["running"] = running_part(document, night);
  view.parts["resources"] = resources_part(document);
  view.parts["products"] = products_part(state, status.summary.key);
  view.parts["decisions"] = list_part(document, "decisions", "Decided by operators");
  view.parts["notes"] = list_part(document, "notes", "Notes");
  std::map<int, json> runs;
  for (const json& line : document["runs"]) runs[line["run"]] = line;
  for (const night::JobStatusView& job : status.jobs) runs.try_emplace(job.key.run, json());
  std::string sections;
  for (const auto& [run, line] : runs)
    if (run != night::whole_night) sections += run_section(run, line, document, night, view.parts);
  sections += run_section(night::whole_night, json(), document, night, view.parts);
  view.frame_id = "grid";
  view.frame = element("div", "grid", sections);
  return view;
}

}  // namespace alisio::web
