#include "lib/night/growing.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>

#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"
#include "lib/io/fits/header.hpp"
#include "lib/night/state.hpp"

namespace alisio::night {
namespace {

constexpr double least_patience_s = 600;

/// Tell whether a file of a subrun has come within the last `seconds`. Copies keep the time of the
/// last writing, so that the time of the inode counts.
bool has_come_within(const SubrunFiles& subrun, double seconds, double now_unix_s) {
  return std::any_of(
      subrun.streams.begin(), subrun.streams.end(), [&](const std::filesystem::path& file) {
        struct stat facts {};
        return ::stat(file.c_str(), &facts) == 0 &&
               std::abs(now_unix_s - static_cast<double>(facts.st_ctim.tv_sec)) < seconds;
      });
}

}  // namespace

bool is_whole_fits(const std::filesystem::path& file) {
  try {
    static_cast<void>(fits::read_hdus(fits::ByteSource::open(file)));
    return true;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::bad_input || error.kind() == ErrorKind::missing_input)
      return false;
    throw;
  }
}

bool has_settled(const SubrunFiles& subrun, double settle_s, double now_unix_s) {
  const double patience_s = std::max(least_patience_s, 10 * settle_s);
  return std::all_of(
      subrun.streams.begin(), subrun.streams.end(), [&](const std::filesystem::path& file) {
        const auto stamp = stamp_of(file);
        if (!stamp) return false;
        const double age_s = now_unix_s - static_cast<double>(stamp->mtime_ns) * 1e-9;
        if (age_s > patience_s) return true;
        return std::abs(age_s) >= settle_s && is_whole_fits(file);
      });
}

Growing leave_out_growing(Catalogue& catalogue, double settle_s, double now_unix_s) {
  Growing growing;
  bool later_run = false;
  for (auto run = catalogue.runs.rbegin(); run != catalogue.runs.rend(); ++run) {
    if (run->subruns.empty()) continue;
    // Files of a run that has ended are closed, but they may be on their way to here.
    if (!has_settled(run->subruns.back(), later_run ? 0 : settle_s, now_unix_s)) {
      catalogue.notes.push_back(
          fmt::format("subrun {} of run {} is being written: it is left to a later pass",
                      subrun_text(run->subruns.back().subrun), run_text(run->run)));
      run->subruns.pop_back();
      ++growing.subruns;
      growing.runs.insert(run->run);
    } else if (!later_run &&
               has_come_within(run->subruns.back(), quiet_settlings * settle_s, now_unix_s)) {
      growing.runs.insert(run->run);
    }
    later_run = true;
  }
  return growing;
}

}  // namespace alisio::night
