#include "lib/daemon/doctor_clock.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <optional>

#include "lib/base/error.hpp"
#include "lib/io/text/drive_log.hpp"
#include "lib/night/words.hpp"

namespace alisio::daemon {
namespace fs = std::filesystem;
namespace {

constexpr double most_difference_s = 2;
constexpr int nights_looked_back = 7;
constexpr double noon_s = 43200, day_s = 86400;

/// Something that another machine has stamped.
struct Stamp {
  std::string what;
  double unix_s = 0;
};

Finding compared(const char* check, const Stamp& stamp, double now_unix_s, const char* remedy) {
  const double ahead_s = stamp.unix_s - now_unix_s;
  if (ahead_s > most_difference_s)
    return {check, Health::warn,
            fmt::format("{} is {} ahead of this clock", stamp.what, night::duration_text(ahead_s)),
            remedy};
  return {check, Health::ok,
          fmt::format("{} is {} old", stamp.what, night::duration_text(ahead_s < 0 ? -ahead_s : 0)),
          ""};
}

/// Return the raw file that was written last; nothing if there is none.
std::optional<Stamp> newest_file(const fs::path& folder) {
  std::optional<Stamp> newest;
  std::error_code problem;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, problem)) {
    struct stat facts {};
    if (!entry.path().filename().string().ends_with(".fits.fz") ||
        ::stat(entry.path().c_str(), &facts) != 0)
      continue;
    const double written = static_cast<double>(facts.st_mtim.tv_sec) +
                           static_cast<double>(facts.st_mtim.tv_nsec) * 1e-9;
    if (!newest || written > newest->unix_s)
      newest = Stamp{entry.path().filename().string(), written};
  }
  return newest;
}

/// Return a night and those before it, the latest first.
std::vector<NightDate> nights_up_to(const NightDate& night) {
  std::vector<NightDate> nights;
  const double noon = night::unix_seconds(night.iso() + "T00:00:00") + noon_s;
  for (int day = 0; day <= nights_looked_back; ++day)
    nights.push_back(NightDate::of_unix_utc(noon + 1 - day * day_s));
  return nights;
}

}  // namespace

std::vector<Finding> examine_stamps(const config::Configuration& configuration,
                                    const NightDate& night, double now_unix_s) {
  std::vector<Finding> findings;
  for (const NightDate& date : nights_up_to(night))
    if (const auto newest = newest_file(configuration.path("paths.r0") / date.compact())) {
      findings.push_back(compared("clock of the raw data", *newest, now_unix_s,
                                  "let this machine and the one that writes the raw data follow "
                                  "the same time server"));
      break;
    }
  for (const NightDate& date : nights_up_to(night)) {
    const fs::path file = text::drive_log_of(configuration.path("paths.drive"), date);
    if (file.empty()) continue;
    try {
      const text::DriveLog log = text::read_drive_log(file);
      if (!log.time.empty())
        findings.push_back(compared(
            "clock of the drive",
            {fmt::format("the last entry of {}", file.filename().string()), log.time.back()},
            now_unix_s, "let this machine and the drive's follow the same time server"));
    } catch (const Error& error) {
      findings.push_back({"clock of the drive", Health::warn, error.what(),
                          "see what wrote this log: pointings come from it"});
    }
    break;
  }
  return findings;
}

}  // namespace alisio::daemon
