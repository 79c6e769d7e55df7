#include "apps/command_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/any.hpp>
#include <iostream>

#include "lib/base/error.hpp"
#include "lib/base/suggest.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace {

std::vector<std::string> long_names(const po::options_description& options) {
  std::vector<std::string> names;
  for (const auto& option : options.options()) names.push_back("--" + option->long_name());
  return names;
}

}  // namespace

std::optional<po::variables_map> parse_arguments(
    const std::vector<std::string>& arguments, const CommandHelp& help,
    const po::options_description& options, const po::positional_options_description& positional) {
  po::options_description all;
  all.add(options);
  po::options_description general("General options");
  general.add_options()("help,h", "say what this command does, and stop");
  all.add(general);
  const std::string where = "alisio " + help.name;
  po::variables_map values;
  try {
    // Guessing abbreviations would make a typing error run something else.
    const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    po::store(
        po::command_line_parser(arguments).options(all).positional(positional).style(style).run(),
        values);
    if (values.count("help") != 0) {
      std::cout << "Usage: alisio " << help.name << ' ' << help.synopsis << "\n\n"
                << help.text << "\n\n"
                << options << general
                << "Also: --log-level trace|debug|info|warning|error, --log-format text|json\n";
      if (!help.examples.empty()) std::cout << "\nExamples:\n" << help.examples << '\n';
      return std::nullopt;
    }
    // An empty shell variable is no wish for what happens without the option.
    for (const auto& [option, value] : values)
      if (const auto* text = boost::any_cast<std::string>(&value.value());
          text != nullptr && text->empty() && !value.defaulted() &&
          all.find(option, false).semantic()->min_tokens() > 0)
        throw Error(ErrorKind::usage, fmt::format("--{} is empty", option), where,
                    "give a value, or leave the option out");
    po::notify(values);
  } catch (const po::unknown_option& e) {
    const std::vector<std::string> names = long_names(all);
    std::string name = e.get_option_name();
    if (!name.starts_with("--")) name = "--" + name;
    throw Error(ErrorKind::usage, fmt::format("unknown option '{}'", e.get_option_name()), where,
                nearest_word(name, names).empty() ? "see --help" : suggestion(name, names));
  } catch (const po::error& e) {
    throw Error(ErrorKind::usage, e.what(), where, "see --help");
  }
  return values;
}

}  // namespace alisio::apps
