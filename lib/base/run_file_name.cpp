#include "lib/base/run_file_name.hpp"

#include <algorithm>
#include <regex>

namespace alisio {

bool RunFileName::ends_in_any_of(std::initializer_list<std::string_view> endings) const {
  return std::ranges::find(endings, ending) != endings.end();
}

bool RunFileName::is_raw_data_of(int telescope_number) const {
  return kind.empty() && telescope == telescope_number && stream && subrun &&
         ending.ends_with(".fits.fz");
}

std::optional<RunFileName> parse_run_file_name(const std::filesystem::path& file) {
  static const std::regex pattern(
      R"((.*?)[._]?(?:LST-(\d{1,3})(?:\.(\d{1,3}))?)?[._]?Run(\d{1,9})(?:\.(\d{1,9}))?(|\D.*))");
  const std::string name = file.filename().string();
  std::smatch part;
  if (!std::regex_match(name, part, pattern)) return std::nullopt;
  const auto number = [](const std::ssub_match& digits) {
    return digits.matched ? std::optional(std::stoi(digits)) : std::nullopt;
  };
  return RunFileName{.kind = part[1],
                     .telescope = number(part[2]),
                     .stream = number(part[3]),
                     .run = *number(part[4]),
                     .subrun = number(part[5]),
                     .ending = part[6]};
}

}  // namespace alisio
