#include "lib/io/text/drive_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <sstream>
#include <string_view>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"
#include "lib/io/text/log_part.hpp"

namespace alisio::text {
namespace fs = std::filesystem;
namespace {

struct ThreeColumns {
  std::vector<double> first, second, third;
};

/// Where the numbers stand in the lines of a log: words in all, and the positions of time, azimuth
/// and zenith angle.
struct LineFormat {
  std::size_t words, time, azimuth, zenith;
};
/// Logs since late 2022: three numbers.
constexpr LineFormat three_numbers{3, 0, 1, 2};
/// Before: "Tue Feb 18 20:13:02 2020 <time> Az <mean> <min> <max> <std> El <mean> <min> <max> <std>
/// Ra <deg> Dec <deg>", where El is followed by zenith angles.
constexpr LineFormat early_positions{20, 5, 7, 12};
/// "Tue Feb 18 20:13:02 2020 <time> Az <correction> El <correction>".
constexpr LineFormat early_corrections{10, 5, 7, 9};

constexpr std::string_view part_word = "span ";

std::vector<std::string_view> words_of(std::string_view line) {
  constexpr std::string_view blank = " \t\r";
  std::vector<std::string_view> words;
  for (std::size_t at = line.find_first_not_of(blank); at != line.npos;) {
    const std::size_t end = std::min(line.find_first_of(blank, at), line.size());
    words.push_back(line.substr(at, end - at));
    at = line.find_first_not_of(blank, end);
  }
  return words;
}

/// Read a log in the format of its first line.
/// @param early  what a line of the log looked like before late 2022.
ThreeColumns read_three_columns(const fs::path& file, const LineFormat& early) {
  const std::string content = read_text_file(file);
  ThreeColumns columns;
  const LineFormat* format = nullptr;
  std::size_t line = 0;
  for (std::size_t at = 0; at < content.size();) {
    const std::size_t end = std::min(content.find('\n', at), content.size());
    const auto words = words_of(std::string_view(content).substr(at, end - at));
    at = end + 1;
    ++line;
    if (words.empty()) continue;
    if (format == nullptr) format = words.size() == early.words ? &early : &three_numbers;
    const auto bad = [&] {
      return Error(ErrorKind::bad_input,
                   format == &early ? "is no line of a drive log of before late 2022"
                                    : "expected three numbers: time, azimuth, zenith",
                   fmt::format("{}:{}", file.string(), line));
    };
    if (words.size() != format->words) throw bad();
    const auto number = [&](std::size_t position) {
      double value = 0;
      const std::string_view word = words[position];
      const auto [stop, problem] = std::from_chars(word.data(), word.data() + word.size(), value);
      if (problem != std::errc() || stop != word.data() + word.size()) throw bad();
      return value;
    };
    columns.first.push_back(number(format->time));
    columns.second.push_back(number(format->azimuth));
    columns.third.push_back(number(format->zenith));
  }
  return columns;
}

/// Lines can be out of order where two sources of the report overlap; the peers sort them too.
std::vector<std::size_t> order_of(const std::vector<double>& times) {
  std::vector<std::size_t> order(times.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return times[a] < times[b]; });
  return order;
}

fs::path existing(const fs::path& file) {
  return is_there(file) ? file : fs::path();
}

/// The log of another kind that lies beside a DrivePosition log.
fs::path sibling(const fs::path& drive_log, const std::string& prefix) {
  const std::string name = drive_log.filename().string();
  const std::size_t date = name.rfind('_');
  if (date == std::string::npos || name.starts_with("drive_log_")) return {};
  const fs::path file = drive_log.parent_path() / (prefix + name.substr(date));
  return file == drive_log ? fs::path() : existing(file);
}

}  // namespace

fs::path drive_log_of(const fs::path& folder, const NightDate& date) {
  const fs::path now = existing(folder / fmt::format("DrivePosition_log_{}.txt", date.compact()));
  if (!now.empty()) return now;
  return existing(folder / fmt::format("drive_log_{:02}_{:02}_{:02}.txt", date.year % 100,
                                       date.month, date.day));
}

