#include "lib/io/text/drive_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"

namespace alisio::text {
namespace fs = std::filesystem;
namespace {

struct ThreeColumns {
  std::vector<double> first, second, third;
};

ThreeColumns read_three_columns(const fs::path& file) {
  const std::string content = read_text_file(file);
  ThreeColumns columns;
  const char* at = content.data();
  const char* const end = at + content.size();
  for (std::size_t line = 1; at < end; ++line) {
    const char* const stop = std::find(at, end, '\n');
    double values[3];
    int n = 0;
    while (at < stop) {
      if (*at == ' ' || *at == '\t' || *at == '\r') {
        ++at;
        continue;
      }
      double value = 0;
      const auto [next, problem] = std::from_chars(at, stop, value);
      if (problem != std::errc() || n == 3)
        throw Error(ErrorKind::bad_input, "expected three numbers: time, azimuth, zenith",
                    fmt::format("{}:{}", file.string(), line));
      values[n++] = value;
      at = next;
    }
    at = stop + 1;
    if (n == 0) continue;
    if (n != 3)
      throw Error(ErrorKind::bad_input, "expected three numbers: time, azimuth, zenith",
                  fmt::format("{}:{}", file.string(), line));
    columns.first.push_back(values[0]);
    columns.second.push_back(values[1]);
    columns.third.push_back(values[2]);
  }
  return columns;
}

fs::path sibling(const fs::path& drive_log, const std::string& prefix) {
  const std::string name = drive_log.filename().string();
  const std::size_t date = name.rfind('_');
  if (date == std::string::npos) return {};
  const fs::path file = drive_log.parent_path() / (prefix + name.substr(date));
  return fs::exists(file) && file != drive_log ? file : fs::path();
}

}  // namespace

fs::path bending_log_of(const fs::path& drive_log) {
  return sibling(drive_log, "BendingModelCorrection_log");
}
fs::path target_log_of(const fs::path& drive_log) {
  return sibling(drive_log, "Target_log");
}

DriveLog read_drive_log(const fs::path& file) {
  ThreeColumns positions = read_three_columns(file);
  DriveLog log;
  log.file = file;
  log.bending_file = bending_log_of(file);
  if (!log.bending_file.empty()) {
    const ThreeColumns bending = read_three_columns(log.bending_file);
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
  // Lines can be out of order where two sources of the report overlap; the peers sort them too.
  std::vector<std::size_t> order(positions.first.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return positions.first[a] < positions.first[b];
  });
  for (const std::size_t i : order) {
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

}  // namespace alisio::text
