#include "lib/night/observation.hpp"

#include <algorithm>
#include <map>
#include <sstream>

#include "lib/base/file.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

/// From an instant on, UTC unix s, the drive followed a source; an empty one: none.
struct Tracking {
  double start_s = 0;
  std::string source;
};

std::vector<Tracking> read_trackings(const fs::path& target_log) {
  std::vector<Tracking> trackings;
  std::istringstream log(read_text_file(target_log));
  for (std::string line; std::getline(log, line);) {
    std::istringstream words(line);
    double time_s = 0;
    std::string what, right_ascension, declination, name;
    if (!(words >> time_s >> what)) continue;
    if (what == "TrackStart" && words >> right_ascension >> declination) {
      std::getline(words >> std::ws, name);
      while (!name.empty() && (name.back() == ' ' || name.back() == '\r')) name.pop_back();
      trackings.push_back({time_s, name});
    } else if (what == "TrackEnd") {
      trackings.push_back({time_s, ""});
    }
  }
  std::stable_sort(trackings.begin(), trackings.end(),
                   [](const Tracking& a, const Tracking& b) { return a.start_s < b.start_s; });
  return trackings;
}

std::string source_at(const std::vector<Tracking>& trackings, double time_s) {
  constexpr double longest_wait_s = 600;
  std::string source;
  for (const Tracking& tracking : trackings) {
    if (tracking.start_s <= time_s) {
      source = tracking.source;
    } else {
      if (source.empty() && tracking.start_s <= time_s + longest_wait_s) source = tracking.source;
      if (!source.empty() || tracking.start_s > time_s + longest_wait_s) break;
    }
  }
  return source;
}

}  // namespace

std::vector<Observation> find_observations(const std::vector<RunEntry>& runs,
                                           const fs::path& target_log,
                                           const RunCatalogue& run_catalogue) {
  const std::vector<Tracking> trackings =
      target_log.empty() ? std::vector<Tracking>() : read_trackings(target_log);
  std::vector<Observation> observations;
  std::map<std::string, int> times;  // that a source was taken up
  std::string before;
  for (const RunEntry& run : runs) {
    if (run.type != "DATA") continue;
    std::string source;
    if (const auto known = run_catalogue.find(run.run); known != run_catalogue.end())
      source = known->second.source;
    else if (run.start_unix_s > 0)
      source = source_at(trackings, run.start_unix_s);
    else
      continue;
    // It becomes a part of a file name.
    for (char& c : source)
      if (c == '/' || c == '\\' || c == ' ' || static_cast<unsigned char>(c) < ' ') c = '_';
    if (!source.empty() && source.front() == '.') source.front() = '_';
    if (!source.empty() && source != before) {
      const int n = ++times[source];
      observations.push_back({n == 1 ? source : source + '_' + std::to_string(n), {}});
    }
    if (!source.empty()) observations.back().runs.push_back(run.run);
    before = source;
  }
  return observations;
}

}  // namespace alisio::night
