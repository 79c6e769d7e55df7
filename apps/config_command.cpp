#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>

#include "apps/command_line.hpp"
#include "apps/commands.hpp"
#include "lib/base/log.hpp"
#include "lib/config/configuration.hpp"
#include "lib/config/options.hpp"

namespace alisio::apps {
namespace po = boost::program_options;

int run_config_command(const std::vector<std::string>& arguments, const Program&) {
  po::options_description options("Options");
  options.add_options()("config", po::value<std::vector<std::string>>()->composing(),
                        "configuration file, YAML or JSON; may be given again, later ones win")(
      "set", po::value<std::vector<std::string>>()->composing(),
      "one value, key=value; may be given again")(
      "help-keys", "list every key with its unit, default and meaning");
  const auto values = parse_arguments(
      arguments,
      {.name = "config",
       .synopsis = "[--config FILE]... [--set KEY=VALUE]... [--help-keys]",
       .text = "Check configuration files and print what they amount to, as JSON.",
       .examples = "  alisio config --help-keys\n  alisio config --config alisio.yaml"},
      options);
  if (!values) return 0;
  if (values->count("help-keys") != 0) {
    std::cout << config::options_as_text();
    return 0;
  }
  const auto list = [&](const char* name) {
    return values->count(name) != 0 ? (*values)[name].as<std::vector<std::string>>()
                                    : std::vector<std::string>();
  };
  const auto names = list("config");
  const auto configuration = config::Configuration::load({names.begin(), names.end()}, list("set"));
  for (const config::Difference& d : configuration.differences())
    spdlog::warn("{}: {} ({}); refused by {}", d.where, d.problem, d.remedy,
                 fmt::join(d.stages, ", "));
  std::cout << configuration.all().dump(2) << '\n';
  return 0;
}

}  // namespace alisio::apps
