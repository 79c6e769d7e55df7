#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <set>

#include "apps/provenance_setup.hpp"
#include "apps/show.hpp"
#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/io/text/ecsv.hpp"
#include "lib/io/text/run_summary.hpp"
#include "lib/sky/time.hpp"
#include "prov/definition.hpp"
#include "prov/json_members.hpp"
#include "prov/records.hpp"

namespace alisio::apps::show {
namespace {

using nlohmann::ordered_json;

int finish(const Request& request, const ordered_json& facts,
           const std::vector<std::pair<std::string, std::string>>& lines,
           const std::vector<std::string>& headings = {},
           const std::vector<std::vector<std::string>>& cells = {}) {
  if (request.json) {
    print_json(facts);
    return 0;
  }
  print_facts(lines);
  if (!cells.empty()) {
    std::cout << '\n';
    print_table(headings, cells, true);
  }
  return 0;
}

std::string counted(const std::map<std::string, std::size_t>& counts) {
  std::string text;
  for (const auto& [name, n] : counts)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", n, name);
  return text;
}

int show_run_summary(const Request& request) {
  const auto rows = text::read_run_summary(request.file);
  ordered_json facts;
  facts["file"] = request.file.string();
  facts["level"] = "run summary";
  facts["runs"] = ordered_json::array();
  std::map<std::string, std::size_t> types;
  std::vector<std::vector<std::string>> cells;
  for (const text::RunSummaryRow& row : rows) {
    ++types[row.run_type];
    const std::string start =
        row.run_start > 0 ? utc_text(sky::tai_ns_to_unix_s(row.run_start)) : std::string();
    facts["runs"].push_back({{"run", row.run_id},
                             {"type", row.run_type},
                             {"subruns", row.n_subruns},
                             {"format", row.data_format},
                             {"run_start_utc", start},
                             {"reference_source", row.dragon_reference_source}});
    cells.push_back({std::to_string(row.run_id), row.run_type, std::to_string(row.n_subruns),
                     row.data_format, start, row.dragon_reference_source});
  }
  const text::SummaryOrigin origin = text::origin_of(request.file);
  const std::string maker = origin == text::SummaryOrigin::ours     ? "alisio"
                            : origin == text::SummaryOrigin::edited ? "alisio, edited since"
                                                                    : "another program";
  facts["made_by"] = {{"software", maker}};
  return finish(request, facts,
                {{"file", request.file.string()},
                 {"level", "run summary of a night"},
                 {"runs", fmt::format("{} ({})", rows.size(), counted(types))},
                 {"made by", maker}},
                {"run", "type", "subruns", "format", "run start (UTC)", "reference"}, cells);
}

/// Return an attribute of PROV-JSON as text, with or without its prefix.
std::string attribute(const ordered_json& element, const char* name) {
  for (const std::string& key : {std::string("prov:") + name, std::string(name)})
    if (element.is_object() && element.contains(key))
      return element[key].is_string() ? element[key].get<std::string>() : element[key].dump();
  return {};
}

int show_provenance_document(const Request& request, const ordered_json& document) {
  ordered_json facts;
  facts["file"] = request.file.string();
  facts["level"] = "provenance document";
  add_name_facts(facts, request.file);
  for (const char* kind : {"activity", "entity", "agent", "used", "wasGeneratedBy"})
    facts[kind] = document.contains(kind) ? document[kind].size() : 0;
  std::map<std::string, std::size_t> activities, entities;
  std::string first, last, software;
  if (document.contains("activity"))
    for (const auto& [id, activity] : document["activity"].items()) {
      ++activities[attribute(activity, "label")];
      const std::string start = attribute(activity, "startTime"),
                        end = attribute(activity, "endTime");
      if (!start.empty() && (first.empty() || start < first)) first = start;
      last = std::max(last, end);
    }
  if (document.contains("entity"))
    for (const auto& [id, entity] : document["entity"].items()) {
      const std::string label = attribute(entity, "label");
      ++entities[label.empty() ? "unnamed" : label];
      if (software.empty()) software = attribute(entity, "software_version");
    }
  facts["activities"] = activities;
  facts["entities"] = entities;
  if (!first.empty()) facts["first_start"] = first;
  if (!last.empty()) facts["last_end"] = last;
  if (!software.empty()) facts["made_by"] = {{"software", software}};
  return finish(
      request, facts,
      {{"file", request.file.string()},
       {"level", "provenance document (W3C PROV-JSON)"},
       {"run", name_line(request.file)},
       {"activities", fmt::format("{} ({})", facts["activity"].dump(), counted(activities))},
       {"entities", fmt::format("{} ({})", facts["entity"].dump(), counted(entities))},
       {"time", first.empty() ? "" : first + " to " + last},
       {"made by", software}});
}

int show_journal(const Request& request) {
  const prov::Journals journals =
      prov::read_journals({request.file}, load_logger(request.cfg_folder));
  if (journals.records == 0)
    throw Error(ErrorKind::bad_input, "holds no provenance record", request.file.string(),
                "it is a text file of a kind that alisio show does not know");
  ordered_json facts;
  facts["file"] = request.file.string();
  facts["level"] = "provenance journal";
  facts["records"] = journals.records;
  facts["broken_lines"] = journals.broken_lines;
  std::map<std::string, std::size_t> activities;
  for (const prov::Line& line : journals.lines)
    if (line.record.is_object() && line.record.contains("startTime") &&
        line.record.contains("name") && line.record["name"].is_string())
      ++activities[line.record["name"].get<std::string>()];
  facts["started"] = activities;
  std::string span;
  if (!journals.lines.empty()) {
    facts["first_time_utc"] = journals.lines.front().time;
    facts["last_time_utc"] = journals.lines.back().time;
    span = fmt::format("{} to {} UTC", journals.lines.front().time, journals.lines.back().time);
  }
  return finish(request, facts,
                {{"file", request.file.string()},
                 {"level", "provenance journal"},
                 {"records", fmt::format("{}{}", journals.records,
                                         journals.broken_lines > 0
                                             ? fmt::format(" and {} broken", journals.broken_lines)
                                             : std::string())},
                 {"started", counted(activities)},
                 {"time", span}});
}

int show_json(const Request& request, const std::string& content) {
  const bool endless = prov::nested_too_deep(content);
  const ordered_json document = ordered_json::parse(endless ? "" : content, nullptr, false);
  if (document.is_discarded())
    throw Error(ErrorKind::bad_input,
                endless ? "is JSON that is nested deeper than any record"
                        : "begins as JSON but cannot be read as such",
                request.file.string(), "it is damaged or cut short: make it again");
  if (document.is_object() && document.contains("activity") && document.contains("entity"))
    return show_provenance_document(request, document);
  ordered_json facts;
  facts["file"] = request.file.string();
  add_name_facts(facts, request.file);
  const bool cleaning =
      document.is_object() && document.contains("tailcuts_clean_with_pedestal_threshold");
  facts["level"] = cleaning ? "cleaning levels" : "JSON";
  facts["configuration"] = document;
  return finish(request, facts,
                {{"file", request.file.string()},
                 {"level", cleaning ? "cleaning levels, a configuration of dl1ab" : "JSON"},
                 {"run", name_line(request.file)},
                 {"holds", configuration_line(document)}});
}

int show_html(const Request& request, const std::string& content) {
  ordered_json facts;
  facts["file"] = request.file.string();
  facts["level"] = "HTML page";
  const auto begin = content.find("<title>"), end = content.find("</title>");
  const std::string title = begin < end && end != std::string::npos
                                ? content.substr(begin + 7, end - begin - 7)
                                : std::string();
  facts["title"] = title;
  return finish(request, facts,
                {{"file", request.file.string()},
                 {"level", "HTML page, to be read in a browser"},
                 {"title", title}});
}

/// The long-term table as text: one run a line.
int show_long_term_text(const Request& request, const std::string& content) {
  ordered_json facts;
  facts["file"] = request.file.string();
  facts["level"] = "long-term table as text";
  facts["quantities"] = ordered_json::array();
  const std::string header = content.substr(0, content.find('\n'));
  for (std::size_t at = 0; at < header.size();) {
    const std::size_t end = std::min(header.find(',', at), header.size());
    facts["quantities"].push_back(header.substr(at, end - at));
    at = end + 1;
  }
  const auto runs = std::size_t(std::ranges::count(content, '\n')) - 1;
  facts["runs"] = runs;
  return finish(request, facts,
                {{"file", request.file.string()},
                 {"level", "long-term table as text"},
                 {"runs", std::to_string(runs)},
                 {"quantities", std::to_string(facts["quantities"].size())}});
}

}  // namespace

int show_text(const Request& request) {
  refuse_images(request, "holds no camera images", "give a DL1 file or raw data");
  const std::string content = read_text_file(request.file);
  const auto begins = [&](std::string_view head) {
    const auto at = content.find_first_not_of(" \t\r\n");
    return at != std::string::npos && std::string_view(content).substr(at).starts_with(head);
  };
  if (begins("# %ECSV")) {
    if (text::EcsvTable::read(request.file).has_column("run_type"))
      return show_run_summary(request);
    throw Error(ErrorKind::bad_input, "is an ECSV table, but no run summary", request.file.string(),
                "alisio show knows RunSummary_YYYYMMDD.ecsv");
  }
  if (begins("{") || begins("[")) return show_json(request, content);
  if (begins("<!DOCTYPE html") || begins("<!doctype html") || begins("<html"))
    return show_html(request, content);
  if (begins("runnumber,time [s],")) return show_long_term_text(request, content);
  return show_journal(request);
}

}  // namespace alisio::apps::show
