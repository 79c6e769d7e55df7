#include "lib/night/constants.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "lib/base/run_file_name.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

constexpr std::array<ConstantsFacts, 3> kinds{{
    {"drs4_pedestal", "drs4_pedestal", "DRS4", "drs4_baseline", "DRS4 pedestal"},
    {"charge_calibration", "camera_calibration", "PEDCALIB", "calibration", "charge calibration"},
    {"time_calibration", "time_calibration", "PEDCALIB", "drs4_time_sampling_from_FF",
     "time calibration"},
}};

/// Tell whether it is a file of a kind, by its name; those of 2019 and 2020 are FITS files.
/// "….bak.Run…" and "…_Run…" are somebody's copies.
bool is_of_kind(const fs::path& file, const RunFileName& name, ConstantsKind kind) {
  const bool has_kind =
      kind == ConstantsKind::charge
          ? name.kind == "calibration" || name.kind.starts_with("calibration_filters_")
          : name.kind == facts_of(kind).port;
  return has_kind && name.kind.find('.') == std::string::npos &&
         file.filename().string().starts_with(name.kind + ".Run") && name.subrun &&
         name.ends_in_any_of({".h5", ".hdf5", ".fits", ".fits.gz"});
}

/// Compare version names so that v0.10 comes after v0.9.
bool version_before(const std::string& left, const std::string& right) {
  const auto numbers = [](const std::string& name) {
    std::vector<int> parts;
    int value = -1;
    for (const char c : name + ".")
      if (c >= '0' && c <= '9')
        value = (value < 0 ? 0 : value) * 10 + (c - '0');
      else if (value >= 0) {
        parts.push_back(value);
        value = -1;
      }
    return parts;
  };
  const auto left_numbers = numbers(left), right_numbers = numbers(right);
  return left_numbers != right_numbers ? left_numbers < right_numbers : left < right;
}

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored))
    entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

std::optional<NightDate> date_named(const fs::path& folder) {
  const std::string name = folder.filename().string();
  return name.size() == 8 ? NightDate::try_parse(name) : std::nullopt;
}

/// Add the files of one folder. Of several files of one run (filter codes) the last name counts.
void add_files(const fs::path& folder, ConstantsKind kind, const std::string& version,
               long nights_earlier, std::vector<ConstantsFile>& files) {
  std::vector<ConstantsFile> found;
  for (const fs::path& file : sorted_entries(folder)) {
    const std::optional<RunFileName> name = parse_run_file_name(file);
    if (!name || !is_of_kind(file, *name, kind)) continue;
    const int run = name->run;
    std::erase_if(found, [&](const ConstantsFile& other) { return other.run == run; });
    found.push_back({run, fs::weakly_canonical(file), version, nights_earlier});
  }
  files.insert(files.end(), found.begin(), found.end());
}

/// Return the files of one date, highest run first; of one run "pro" first, then by version.
std::vector<ConstantsFile> files_of_date(const fs::path& folder, ConstantsKind kind,
                                         long nights_earlier) {
  std::vector<ConstantsFile> files;
  for (const fs::path& entry : sorted_entries(folder))
    if (fs::is_directory(entry))
      add_files(entry, kind, entry.filename().string(), nights_earlier, files);
  std::sort(files.begin(), files.end(), [](const ConstantsFile& a, const ConstantsFile& b) {
    if (a.run != b.run) return a.run > b.run;
    if ((a.version == "pro") != (b.version == "pro")) return a.version == "pro";
    return version_before(b.version, a.version);
  });
  // "pro" is a link to a version: the same file, found twice.
  std::vector<ConstantsFile> once;
  for (ConstantsFile& file : files) {
    std::error_code ignored;
    const bool again = std::any_of(once.begin(), once.end(), [&](const ConstantsFile& other) {
      return other.run == file.run && fs::equivalent(other.file, file.file, ignored);
    });
    if (!again) once.push_back(std::move(file));
  }
  return once;
}

long days_between(const NightDate& from, const NightDate& to) {
  const auto days = [](const NightDate& date) {
    return std::chrono::sys_days(std::chrono::year{date.year} /
                                 std::chrono::month{static_cast<unsigned>(date.month)} /
                                 std::chrono::day{static_cast<unsigned>(date.day)});
  };
  return (days(to) - days(from)).count();
}

}  // namespace

const ConstantsFacts& facts_of(ConstantsKind kind) {
  return kinds.at(static_cast<std::size_t>(kind));
}

ConstantsShelf find_constants(const fs::path& root, ConstantsKind kind, const NightDate& date,
                              long look_back_days) {
  ConstantsShelf shelf;
  const std::vector<fs::path> folders = sorted_entries(root / "Cat-A" / facts_of(kind).folder);
  for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder) {
    const std::optional<NightDate> made = date_named(*folder);
    if (!made || date < *made) continue;
    const long nights = days_between(*made, date);
    if (look_back_days >= 0 && nights > look_back_days) break;
    std::vector<ConstantsFile> files = files_of_date(*folder, kind, nights);
    std::vector<ConstantsFile>& place = nights == 0 ? shelf.tonight : shelf.earlier;
    place.insert(place.end(), files.begin(), files.end());
  }
  add_files(root, kind, "", 0, shelf.undated);
  std::sort(shelf.undated.begin(), shelf.undated.end(),
            [](const ConstantsFile& a, const ConstantsFile& b) { return a.run > b.run; });
  return shelf;
}

fs::path find_ffactor_systematics(const fs::path& root, const NightDate& date) {
  fs::path latest, oldest;
  for (const fs::path& folder : sorted_entries(root / "Cat-A" / "ffactor_systematics")) {
    const std::optional<NightDate> made = date_named(folder);
    if (!made) continue;
    const fs::path file =
        folder / "pro" / fmt::format("ffactor_systematics_{}.h5", made->compact());
    if (!fs::exists(file)) continue;
    if (oldest.empty()) oldest = file;
    if (!(date < *made)) latest = file;
  }
  const fs::path& chosen = latest.empty() ? oldest : latest;
  return chosen.empty() ? chosen : fs::weakly_canonical(chosen);
}

std::string ConstantsChoice::text() const {
  if (passed_over.empty()) return reason;
  return fmt::format("{}; passed over: {}", reason, fmt::join(passed_over, "; "));
}

}  // namespace alisio::night
