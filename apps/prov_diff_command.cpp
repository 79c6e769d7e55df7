#include <fmt/format.h>

#include <iostream>

#include "apps/command_line.hpp"
#include "apps/prov_command.hpp"
#include "apps/prov_ids.hpp"
#include "apps/prov_index.hpp"
#include "lib/base/error.hpp"
#include "prov/ask/diff.hpp"

namespace alisio::apps {

namespace po = boost::program_options;

namespace {

std::string or_nothing(const std::string& text) {
  return text.empty() ? "(nothing)" : text;
}

void print_diff(const prov::Diff& diff) {
  std::size_t kind = 0, key = 0;
  for (const auto& one : diff.differences) {
    kind = std::max(kind, one.kind.size());
    key = std::max(key, one.key.size());
  }
  std::string activity;
  for (const auto& one : diff.differences) {
    if (one.activity != activity) std::cout << one.activity << '\n';
    activity = one.activity;
    std::cout << fmt::format("  {:<{}}  {:<{}}  {} -> {}", one.kind, kind, one.key, key,
                             or_nothing(one.a), or_nothing(one.b));
    if (one.count > 1) std::cout << fmt::format("  ({} times)", one.count);
    std::cout << '\n';
  }
  std::cout << fmt::format("{} outputs equal, {} different\n", diff.outputs_equal,
                           diff.outputs_different);
}

}  // namespace

int prov_diff_command(const std::vector<std::string>& arguments, const Program& program) {
  std::vector<std::string> sides;
  po::options_description options("Options");
  options.add_options()("sides", po::value(&sides)->composing(),
                        "what is compared: two (the positional arguments)")(
      "json", "print the answer as JSON");
  options.add(index_options());
  po::positional_options_description positional;
  positional.add("sides", -1);
  const auto values = parse_arguments(
      arguments,
      {.name = "prov diff",
       .synopsis = "A B",
       .text =
           "Tell what differs between two productions of a run, or what made two files: software,\n"
           "parameters, configuration keys, environment, inputs by role, and outputs by their\n"
           "data; only what changed. A and B are RUN@PRODUCTION (11220@v0.1.0_v00), files,\n"
           "hashes or ids. Inputs that are outputs of the same run are told as outputs; the\n"
           "configuration file is told by the keys that differ. Exit code 7 if there is a\n"
           "difference.",
       .examples = "  alisio prov diff 11220@v0.1.0_v00 11220@v0.1.0_v01 --config alisio.yaml"},
      options, positional);
  if (!values) return 0;
  if (sides.size() != 2)
    throw Error(ErrorKind::usage, fmt::format("two things are compared, not {}", sides.size()),
                "alisio prov diff", "see --help");
  prov::Store store = open_index(*values, program);
  const prov::DiffSide a = prov::diff_side(store, sides[0], read_embedded_ids);
  const prov::DiffSide b = prov::diff_side(store, sides[1], read_embedded_ids);
  const prov::Diff diff = prov::diff(store, a, b);
  if (values->count("json") != 0)
    std::cout << prov::to_json(diff).dump(2) << '\n';
  else
    print_diff(diff);
  return diff.differences.empty() ? 0 : exit_code(ErrorKind::incomplete);
}

}  // namespace alisio::apps
