#include "lib/night/constants.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <regex>
#include <vector>

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

/// A kind of constants: where the tree keeps it and how its files are called.
struct Kind {
  const char* folder;
  const char* file_pattern;
  const char* words;
};

constexpr Kind drs4_kind{
    "drs4_baseline", R"(drs4_pedestal\.Run(\d+)\.\d+\.(?:h5|hdf5|fits|fits\.gz))", "DRS4 pedestal"};
constexpr Kind charge_kind{
    "calibration", R"(calibration(?:_filters_[^.]*)?\.Run(\d+)\.\d+\.(?:h5|hdf5|fits|fits\.gz))",
    "charge calibration"};
constexpr Kind time_kind{"drs4_time_sampling_from_FF",
                         R"(time_calibration\.Run(\d+)\.\d+\.(?:h5|hdf5|fits|fits\.gz))",
                         "time calibration"};

struct Candidate {
  int run = 0;
  fs::path file;
};

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

/// Return the file of the nearest run at or before `last_run` in one folder. Of several files of
/// one run (filter codes) the last name counts.
std::optional<Candidate> nearest_in(const fs::path& folder, const Kind& kind, int last_run) {
  const std::regex pattern(kind.file_pattern);
  std::optional<Candidate> best;
  for (const fs::path& file : sorted_entries(folder)) {
    const std::string name = file.filename().string();
    std::smatch part;
    if (!std::regex_match(name, part, pattern)) continue;
    const int run = std::stoi(part[1]);
    if (run <= last_run && (!best || run >= best->run)) best = Candidate{run, file};
  }
  return best;
}

/// Look into the versions of one date: "pro" first, then from the highest down.
std::optional<Candidate> nearest_of_date(const fs::path& folder, const Kind& kind, int last_run) {
  std::vector<std::string> versions;
  for (const fs::path& entry : sorted_entries(folder))
    if (fs::is_directory(entry)) versions.push_back(entry.filename().string());
  std::sort(versions.begin(), versions.end(), [](const std::string& a, const std::string& b) {
    if ((a == "pro") != (b == "pro")) return b == "pro";
    return version_before(a, b);
  });
  std::optional<Candidate> best;
  for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
    const auto found = nearest_in(folder / *version, kind, last_run);
    if (found && (!best || found->run > best->run)) best = found;
  }
  return best;
}

long days_between(const NightDate& from, const NightDate& to) {
  const auto days = [](const NightDate& date) {
    return std::chrono::sys_days(std::chrono::year{date.year} /
                                 std::chrono::month{static_cast<unsigned>(date.month)} /
                                 std::chrono::day{static_cast<unsigned>(date.day)});
  };
  return (days(to) - days(from)).count();
}

ConstantsChoice choose(const fs::path& root, const fs::path& given, const Kind& kind,
                       const NightDate& date, int last_run) {
  if (!given.empty()) {
    std::smatch part;
    const std::string name = given.filename().string();
    const bool named = std::regex_search(name, part, std::regex(R"(Run(\d+))"));
    return {fs::absolute(given).lexically_normal(), named ? std::stoi(part[1]) : -1,
            "named by the configuration"};
  }
  const fs::path tree = root / "Cat-A" / kind.folder;
  std::vector<fs::path> dates = sorted_entries(tree);
  for (auto entry = dates.rbegin(); entry != dates.rend(); ++entry) {
    const std::string name = entry->filename().string();
    if (name.size() != 8 || name.find_first_not_of("0123456789") != std::string::npos ||
        name > date.compact())
      continue;
    const auto found = nearest_of_date(*entry, kind, last_run);
    if (!found) continue;
    const NightDate made = NightDate::parse(name);
    const long nights = days_between(made, date);
    return {fs::absolute(found->file).lexically_normal(), found->run,
            fmt::format("nearest at or before run {}{}", run_text(last_run),
                        nights == 0
                            ? std::string(", of this night")
                            : fmt::format(", {} night{} earlier", nights, nights == 1 ? "" : "s"))};
  }
  if (const auto found = nearest_in(root, kind, last_run))
    return {fs::absolute(found->file).lexically_normal(), found->run,
            fmt::format("nearest at or before run {}", run_text(last_run))};
  return {{},
          -1,
          fmt::format("no {} at or before run {} in {}", kind.words, run_text(last_run),
                      tree.string())};
}

}  // namespace

RunConstants choose_constants(const fs::path& root, const ExplicitConstants& given,
                              const NightDate& date, int data_run) {
  RunConstants constants;
  constants.drs4_pedestal = choose(root, given.drs4_pedestal, drs4_kind, date, data_run);
  constants.charge = choose(root, given.charge, charge_kind, date, data_run);
  const int last = constants.charge.run >= 0 ? constants.charge.run : data_run;
  constants.time = choose(root, given.time, time_kind, date, last);
  return constants;
}

}  // namespace alisio::night
