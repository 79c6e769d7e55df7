#include "lib/night/growing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"
#include "lib/io/fits/header.hpp"
#include "lib/night/state.hpp"

namespace alisio::night {
namespace {

constexpr double least_patience_s = 600;

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

int leave_out_growing(Catalogue& catalogue, double settle_s, double now_unix_s) {
  int left_out = 0;
  bool later_run = false;
  for (auto run = catalogue.runs.rbegin(); run != catalogue.runs.rend(); ++run) {
    if (run->subruns.empty()) continue;
    // Files of a run that has ended are closed, but they may be on their way to here.
    if (!has_settled(run->subruns.back(), later_run ? 0 : settle_s, now_unix_s)) {
      catalogue.notes.push_back(
          fmt::format("subrun {} of run {} is being written: it is left to a later pass",
                      subrun_text(run->subruns.back().subrun), run_text(run->run)));
      run->subruns.pop_back();
      ++left_out;
    }
    later_run = true;
  }
  return left_out;
}

}  // namespace alisio::night
