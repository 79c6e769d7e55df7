#include "lib/night/catalogue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/run_file_name.hpp"
#include "lib/io/text/ecsv.hpp"
#include "lib/sky/time.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

/// Stream and file by run and subrun.
using Found = std::map<int, std::map<int, std::map<int, fs::path>>>;

/// What only has the name of a raw file is noted: to open a pipe would wait for a writer.
Found find_raw_files(const fs::path& folder, int telescope, std::vector<std::string>& notes) {
  Found found;
  std::error_code failed;
  for (fs::directory_iterator at(folder, failed); !failed && at != fs::directory_iterator();
       at.increment(failed)) {
    const std::string name = at->path().filename().string();
    const std::optional<RunFileName> part = parse_run_file_name(name);
    if (!part || !part->is_raw_data_of(telescope) || part->ending != ".fits.fz") continue;
    if (std::error_code unknown; at->is_regular_file(unknown))
      found[part->run][*part->subrun][*part->stream] = at->path();
    else
      notes.push_back(fmt::format("{} is no file{}: it is left out", name,
                                  unknown ? " (" + unknown.message() + ")" : ""));
  }
  if (failed)
    throw Error(ErrorKind::resource, "cannot be listed: " + failed.message(), folder.string());
  return found;
}

/// Ask the probe. A file that it cannot read is no reason to leave the night: its job will say
/// more.
FileKind look_into(const fs::path& file, const FileProbe& probe, std::vector<std::string>& notes) {
  if (!probe) return {};
  try {
    return probe(file);
  } catch (const Error& error) {
    notes.push_back(fmt::format("the type of a run could not be read: {}", error.what()));
    return {};
  }
}

void note_differences(const RunEntry& run, std::vector<std::string>& notes) {
  const int count = static_cast<int>(run.subruns.size());
  if (run.type == "ERROR")
    notes.push_back(fmt::format("run {} cannot be read, says the {}: it is not processed",
                                run_text(run.run), run.type_from));
  if (run.subruns.empty())
    notes.push_back(fmt::format("run {} ({}) is in the run summary, but has no files",
                                run_text(run.run), run.type));
  else if (run.expected_subruns && *run.expected_subruns != count)
    notes.push_back(fmt::format("run {} has {} subrun{}, the run summary says {}",
                                run_text(run.run), count, count == 1 ? "" : "s",
                                *run.expected_subruns));
}

bool is_run_type(const std::string& type) {
  static const std::set<std::string> types{"DATA", "DRS4", "PEDCALIB", "CONF", "ERROR"};
  return types.contains(type);
}

/// Read the run summary of a night. One that is cut is not passed over: what would then be taken
/// for what kind of run, and how many subruns are expected, would be another matter.
std::vector<RunEntry> read_summary_of_night(const fs::path& summary) {
  try {
    return read_run_summary(summary);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_input) throw;
    throw Error(
        ErrorKind::bad_input, error.problem(), error.where(),
        "copy it to here again, or move it away: the night makes its own from the raw files");
  }
}

}  // namespace

std::vector<RunEntry> read_run_summary(const fs::path& file) {
  const text::EcsvTable table = text::EcsvTable::read(file);
  std::vector<RunEntry> runs;
  for (std::size_t row = 0; row < table.row_count(); ++row) {
    RunEntry run;
    run.run = static_cast<int>(table.integer(row, "run_id"));
    run.expected_subruns = static_cast<int>(table.integer(row, "n_subruns"));
    run.type = table.text(row, "run_type");
    run.type_from = "run summary";
    if (table.has_column("data_format")) run.format = table.text(row, "data_format");
    if (table.has_column("run_start")) {
      if (const std::int64_t start_ns = table.integer(row, "run_start"); start_ns > 0)
        run.start_unix_s = sky::tai_ns_to_unix_s(start_ns);
    }
    runs.push_back(std::move(run));
  }
  return runs;
}

void require_raw_data(const fs::path& r0, const NightDate& date) {
  const fs::path folder = r0 / date.compact();
  if (!is_folder(folder))
    throw Error(ErrorKind::missing_input, "there is no raw data folder of this night",
                folder.string(), "check the date and paths.r0 of the configuration");
}

Catalogue find_runs(const fs::path& r0, const fs::path& summaries, int telescope,
                    const NightDate& date, const FileProbe& probe) {
  Catalogue catalogue;
  const fs::path folder = r0 / date.compact();
  const fs::path summary = summaries / fmt::format("RunSummary_{}.ecsv", date.compact());
  require_raw_data(r0, date);
  const fs::path canonical = fs::weakly_canonical(folder);
  std::map<int, RunEntry> runs;
  if (is_there(summary)) {
    catalogue.run_summary = fs::weakly_canonical(summary);
    for (RunEntry& run : read_summary_of_night(summary)) runs[run.run] = std::move(run);
  }
  for (const auto& [number, subruns] : find_raw_files(folder, telescope, catalogue.notes)) {
    const bool in_summary = runs.contains(number);
    RunEntry& run = runs[number];
    run.run = number;
    for (const auto& [subrun, streams] : subruns) {
      SubrunFiles files{subrun, {}, streams.contains(1)};
      for (const auto& [stream, path] : streams)
        files.streams.push_back(canonical / path.filename());
      run.subruns.push_back(std::move(files));
    }
    if (in_summary && is_run_type(run.type)) continue;
    const FileKind kind = look_into(run.subruns.front().streams.front(), probe, catalogue.notes);
    const std::string called = std::exchange(run.type, kind.type.empty() ? "DATA" : kind.type);
    run.type_from = kind.type.empty() ? "assumed" : "the file";
    run.format = kind.format;
    if (in_summary)
      catalogue.notes.push_back(
          fmt::format("the run summary calls run {} '{}', which is no type; taken as {} ({})",
                      run_text(number), called, run.type, run.type_from));
    else if (!catalogue.run_summary.empty())
      catalogue.notes.push_back(fmt::format("run {} is not in the run summary; taken as {} ({})",
                                            run_text(number), run.type, run.type_from));
  }
  for (auto& [number, run] : runs) {
    note_differences(run, catalogue.notes);
    catalogue.runs.push_back(std::move(run));
  }
  return catalogue;
}

}  // namespace alisio::night
