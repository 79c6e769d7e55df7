#include <fmt/format.h>

#include <iostream>

#include "apps/command_line.hpp"
#include "apps/prov_command.hpp"
#include "apps/prov_ids.hpp"
#include "apps/prov_index.hpp"
#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"
#include "lib/night/file_parts.hpp"
#include "prov/ask/check.hpp"

namespace alisio::apps {

namespace po = boost::program_options;

namespace {

/// As many gaps of one kind are printed.
constexpr std::size_t printed_of_a_kind = 20;

void print_report(const prov::CheckReport& report) {
  std::string kind;
  std::size_t of_kind = 0;
  for (const auto& gap : report.gaps) {
    if (gap.kind != kind) {
      if (of_kind > printed_of_a_kind)
        std::cout << fmt::format("  and {} more\n", of_kind - printed_of_a_kind);
      kind = gap.kind;
      of_kind = 0;
      std::cout << kind << '\n';
    }
    if (++of_kind > printed_of_a_kind) continue;
    std::cout << "  " << gap.about;
    if (!gap.detail.empty()) std::cout << fmt::format(" ({})", gap.detail);
    std::cout << fmt::format(": {} product{}\n", gap.products, gap.products == 1 ? "" : "s");
  }
  if (of_kind > printed_of_a_kind)
    std::cout << fmt::format("  and {} more\n", of_kind - printed_of_a_kind);
  std::cout << fmt::format(
      "{} products of {} activities from {} inputs: {}\n", report.products, report.activities,
      report.inputs,
      report.gaps.empty() ? "all can be made again" : fmt::format("{} gaps", report.gaps.size()));
}

}  // namespace

int prov_check_command(const std::vector<std::string>& arguments, const Program& program) {
  po::options_description options("Options");
  options.add_options()("night", po::value<std::string>(),
                        "this night only: YYYYMMDD or YYYY-MM-DD")("json",
                                                                   "print the answer as JSON");
  options.add(index_options());
  const auto values = parse_arguments(
      arguments,
      {.name = "prov check",
       .synopsis = "[--night DATE]",
       .text =
           "Ask whether what was made can be made again: each product has a successful activity\n"
           "with its command, configuration and environment on record, the software is known\n"
           "and had no changes beside its commit, each input is where it was with the content\n"
           "that it had (hashed only if its file was modified since; of a drive log or run\n"
           "summary that went on, what was taken of it), and no product stands there without a\n"
           "record. Prints the gaps; exits 7 if there is one.",
       .examples = "  alisio prov check --night 20240115 --config alisio.yaml"},
      options);
  if (!values) return 0;
  std::string night;
  if (values->count("night") != 0)
    night = NightDate::parse((*values)["night"].as<std::string>()).compact();
  prov::Store store = open_index(*values, program);
  const prov::CheckReport report =
      prov::check(store, night, read_embedded_ids, night::part_reader());
  if (values->count("json") != 0)
    std::cout << prov::to_json(report).dump(2) << '\n';
  else
    print_report(report);
  return report.gaps.empty() ? 0 : exit_code(ErrorKind::incomplete);
}

}  // namespace alisio::apps
