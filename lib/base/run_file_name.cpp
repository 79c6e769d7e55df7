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
      R"((?:(.*?)LST-(0|[1-9]\d{0,2})(?:\.(\d))?\.|(.*))Run(\d{1,9})(?:\.(\d{1,9}))?(|\D.*))");
  const std::string name = file.filename().string();
  std::smatch part;
  if (!std::regex_match(name, part, pattern)) return std::nullopt;
  const auto number = [](const std::ssub_match& digits) {
    return digits.matched ? std::optional(std::stoi(digits)) : std::nullopt;
  };
  const bool tells_telescope = part[2].matched;
  std::string kind = tells_telescope ? part[1] : part[4];
  const std::string_view separators = tells_telescope ? "_" : "_.";
  if (kind.size() > 1 && separators.find(kind.back()) != std::string_view::npos) kind.pop_back();
  return RunFileName{
      .kind = kind,
      .telescope = number(part[2]),
      .stream = number(part[3]),
      .run = *number(part[5]),
      .subrun = number(part[6]),
      .ending = part[7],
      .has_usual_digits = part[5].length() <= 6 && (!part[6].matched || part[6].length() == 4)};
}

}  // namespace alisio
