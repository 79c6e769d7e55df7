#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>

#include "apps/command_line.hpp"
#include "apps/prov_command.hpp"
#include "apps/prov_ids.hpp"
#include "apps/prov_index.hpp"
#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"
#include "prov/ask/embedded.hpp"
#include "prov/ask/lineage.hpp"
#include "prov/ask/story.hpp"

namespace alisio::apps {

namespace po = boost::program_options;

namespace {

std::string of_run(const prov::StoredActivity& activity) {
  if (activity.run < 0) return activity.name;
  if (activity.subrun < 0)
    return fmt::format("{} of run {}", activity.name, run_text(activity.run));
  return fmt::format("{} of subrun {}.{}", activity.name, run_text(activity.run),
                     subrun_text(activity.subrun));
}

std::string joined(const nlohmann::json& words) {
  std::vector<std::string> texts;
  for (const nlohmann::json& word : words)
    texts.push_back(word.is_string() ? word.get<std::string>() : word.dump());
  return fmt::format("{}", fmt::join(texts, " "));
}

void print_fact(const std::string& name, const std::string& value) {
  if (!value.empty()) std::cout << fmt::format("{:<13} {}\n", name, value);
}

void print_files(const char* heading, const std::vector<prov::StoryFile>& files,
                 const prov::Story& story) {
  std::size_t width = 0;
  for (const prov::StoryFile& one : files) width = std::max(width, one.flow.role.size());
  if (!files.empty()) std::cout << heading << '\n';
  for (const prov::StoryFile& one : files) {
    std::string line = fmt::format("  {:<{}}  {}", one.flow.role, width,
                                   one.file.path.empty() ? one.file.name : one.file.path);
    if (one.maker) line += fmt::format("  <- {}", of_run(*one.maker));
    if (!one.flow.remark.empty()) line += fmt::format("  ({})", one.flow.remark);
    if (story.invalidations.contains(one.file.id)) line += "  (invalidated)";
    std::cout << line << '\n';
  }
}

/// Files that no activity made on record: raw data, or what came from elsewhere.
std::string without_maker(const prov::LineageStep& step) {
  std::string text;
  for (const prov::StoredEntity& file : step.products)
    text += (text.empty() ? "" : ", ") + (file.path.empty() ? file.name : file.path);
  return text.empty() ? "not on record" : text;
}

void print_lineage(const prov::Lineage& lineage) {
  std::cout << "came from\n";
  for (const prov::LineageStep& step : lineage.steps)
    std::cout << fmt::format("  {:{}}{}{}\n", "", 2 * step.depth,
                             step.activity.row == 0 ? without_maker(step) : of_run(step.activity),
                             step.told_above ? " (told above)" : "");
  std::cout << fmt::format("  {} activities, {} files and settings{}\n", lineage.activities,
                           lineage.entities, lineage.cut ? "; cut here, there are more" : "");
}

void print_story(const prov::Story& story) {
  if (story.subject.entity) {
    const prov::StoredEntity& file = *story.subject.entity;
    print_fact("file", file.path.empty() ? file.name : file.path);
    if (!story.subject.recognised.empty())
      print_fact("recognised", story.subject.recognised + ": the path is where it was made");
    print_fact("is", file.name);
    print_fact("sha256", file.sha256);
    print_fact("data hash", file.data_hash);
    print_fact("quality", file.quality);
    if (const auto found = story.invalidations.find(file.id); found != story.invalidations.end())
      print_fact("invalidated",
                 fmt::format("by {} of {}, {}: {}", found->second.action, found->second.author,
                             found->second.time, found->second.reason));
    if (story.subject.others > 0)
      print_fact("others", fmt::format("{} older records fit as well", story.subject.others));
  }
  if (!story.activity) {
    print_fact("made by", "nothing on record: it was found, not made");
    return;
  }
  const prov::StoredActivity& activity = *story.activity;
  print_fact("made by", of_run(activity));
  print_fact("activity", activity.id);
  print_fact("status", std::string(prov::to_string(activity.how)) +
                           (activity.message.empty() ? "" : ": " + activity.message));
  print_fact("time", activity.start + (activity.end.empty() ? "" : " to " + activity.end));
  print_fact("software", activity.software);
  print_fact("host",
             activity.host + (activity.operator_name.empty() ? "" : ", " + activity.operator_name));
  print_fact("production", activity.prod_id);
  if (activity.origin != "alisio") print_fact("records of", activity.origin);
  if (activity.parameters.is_object())
    for (const auto& [name, value] : activity.parameters.items())
      print_fact(name, value.is_string() ? value.get<std::string>() : value.dump());
  if (activity.command.is_array()) print_fact("command", joined(activity.command));
  print_files("used", story.used, story);
  print_files("generated", story.generated, story);
  for (const prov::Store::Note& note : story.notes)
    std::cout << fmt::format("note of {}, {}: {} (on {})\n", note.author, note.time, note.text,
                             note.about);
}

}  // namespace

int prov_show_command(const std::vector<std::string>& arguments, const Program& program) {
  po::options_description options("Options");
  options.add_options()("what", po::value<std::string>(),
                        "file, hash or id (the positional argument)")(
      "lineage", "list everything that it came from, to the raw data")("json",
                                                                       "print the answer as JSON");
  options.add(index_options());
  po::positional_options_description positional;
  positional.add("what", 1);
  const auto values = parse_arguments(
      arguments,
      {.name = "prov show",
       .synopsis = "FILE|HASH|ID [--config FILE]",
       .text = "Tell what made a file: the activity, its software, host, time, parameters and\n"
               "command, what it used and which activity made that, what the quality gates said,\n"
               "whether it was invalidated (discarded, cleaned), and what people noted. A file\n"
               "that moved is recognised by its content. HASH is a SHA-256 or a data hash, or its\n"
               "first 8 digits or more. Exit code 7 if nothing is on record.",
       .examples = "  alisio prov show DL2/20240115/v0.1.0_v00/dl2_LST-1.Run11220.0000.h5 \\\n"
                   "    --config alisio.yaml\n"
                   "  alisio prov show 4675788f8a9d --lineage --config alisio.yaml"},
      options, positional);
  if (!values) return 0;
  if (values->count("what") == 0)
    throw Error(ErrorKind::usage, "a file, a hash or an id is needed", "alisio prov show",
                "see --help");
  prov::Store store = open_index(*values, program);
  const prov::Story story = prov::tell(
      store, prov::find_subject(store, (*values)["what"].as<std::string>(), read_embedded_ids));
  if (values->count("json") != 0) {
    std::cout << prov::to_json(story).dump(2) << '\n';
    return 0;
  }
  print_story(story);
  if (values->count("lineage") != 0) print_lineage(prov::lineage(store, story.subject));
  return 0;
}

}  // namespace alisio::apps
