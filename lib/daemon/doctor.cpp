#include "lib/daemon/doctor.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <functional>
#include <nlohmann/json.hpp>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/signature.hpp"
#include "lib/daemon/doctor_clock.hpp"
#include "lib/daemon/doctor_slurm.hpp"
#include "lib/daemon/raw_watch.hpp"
#include "lib/night/catalogue_command.hpp"
#include "lib/night/completeness.hpp"
#include "lib/night/constants.hpp"
#include "lib/night/night.hpp"
#include "lib/night/notify.hpp"
#include "lib/night/products.hpp"
#include "lib/night/state.hpp"
#include "lib/night/tree_owner.hpp"
#include "lib/sky/earth_orientation.hpp"

namespace alisio::daemon {
namespace fs = std::filesystem;
namespace {

constexpr double gigabyte = 1e9;
constexpr double least_state_bytes = 1e9, tight_factor = 2;
constexpr double most_clock_difference_s = 2;
constexpr std::size_t nights_looked_back = 10;
constexpr double unix_epoch_mjd = 40587, day_s = 86400;

using Findings = std::vector<Finding>;

/// Return the nearest folder that exists: that of a path, or one above it.
fs::path existing_part(fs::path path) {
  std::error_code problem;
  while (!path.empty() && !fs::exists(path, problem) && path != path.parent_path())
    path = path.parent_path();
  return path;
}

double free_bytes(const fs::path& folder) {
  struct statvfs facts {};
  if (::statvfs(existing_part(folder).c_str(), &facts) != 0) return NAN;
  return static_cast<double>(facts.f_bavail) * static_cast<double>(facts.f_frsize);
}

Finding readable(const char* check, const fs::path& folder, Health if_not, const char* key) {
  if (fs::path part = folder; ::access(part.c_str(), R_OK | X_OK) == 0)
    return {check, Health::ok, folder.string(), ""};
  std::error_code problem;
  return {check, if_not,
          fmt::format("{} {}", folder.string(),
                      fs::exists(folder, problem) ? "cannot be read" : "does not exist"),
          fmt::format("mount it, give this account the right to read it, or set {}", key)};
}

/// Write a file into a folder and remove it, and compare the clock of its disk with ours.
void look_at_writable(const char* check, const fs::path& folder, const char* key,
                      Findings& findings) {
  const fs::path target = existing_part(folder) / ".alisio-doctor";
  try {
    PendingFile file(target);
    std::FILE* opened = std::fopen(file.path().c_str(), "w");
    if (opened == nullptr) throw Error(ErrorKind::resource, "cannot be written", folder.string());
    const bool written = std::fputs("x", opened) >= 0;
    if (std::fclose(opened) != 0 || !written)
      throw Error(ErrorKind::resource, "cannot be written", folder.string());
    findings.push_back({check, Health::ok, folder.string(), ""});
    struct stat facts {};
    if (::stat(file.path().c_str(), &facts) != 0) return;
    const double difference = std::difftime(facts.st_mtime, std::time(nullptr));
    if (std::abs(difference) > most_clock_difference_s)
      findings.push_back({"clock of the disk", Health::warn,
                          fmt::format("{} is {:.0f} s {}", folder.string(), std::abs(difference),
                                      difference > 0 ? "ahead" : "behind"),
                          "let both machines follow the same time server"});
  } catch (const Error&) {
    findings.push_back({check, Health::fail, folder.string() + " cannot be written",
                        fmt::format("give this account the right to write it, or set {}", key)});
  }
}

void look_at_state(const config::Configuration& configuration, Findings& findings) {
  const fs::path folder = configuration.path("paths.state");
  look_at_writable("state", folder, "paths.state", findings);
  if (is_on_network(existing_part(folder)))
    findings.push_back({"disk of the state", Health::fail,
                        folder.string() + " is on a network file system, whose locks are not safe",
                        "set paths.state to a folder on a local disk"});
  const double bytes = free_bytes(folder);
  findings.push_back(
      {"space for the state", bytes < least_state_bytes ? Health::warn : Health::ok,
       fmt::format("{:.1f} GB free", bytes / gigabyte),
       bytes < least_state_bytes ? "make room: without it no job can be recorded" : ""});
  try {
    auto state = night::State::open_read_only(folder);
    findings.push_back({"state database", Health::ok,
                        state ? fmt::format("nights on record: {}", state->nights().size())
                              : "none yet: the first night makes it",
                        ""});
  } catch (const Error& error) {
    findings.push_back({"state database", Health::fail, error.problem(), error.remedy()});
  }
}

void look_at_owner(const config::Configuration& configuration, Findings& findings) {
  try {
    night::require_own_products(configuration.path("paths.products"),
                                configuration.path("paths.state"));
  } catch (const Error& error) {
    findings.push_back({"owner of the products", Health::fail, error.problem(), error.remedy()});
  }
}

void look_at_space(const config::Configuration& configuration, Findings& findings) {
  const fs::path folder = configuration.path("paths.products");
  const double bytes = free_bytes(folder);
  Forecast forecast;
  try {
    forecast = forecast_of(configuration.path("paths.state"));
  } catch (const Error&) {
    // That the state cannot be read is another finding.
  }
  if (forecast.nights == 0) {
    findings.push_back(
        {"space for products", bytes < gigabyte ? Health::fail : Health::ok,
         fmt::format("{:.0f} GB free; no earlier night tells how much is needed", bytes / gigabyte),
         bytes < gigabyte ? "make room in " + folder.string() : ""});
    return;
  }
  const Health health = bytes < forecast.bytes()                  ? Health::fail
                        : bytes < tight_factor * forecast.bytes() ? Health::warn
                                                                  : Health::ok;
  findings.push_back(
      {"space for products", health,
       fmt::format("{:.1f} GB free; a night of {} subruns takes {:.1f} GB, by {} night{}",
                   bytes / gigabyte, forecast.subruns, forecast.bytes() / gigabyte, forecast.nights,
                   forecast.nights == 1 ? "" : "s"),
       health == Health::ok ? "" : "make room in " + folder.string() + " (see alisio clean)"});
}

void look_at_constants(const config::Configuration& configuration, const NightDate& night,
                       Findings& findings) {
  const bool made = configuration.boolean("steps.calibration");
  for (const night::ConstantsKind kind : night::constants_kinds) {
    const night::ConstantsFacts& facts = night::facts_of(kind);
    const night::ConstantsShelf shelf = night::find_constants(
        configuration.path("paths.calibration"), kind, night,
        kind == night::ConstantsKind::time
            ? -1
            : static_cast<long>(configuration.integer("calibration.look_back_days")));
    const auto& files = !shelf.tonight.empty()   ? shelf.tonight
                        : !shelf.earlier.empty() ? shelf.earlier
                                                 : shelf.undated;
    if (files.empty())
      findings.push_back({facts.words, made ? Health::warn : Health::fail,
                          "none of this night or of those before it that may serve",
                          made ? "the night needs its own calibration runs"
                               : "copy some to paths.calibration, or switch steps.calibration on"});
    else if (::access(files.front().file.c_str(), R_OK) != 0)
      findings.push_back({facts.words, Health::fail,
                          files.front().file.string() + " cannot be read", "mend its permissions"});
    else
      findings.push_back(
          {facts.words, Health::ok,
           fmt::format("{}, {} night{} old", files.front().file.string(),
                       files.front().nights_earlier, files.front().nights_earlier == 1 ? "" : "s"),
           ""});
  }
}

void look_at_models(const config::Configuration& configuration, const DoctorServices& services,
                    Findings& findings) {
  fs::path models = configuration.path("dl2.models");
  if (models.empty()) models = services.default_models;
  std::error_code problem;
  std::vector<fs::path> sets;
  if (fs::is_directory(models, problem)) {
    for (const auto& entry : fs::recursive_directory_iterator(models, problem))
      if (entry.path().extension() == ".forest") sets.push_back(entry.path());
  } else if (fs::exists(models, problem)) {
    sets.push_back(models);
  }
  if (sets.empty()) {
    findings.push_back({"models", Health::fail, models.string() + " holds none",
                        "set dl2.models; scripts/convert-models makes a set"});
    return;
  }
  for (const fs::path& set : sets) {
    try {
      if (services.read_models) services.read_models(set);
    } catch (const Error& error) {
      findings.push_back({"models", Health::fail, error.what(), "convert this set anew"});
      return;
    }
  }
  findings.push_back({"models", Health::ok,
                      fmt::format("{}{}", models.string(),
                                  sets.size() > 1 ? fmt::format(", {} sets", sets.size()) : ""),
                      ""});
}

void look_at_time(Findings& findings) {
  struct timex facts {};
  const int state = ::adjtimex(&facts);
  const bool synchronised =
      state >= 0 && state != TIME_ERROR && (static_cast<unsigned>(facts.status) & STA_UNSYNC) == 0;
  findings.push_back({"clock", synchronised ? Health::ok : Health::warn,
                      synchronised ? fmt::format("follows a time server, within {:.0f} ms",
                                                 static_cast<double>(facts.maxerror) / 1000)
                                   : "the kernel knows of no time server that it follows",
                      synchronised ? "" : "start chrony or systemd-timesyncd"});
  const double now_mjd = static_cast<double>(std::time(nullptr)) / day_s + unix_epoch_mjd;
  const double left = sky::built_in_earth_orientation().mjd.back() - now_mjd;
  findings.push_back(
      {"Earth orientation (IERS)", left < 0 ? Health::warn : Health::ok,
       left < 0 ? fmt::format(
                      "the table of the program ended {:.0f} days ago: its last values hold", -left)
                : fmt::format("the table of the program reaches {:.0f} days ahead", left),
       left < 0 ? "use a newer program" : ""});
}

/// Ask the site's program for the night's sources, as a pass will.
void look_at_catalogue(const config::Configuration& configuration, const NightDate& night,
                       Findings& findings) {
  const night::CatalogueCommand command = night::catalogue_command(
      configuration, {static_cast<int>(configuration.integer("telescope")), night, ""});
  if (command.words.empty()) return;
  const night::CatalogueAnswer answer = night::ask(command);
  if (answer.fault.empty())
    findings.push_back(
        {"run catalogue", Health::ok,
         fmt::format("{} answers; it knows {} run{} of this night", command.words.front(),
                     answer.rows.size(), answer.rows.size() == 1 ? "" : "s"),
         ""});
  else
    findings.push_back(
        {"run catalogue", Health::warn, answer.fault,
         "see that the program and its database can be reached from this machine, or "
         "set dl2.catalogue to a file"});
}

void look_at_account(const config::Configuration& configuration, const DoctorServices& services,
                     Findings& findings) {
  if (::geteuid() == 0)
    findings.push_back({"account", Health::warn, "this is root: products will belong to root",
                        "run it under the account that processes the nights"});
  const fs::path token = configuration.path("web.token_file");
  if (token.empty() || !services.read_token) return;
  try {
    services.read_token(token);
    findings.push_back({"token of the pages", Health::ok, token.string(), ""});
  } catch (const Error& error) {
    findings.push_back({"token of the pages", Health::fail, error.problem(), error.remedy()});
  }
}

/// What ends a night must not be found wrong only then.
void look_at_closing(const config::Configuration& configuration, Findings& findings) {
  const auto look = [&](const char* check, const std::function<std::string()>& action) {
    try {
      findings.push_back({check, Health::ok, action(), ""});
    } catch (const Error& error) {
      findings.push_back(
          {check, Health::fail,
           error.where().empty() ? error.problem() : error.where() + ": " + error.problem(),
           error.remedy().empty() ? "mend the configuration" : error.remedy()});
    }
  };
  look("closing", [&] {
    return night::closing_policy(configuration).automatic ? "nights close by themselves"
                                                          : "nights are closed by hand";
  });
  look("key of the seals", [&]() -> std::string {
    const fs::path key = configuration.path("closing.key");
    if (key.empty()) return "none: seals are not signed";
    return "signs as " + key_fingerprint(SigningKey::load(key).public_key()).substr(0, 16);
  });
  look("notifications", [&]() -> std::string {
    const night::NotifyOptions options = night::notify_options(configuration);
    return options.command.empty() && options.mail.empty() ? "none" : "are sent";
  });
}

}  // namespace

const char* to_string(Health health) {
  switch (health) {
    case Health::ok:
      return "ok";
    case Health::warn:
      return "warn";
    case Health::fail:
      return "fail";
  }
  return "fail";
}

Forecast forecast_of(const fs::path& state_folder) {
  Forecast forecast;
  auto state = night::State::open_read_only(state_folder);
  if (!state) return forecast;
  double bytes = 0;
  int subruns = 0;
  for (const night::ShownNight& shown : state->nights()) {
    if (static_cast<std::size_t>(forecast.nights) == nights_looked_back) break;
    const std::optional<night::NightRecord> record = state->night(shown.key);
    const auto summary =
        nlohmann::json::parse(record ? record->summary : std::string(), nullptr, false);
    if (!summary.is_object()) continue;
    int of_night = 0;
    for (const auto& line : summary.value("runs", nlohmann::json::array()))
      if (line.value("processed", false)) of_night += line.value("subruns", 0);
    double of_products = 0;
    for (const night::StageBytes& stage : night::recorded_bytes(*state, shown.key))
      of_products += static_cast<double>(stage.bytes);
    if (of_night == 0 || of_products == 0) continue;
    ++forecast.nights;
    subruns += of_night;
    bytes += of_products;
    forecast.subruns = std::max(forecast.subruns, of_night);
  }
  if (subruns > 0) forecast.bytes_per_subrun = bytes / subruns;
  return forecast;
}

std::vector<Finding> examine(const config::Configuration& configuration,
                             const DoctorServices& services, const NightDate& night) {
  Findings findings;
  findings.push_back(
      readable("raw data", configuration.path("paths.r0"), Health::fail, "paths.r0"));
  findings.push_back(
      readable("drive logs", configuration.path("paths.drive"), Health::warn, "paths.drive"));
  look_at_writable("run summaries", configuration.path("paths.run_summary"), "paths.run_summary",
                   findings);
  look_at_writable("constants", configuration.path("paths.calibration"), "paths.calibration",
                   findings);
  look_at_writable("products", configuration.path("paths.products"), "paths.products", findings);
  look_at_owner(configuration, findings);
  look_at_state(configuration, findings);
  look_at_space(configuration, findings);
  look_at_constants(configuration, night, findings);
  look_at_models(configuration, services, findings);
  look_at_catalogue(configuration, night, findings);
  look_at_time(findings);
  const auto add = [&](std::vector<Finding> more) {
    findings.insert(findings.end(), more.begin(), more.end());
  };
  add(examine_stamps(configuration, night, static_cast<double>(std::time(nullptr))));
  look_at_account(configuration, services, findings);
  look_at_closing(configuration, findings);
  add(examine_slurm(configuration));
  return findings;
}

}  // namespace alisio::daemon
