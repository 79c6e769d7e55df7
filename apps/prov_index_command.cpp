#include <fmt/format.h>

#include <iostream>

#include "apps/command_line.hpp"
#include "apps/prov_command.hpp"
#include "apps/prov_index.hpp"
#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"

namespace alisio::apps {

namespace po = boost::program_options;
namespace fs = std::filesystem;

int prov_index_command(const std::vector<std::string>& arguments, const Program& program) {
  const fs::path folder = program.cfg_folder / "provenance";
  po::options_description options("Options");
  options.add_options()("config", po::value<std::string>(),
                        "configuration file: says where journals and index are")(
      "index", po::value<std::string>(),
      "index to update: a file on a local disk, or postgresql://... (default: as configured)")(
      "journals", po::value<std::vector<std::string>>()->composing(),
      "journal, or folder of journals, instead of those of the products; may be given again")(
      "date", po::value<std::string>(), "journals of this night only: YYYYMMDD or YYYY-MM-DD")(
      "rebuild", "make the index anew")("json", "print what was done as JSON")(
      "definition", po::value<std::string>()->default_value((folder / "definition.yaml").string()),
      "provenance definition")(
      "logger", po::value<std::string>()->default_value((folder / "logger.yaml").string()),
      "logger configuration");
  const auto values = parse_arguments(
      arguments,
      {.name = "prov index",
       .synopsis = "[--config FILE] [--rebuild] [options]",
       .text =
           "Read what is new in the journals into the index that the questions ask (prov show,\n"
           "find, impact and so on). Journals are the truth: the index can be thrown away and\n"
           "made again. They are looked for in the folders log/journal below the products and\n"
           "the constants; where these are gone, the merged journals (*_prov.log) do. Journals\n"
           "that have not grown are passed over. The index must be on a local disk: SQLite\n"
           "cannot lock its files on a network disk; PostgreSQL serves several machines.",
       .examples =
           "  alisio prov index --config alisio.yaml\n"
           "  alisio prov index --journals DL1/20240115/v0.1.0_v00/log --index night.sqlite"},
      options);
  if (!values) return 0;
  const std::string place = index_place(*values);
  const bool rebuild = values->count("rebuild") != 0;
  std::string date;
  if (values->count("date") != 0)
    date = NightDate::parse((*values)["date"].as<std::string>()).compact();
  if (rebuild && !date.empty())
    throw Error(ErrorKind::usage, "--rebuild needs the journals of all nights", "--date",
                "leave out one of the two");
  auto sources = paths_option(*values, "journals");
  if (sources.empty()) sources = find_journals(*values, date);
  const auto definition = prov::Definition::load((*values)["definition"].as<std::string>());
  const auto logger = prov::LoggerConfiguration::load((*values)["logger"].as<std::string>());
  if (sources.empty())
    throw Error(ErrorKind::missing_input, "there are no journals",
                date.empty() ? "alisio prov index" : "night " + date,
                "give --config or --journals");
  const prov::IndexReport report =
      rebuild
          ? prov::Store::rebuild(place, sources, definition, logger)
          : prov::Store::open(place, prov::StoreMode::update).index(sources, definition, logger);
  if (values->count("config") != 0) {
    prov::Store moved = prov::Store::open(place, prov::StoreMode::update);
    move_roots(moved, config::Configuration::load({(*values)["config"].as<std::string>()}));
  }
  if (values->count("json") != 0) {
    std::cout << nlohmann::json{{"index", prov::without_password(place)},
                                {"journals", report.journals},
                                {"unchanged", report.unchanged},
                                {"activities", report.activities},
                                {"entities", report.entities},
                                {"flows", report.flows},
                                {"broken_lines", report.broken_lines},
                                {"notes", report.notes}}
                     .dump(2)
              << '\n';
    return 0;
  }
  std::cout << fmt::format(
      "{}: {} journals read, {} unchanged; {} activities, {} entities, {} uses and generations new",
      prov::without_password(place), report.journals, report.unchanged, report.activities,
      report.entities, report.flows);
  if (report.broken_lines > 0) std::cout << fmt::format("; {} broken lines", report.broken_lines);
  std::cout << '\n';
  for (const std::string& note : report.notes) std::cerr << note << '\n';
  return 0;
}

}  // namespace alisio::apps
