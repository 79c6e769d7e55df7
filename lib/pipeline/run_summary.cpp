#include "lib/pipeline/run_summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/log.hpp"
#include "lib/base/run_file_name.hpp"
#include "lib/pipeline/names.hpp"
#include "lib/pipeline/run_head.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;
namespace {

/// Types of shorter runs are guesses that somebody should look at.
constexpr std::size_t few_events = 100;

/// The files of one run.
struct RunFiles {
  std::int64_t subruns = 0;              ///< files of stream 1
  std::map<int, fs::path> first_subrun;  ///< by stream
};

struct NightFiles {
  std::map<int, RunFiles> runs;
  std::string list;  ///< all names, one a line
};

NightFiles find_files(const fs::path& folder, int telescope) {
  std::error_code problem;
  std::vector<std::string> names;
  for (fs::directory_iterator at(folder, problem); !problem && at != fs::directory_iterator();
       at.increment(problem))
    // To open a pipe that has the name of a raw file would wait for a writer.
    if (std::error_code unknown; at->is_regular_file(unknown))
      names.push_back(at->path().filename().string());
  if (problem)
    throw Error(ErrorKind::missing_input, "cannot be listed: " + problem.message(), folder.string(),
                "check the date and paths.r0 of the configuration, or --r0");
  std::sort(names.begin(), names.end());
  NightFiles night;
  for (const std::string& name : names) {
    const std::optional<RunFileName> part = parse_run_file_name(name);
    if (!part || !part->is_raw_data_of(telescope)) continue;
    night.list += name + '\n';
    RunFiles& run = night.runs[part->run];
    run.subruns += *part->stream == 1 ? 1 : 0;
    if (*part->subrun == 0) run.first_subrun.emplace(*part->stream, folder / name);
  }
  if (night.runs.empty())
    throw Error(ErrorKind::missing_input,
                fmt::format("there are no raw files of {}", telescope_text(telescope)),
                folder.string(), "check the date and paths.r0 of the configuration, or --r0");
  return night;
}

/// The streams that can be read together: 1, 2 … up to the first that is missing.
std::vector<fs::path> streams_of(int run, const RunFiles& files) {
  std::vector<fs::path> streams;
  for (const auto& [stream, path] : files.first_subrun) {
    if (stream != static_cast<int>(streams.size()) + 1) {
      if (streams.empty()) break;
      spdlog::warn("run {}: stream {} of the first subrun is missing beside {}", run_text(run),
                   streams.size() + 1, path.string());
      break;
    }
    streams.push_back(path);
  }
  return streams;
}

text::RunSummaryRow row_of(int number, const RunFiles& files, const std::vector<fs::path>& streams,
                           const std::string& override_name, std::int64_t& events) {
  text::RunSummaryRow row;
  row.run_type = "ERROR";
  row.data_format = "-";
  row.dragon_reference_counter = ~std::uint64_t{0};
  row.dragon_reference_source = "None";
  try {
    if (streams.empty())
      throw Error(ErrorKind::missing_input,
                  files.first_subrun.empty() ? "its first subrun is missing"
                                             : "stream 1 of its first subrun is missing",
                  files.first_subrun.empty() ? "" : files.first_subrun.begin()->second.string());
    const RunHead head = read_run_head(streams);
    row = head.row;
    row.run_type = guess_run_type(head);
    events += static_cast<std::int64_t>(head.events);
    if (head.events < few_events)
      spdlog::warn("run {}: its type {} is a guess from {} events; if it is wrong, say so in {}",
                   run_text(number), row.run_type, head.events, override_name);
  } catch (const Error& error) {
    spdlog::warn("run {} gets the type ERROR: {}", run_text(number), error.what());
  }
  row.run_id = number;
  row.n_subruns = files.subruns;
  return row;
}

/// A file that cannot be read has no head to be known by, but its size says a little.
std::string hash_of(const fs::path& file) {
  try {
    return head_hash(file);
  } catch (const Error&) {
    std::error_code problem;
    return hash_text(fmt::format("unreadable {}", fs::file_size(file, problem)));
  }
}

void check_replaceable(const fs::path& target, bool overwrite) {
  std::error_code problem;
  if (overwrite || !fs::exists(target, problem)) return;
  const text::SummaryOrigin origin = text::origin_of(target);
  if (origin == text::SummaryOrigin::ours) return;
  throw Error(ErrorKind::usage,
              origin == text::SummaryOrigin::edited
                  ? "was edited since Alisio wrote it and is not replaced"
                  : "was not written by Alisio and is not replaced",
              target.string(),
              fmt::format("put what you know better into {}.override.yaml, or give --overwrite, "
                          "which keeps the file under another name",
                          target.stem().string()));
}

/// Add to the rows what an earlier summary knows and the raw files no longer tell: runs, subruns,
/// and what kind of run one is that cannot be read any more. A night misses what was lost only by
/// its summary. @return one line each.
std::vector<std::string> take_over(const std::vector<text::RunSummaryRow>& before,
                                   std::vector<text::RunSummaryRow>& rows) {
  std::vector<std::string> taken;
  for (const text::RunSummaryRow& known : before) {
    const std::string run = run_text(static_cast<int>(known.run_id));
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const text::RunSummaryRow& other) {
      return other.run_id == known.run_id;
    });
    if (row == rows.end()) {
      taken.push_back(fmt::format("run {}, whose raw files are gone", run));
      rows.push_back(known);
      continue;
    }
    const std::int64_t subruns = std::max(row->n_subruns, known.n_subruns);
    if (row->n_subruns < subruns)
      taken.push_back(fmt::format("run {} has {} subruns, not {}", run, subruns, row->n_subruns));
    if (row->run_type == "ERROR" && known.run_type != "ERROR") {
      taken.push_back(fmt::format("run {}, which cannot be read now, is {}", run, known.run_type));
      *row = known;
    }
    row->n_subruns = subruns;
  }
  std::sort(rows.begin(), rows.end(),
            [](const auto& left, const auto& right) { return left.run_id < right.run_id; });
  return taken;
}

