#include "calib/r0/stream_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <regex>
#include <string>

#include "lib/base/error.hpp"

namespace alisio::calib {
namespace fs = std::filesystem;
namespace {

struct StreamName {
  std::string before, after;  ///< of the stream's number
  int stream = 0;
  std::string run;
};

std::optional<StreamName> stream_name(const fs::path& file) {
  static const std::regex pattern(R"((LST-\d+\.)(\d{1,3})(\.Run(\d+)\.\d+.*\.fits\.fz))");
  std::smatch match;
  const std::string name = file.filename().string();
  if (!std::regex_match(name, match, pattern)) return std::nullopt;
  return StreamName{match[1], match[3], std::stoi(match[2]), match[4]};
}

}  // namespace

std::vector<fs::path> find_streams(const fs::path& file) {
  const auto name = stream_name(file);
  if (!name) return {file};
  const auto of = [&](int stream) {
    return file.parent_path() / (name->before + std::to_string(stream) + name->after);
  };
  constexpr int most_streams = 9, raw_streams = 4;
  int last = 1;
  for (int s = 2; s <= most_streams; ++s) {
    if (fs::exists(of(s))) last = s;
  }
  std::vector<fs::path> files;
  for (int s = 1; s <= last; ++s) {
    if (!fs::exists(of(s))) {
      throw Error(ErrorKind::missing_input, fmt::format("stream {} of the subrun is missing", s),
                  of(s).string(), "restore the file: without it the subrun would lose events");
    }
    files.push_back(of(s));
  }
  // Raw data have all streams or a quarter of the events is lost; gain-selected data have one,
  // which only the other subruns of the run can tell from raw data without streams 2 to 4.
  int expected = last == 1 ? 1 : std::max(last, raw_streams);
  if (last == 1) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(
             file.parent_path().empty() ? fs::path(".") : file.parent_path(), ignored)) {
      const auto other = stream_name(entry.path());
      if (other && other->before == name->before && other->run == name->run) {
        expected = std::max(expected, other->stream);
      }
    }
  }
  if (last < expected) {
    throw Error(ErrorKind::missing_input,
                fmt::format("the subrun has {} of {} streams", last, expected),
                of(last + 1).string(), "restore the file: without it the subrun would lose events");
  }
  return files;
}

fs::path next_subrun(const fs::path& file) {
  static const std::regex pattern(R"((LST-\d+\.\d+\.Run\d+\.)(\d{1,8})(.*\.fits\.fz))");
  std::smatch match;
  const std::string name = file.filename().string();
  if (!std::regex_match(name, match, pattern)) return {};
  const std::string subrun = match[2];
  return file.parent_path() / fmt::format("{}{:0{}d}{}", match[1].str(), std::stoi(subrun) + 1,
                                          subrun.size(), match[3].str());
}

std::vector<fs::path> following_subruns(const fs::path& file) {
  std::vector<fs::path> files;
  for (fs::path next = next_subrun(file); !next.empty() && fs::exists(next);
       next = next_subrun(next))
    files.push_back(next);
  return files;
}

}  // namespace alisio::calib
