#include "apps/checked_options.hpp"

#include <fmt/format.h>

#include "lib/base/error.hpp"

namespace alisio::apps {

int number_option(const boost::program_options::variables_map& values, const char* name,
                  int least) {
  const int number = values[name].as<int>();
  if (number < least)
    throw Error(ErrorKind::usage, fmt::format("{} is too small a number", number),
                fmt::format("--{}", name), fmt::format("give {} or more", least));
  return number;
}

void refuse_own_input(const std::filesystem::path& output, const std::filesystem::path& input) {
  std::error_code absent;
  if (std::filesystem::equivalent(output, input, absent))
    throw Error(ErrorKind::usage, "would be replaced by what is made of it", output.string(),
                "name another file with --output");
}

}  // namespace alisio::apps