/// Give what is there a second name before it is replaced. @return it
fs::path keep_copy(const fs::path& target) {
  const std::string content = read_text_file(target);
  for (int n = 1;; ++n) {
    fs::path copy = target.string() + "." + std::to_string(n);
    if (std::error_code problem; fs::exists(copy, problem)) {
      if (read_text_file(copy) == content) return copy;
      continue;
    }
    write_file_atomically(copy, content);
    spdlog::info("the run summary that was there is kept as {}", copy.string());
    return copy;
  }
}

/// Keep the summary that is to be replaced by another, or by less. Of ours, the rows get what it
/// knows more; it is then an input like others.
/// @param overwrite the rows get nothing of it
void keep_what_stands(stage::StageRun& run, const fs::path& target, bool overwrite,
                      std::vector<text::RunSummaryRow>& rows) {
  if (std::error_code problem; !fs::exists(target, problem)) return;
  if (text::origin_of(target) != text::SummaryOrigin::ours) {
    keep_copy(target);
    return;
  }
  std::vector<text::RunSummaryRow> whole = rows;
  const std::vector<std::string> taken = take_over(text::read_run_summary(target), whole);
  if (taken.empty()) return;
  const fs::path before = keep_copy(target);
  for (const std::string& fact : taken)
    spdlog::warn("{}: {} {}", target.string(),
                 overwrite ? "forgotten:" : "taken over from the summary before:", fact);
  if (overwrite) return;
  run.use("run_summary_before", before);
  rows = std::move(whole);
}

}  // namespace

ActivityNote run_summary_activity(const RunSummaryRequest& request, const JobContext& context,
                                  const config::Configuration& configuration) {
  ActivityNote note =
      activity_note("run_summary", {.telescope = request.telescope}, context, configuration);
  note.subrun = -1;
  note.parameters = {{"ObservationDate", context.date}};
  return note;
}

std::int64_t run_summary(stage::StageRun& run, const RunSummaryRequest& request) {
  const NightDate date = NightDate::parse(run.activity().observation_date);
  const std::string stem = "RunSummary_" + date.compact();
  const fs::path target = request.output_dir / (stem + ".ecsv");
  fs::path override_file = request.override_file;
  std::error_code problem;
  const fs::path beside = request.output_dir / (stem + ".override.yaml");
  if (override_file.empty() && fs::exists(beside, problem)) override_file = beside;

  check_replaceable(target, request.overwrite);
  // The night knows its files by this path, too, so that a link to the folder changes nothing.
  const NightFiles night =
      find_files(fs::weakly_canonical(request.r0 / date.compact()), request.telescope);
  text::RunSummaryOverride override;
  if (!override_file.empty()) {
    run.use("run_summary_override", override_file);
    override = text::read_run_summary_override(override_file);
  }
  run.depend_on("raw_file_names", hash_text(night.list));
  std::vector<text::RunSummaryRow> rows;
  std::int64_t events = 0;
  for (const auto& [number, files] : night.runs) {
    const std::vector<fs::path> streams = streams_of(number, files);
    for (const fs::path& path : streams) run.use_part("r0_subrun", path, hash_of(path));
    if (!run.activity().dry_run)
      rows.push_back(row_of(number, files, streams, beside.string(), events));
  }
  if (run.activity().dry_run) {
    run.plan_product("run_summary", target);
    return 0;
  }
  keep_what_stands(run, target, request.overwrite, rows);
  text::apply_override(override, override_file, rows);
  PendingFile& product = run.create("run_summary", target);
  std::ofstream out(product.path(), std::ios::binary);
  out << text::run_summary_text(rows, date.iso());
  out.close();
  if (!out)
    throw Error(ErrorKind::resource, "cannot be written", product.path().string(),
                "check the space left on the device");
  run.publish("run_summary");
  for (const text::RunSummaryRow& row : rows)
    spdlog::info("run {}: {:8} {} subrun{}, {}", run_text(static_cast<int>(row.run_id)),
                 row.run_type, row.n_subruns, row.n_subruns == 1 ? "" : "s", row.data_format);
  return events;
}

}  // namespace alisio::pipeline
