#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <map>

#include "apps/checked_options.hpp"
#include "apps/command_line.hpp"
#include "apps/prov_command.hpp"
#include "apps/prov_filter.hpp"
#include "apps/prov_ids.hpp"
#include "apps/prov_index.hpp"
#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/suggest.hpp"
#include "prov/ask/embedded.hpp"
#include "prov/ask/invalidated.hpp"
#include "prov/ask/walk_document.hpp"
#include "prov/export/json_lines.hpp"
#include "prov/export/prov_n.hpp"
#include "prov/export/prov_xml.hpp"
#include "prov/export/public_document.hpp"
#include "prov/export/ro_crate.hpp"
#include "prov/export/statements.hpp"
#include "prov/export/votable.hpp"
#include "prov/graph.hpp"

namespace alisio::apps {

namespace po = boost::program_options;
namespace fs = std::filesystem;

namespace {

struct Format {
  const char* extension;  ///< of a file in this form, by which it may be chosen
  std::string (*write)(const std::string& document);
};

const std::map<std::string, Format>& formats() {
  static const std::map<std::string, Format> all{
      {"json",
       {".json",
        [](const std::string& text) {
          static_cast<void>(prov::statements_of(text));  // refuses what is none
          return text;
        }}},
      {"provn", {".provn", [](const std::string& text) { return prov::to_prov_n(text); }}},
      {"xml", {".xml", [](const std::string& text) { return prov::to_prov_xml(text); }}},
      {"votable", {".vot", [](const std::string& text) { return prov::to_votable(text); }}},
      {"ro-crate",
       {"ro-crate-metadata.json", [](const std::string& text) { return prov::to_ro_crate(text); }}},
      {"jsonl", {".jsonl", [](const std::string& text) { return prov::to_json_lines(text); }}},
      {"svg", {".svg", [](const std::string& text) { return prov::draw(text, true, false).svg; }}},
      {"pdf", {".pdf", [](const std::string& text) { return prov::draw(text, false, true).pdf; }}}};
  return all;
}

/// The form that was asked for, by name or by the output's name.
const Format& format_of(const po::variables_map& values) {
  std::vector<std::string> names;
  for (const auto& [name, format] : formats()) names.push_back(name);
  if (values.count("format") != 0) {
    const std::string wanted = values["format"].as<std::string>();
    const auto found = formats().find(wanted);
    if (found == formats().end())
      throw Error(ErrorKind::usage, fmt::format("unknown format '{}'", wanted),
                  "alisio prov export", suggestion(wanted, names));
    return found->second;
  }
  if (values.count("output") != 0) {
    const std::string output = values["output"].as<std::string>();
    // "ro-crate-metadata.json" ends with ".json" too: the longest fits best.
    const Format* best = nullptr;
    for (const auto& [name, format] : formats())
      if (output.ends_with(format.extension) &&
          (best == nullptr ||
           std::string_view(format.extension).size() > std::string_view(best->extension).size()))
        best = &format;
    if (best != nullptr) return *best;
    throw Error(ErrorKind::usage, "its name does not tell a format", output, "give --format");
  }
  return formats().at("json");
}

/// The file to write; a crate is a folder with a file of a fixed name.
fs::path file_of(const std::string& output, const Format& format) {
  std::error_code problem;
  if (&format != &formats().at("ro-crate") ||
      (!output.ends_with('/') && !fs::is_directory(output, problem)))
    return output;
  return fs::path(output) / format.extension;
}

prov::Walk walk_of(prov::Store& store, const prov::Subject& subject, const std::string& direction,
                   int depth) {
  const prov::WalkLimits limits{depth, 50000};
  std::vector<prov::Row> entities, activities;
  if (subject.entity)
    entities.push_back(subject.entity->row);
  else if (subject.activity)
    activities.push_back(subject.activity->row);
  const auto walk = [&](prov::Direction way) {
    return store.walk(entities, activities, way, limits, prov::Detail::full);
  };
  if (direction == "back") return walk(prov::Direction::back);
  if (direction == "forth") return walk(prov::Direction::forth);
  if (direction == "both")
    return prov::joined(walk(prov::Direction::back), walk(prov::Direction::forth));
  throw Error(ErrorKind::usage, fmt::format("unknown direction '{}'", direction),
              "alisio prov export", "choose back, forth or both");
}

}  // namespace

int prov_export_command(const std::vector<std::string>& arguments, const Program& program) {
  po::options_description options("Options");
  options.add_options()("what", po::value<std::string>(),
                        "document (*_prov.json), file, hash or id (the positional argument)")(
      "format,f", po::value<std::string>(),
      "json, provn, xml, votable, ro-crate, jsonl, svg or pdf; by default what the output's name "
      "ends with, without an output json")("output,o", po::value<std::string>(),
                                           "file to write (default: standard output)")(
      "direction", po::value<std::string>(),
      "from a file: back to what it came from (default), forth to what came from it, or both")(
      "model", po::value<std::string>()->default_value("w3c"),
      "w3c: parameters are used entities; ivoa: activities are configured by them")(
      "public", "leave out accounts, hosts, environments and absolute paths");
  options.add(filter_options());
  options.add(index_options());
  po::positional_options_description positional;
  positional.add("what", 1);
  const auto values = parse_arguments(
      arguments,
      {.name = "prov export",
       .synopsis = "DOCUMENT|FILE|HASH|ID [--format NAME] [-o FILE] [options]",
       .text =
           "Tell a document that `prov merge` wrote, or what the index knows of a file or an\n"
           "activity, in another form: W3C PROV-JSON, PROV-N and PROV-XML, drawings (SVG, PDF),\n"
           "IVOA's provenance classes as VOTable, an RO-Crate (Process Run Crate), or JSON Lines\n"
           "with one self-contained object an activity, as document stores take them. What was\n"
           "discarded or cleaned is told as invalidated by that action and whoever did it.\n"
           "Filters are those of `prov merge`.",
       .examples = "  alisio prov export DL2/20240115/v0.1.0_v00/dl2_LST-1.Run11220.0000.h5 \\\n"
                   "    --config alisio.yaml --public -o dl2_prov.xml\n"
                   "  alisio prov export night_20240115_prov.json --format jsonl -o night.jsonl"},
      options, positional);
  if (!values) return 0;
  if (values->count("what") == 0)
    throw Error(ErrorKind::usage, "a document, a file, a hash or an id is needed",
                "alisio prov export", "see --help");
  const Format& format = format_of(*values);
  const std::string what = (*values)["what"].as<std::string>();
  const std::string model = (*values)["model"].as<std::string>();
  if (model != "w3c" && model != "ivoa")
    throw Error(ErrorKind::usage, fmt::format("unknown model '{}'", model), "alisio prov export",
                "choose w3c or ivoa");
  prov::Filter filter = filter_of(*values, "prov export");
  std::string document;
  if (std::error_code problem; what.ends_with("_prov.json") && fs::exists(what, problem)) {
    if (values->count("direction") != 0)
      throw Error(ErrorKind::usage, "a document is told as it is", "--direction",
                  "leave it out, or name a file that is on record");
    document = read_text_file(what);
  } else {
    prov::Store store = open_index(*values, program);
    const prov::Walk walk =
        walk_of(store, prov::find_subject(store, what, read_embedded_ids),
                values->count("direction") != 0 ? (*values)["direction"].as<std::string>() : "back",
                filter.depth);
    filter.depth = -1;
    if (!walk.cut_entities.empty() || !walk.cut_activities.empty())
      std::cerr << fmt::format(
          "alisio prov export: cut after {} activities and {} files, there are more\n",
          walk.activities.size(), walk.entities.size());
    const auto definition =
        prov::Definition::load(program.cfg_folder / "provenance/definition.yaml");
    document =
        prov::document_of(walk, {.ivoa = model == "ivoa",
                                 .invalidations = prov::find_invalidations(store, walk.entities),
                                 .definition = &definition});
  }
  const fs::path output =
      values->count("output") != 0 ? file_of((*values)["output"].as<std::string>(), format) : "";
  refuse_own_input(output, what);
  try {
    if (!filter.passes_all()) document = prov::filtered(document, filter);
    if (values->count("public") != 0) document = prov::public_document(document);
    const std::string text = format.write(document);
    if (!output.empty())
      write_file_atomically(output, text);
    else
      std::cout << text;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_input || !error.where().empty()) throw;
    throw Error(error.kind(), error.problem(), what, error.remedy());
  }
  return 0;
}

}  // namespace alisio::apps