fs::path bending_log_of(const fs::path& drive_log) {
  const std::string name = drive_log.filename().string();
  if (name.starts_with("drive_log_"))
    return existing(drive_log.parent_path() / ("bendingmodelcorrection" + name.substr(5)));
  return sibling(drive_log, "BendingModelCorrection_log");
}
fs::path target_log_of(const fs::path& drive_log) {
  return sibling(drive_log, "Target_log");
}

DriveLog read_drive_log(const fs::path& file) {
  ThreeColumns positions = read_three_columns(file, early_positions);
  DriveLog log;
  log.file = file;
  log.bending_file = bending_log_of(file);
  if (!log.bending_file.empty()) {
    const ThreeColumns bending = read_three_columns(log.bending_file, early_corrections);
    const std::size_t n = std::min(positions.first.size(), bending.first.size());
    positions.first.resize(n);
    positions.second.resize(n);
    positions.third.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
      if (positions.first[i] != bending.first[i])
        throw Error(ErrorKind::bad_input,
                    "the times differ from those of " + file.filename().string(),
                    fmt::format("{}:{}", log.bending_file.string(), i + 1),
                    "remove or mend the bending log");
      positions.second[i] += bending.second[i];
      positions.third[i] += bending.third[i];
    }
  }
  if (positions.first.empty())
    throw Error(ErrorKind::bad_input, "holds no positions", file.string());
  for (const std::size_t i : order_of(positions.first)) {
    log.time.push_back(positions.first[i]);
    log.azimuth.push_back(positions.second[i]);
    log.altitude.push_back(90.0 - positions.third[i]);
  }
  return log;
}

Pointing pointing_at(const DriveLog& log, double t) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  if (!(t >= log.time.front() && t <= log.time.back())) return {nan, nan};
  constexpr double to_rad = std::numbers::pi / 180;
  const auto after = std::upper_bound(log.time.begin(), log.time.end(), t);
  const std::size_t i = std::size_t(after - log.time.begin()) - 1;
  if (i + 1 == log.time.size()) return {log.altitude[i] * to_rad, log.azimuth[i] * to_rad};
  const auto interpolate = [&](double y0, double y1) {
    const double slope = (y1 - y0) / (log.time[i + 1] - log.time[i]);
    return slope * (t - log.time[i]) + y0;
  };
  double next_azimuth = log.azimuth[i + 1];
  if (next_azimuth - log.azimuth[i] > 180) next_azimuth -= 360;
  if (next_azimuth - log.azimuth[i] < -180) next_azimuth += 360;
  double azimuth = interpolate(log.azimuth[i], next_azimuth);
  const bool crossed = next_azimuth != log.azimuth[i + 1];
  if (crossed) azimuth = std::fmod(azimuth + 360, 360);
  return {interpolate(log.altitude[i], log.altitude[i + 1]) * to_rad, azimuth * to_rad};
}

LogSamples read_log_samples(const fs::path& file) {
  const std::string name = file.filename().string();
  const bool bending =
      name.starts_with("BendingModelCorrection_log") || name.starts_with("bendingmodelcorrection");
  ThreeColumns columns = read_three_columns(file, bending ? early_corrections : early_positions);
  LogSamples log;
  for (const std::size_t i : order_of(columns.first)) {
    log.time.push_back(columns.first[i]);
    log.azimuth.push_back(columns.second[i]);
    log.zenith.push_back(columns.third[i]);
  }
  return log;
}

std::string log_part(const LogSamples& log, double from, double to) {
  const auto begin = log.time.begin(), end = log.time.end();
  auto first = std::upper_bound(begin, end, from);
  if (first != begin) --first;
  auto last = std::upper_bound(begin, end, to);
  if (last != end) ++last;
  std::string samples;
  for (auto time = first; time < last; ++time) {
    const auto i = static_cast<std::size_t>(time - begin);
    samples += fmt::format("{} {} {}\n", log.time[i], log.azimuth[i], log.zenith[i]);
  }
  return fmt::format("{}{} {} {}", part_word, from, to, hash_text(samples));
}

std::string log_part_like(const LogSamples& log, const std::string& other) {
  std::istringstream words(other);
  std::string word;
  double from = 0, to = 0;
  if (!(words >> word >> from >> to)) throw Error(ErrorKind::bug, "is no part of a log", other);
  return log_part(log, from, to);
}

bool is_log_part(const std::string& text) {
  return text.starts_with(part_word);
}

}  // namespace alisio::text
