#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/base/run_file_name.hpp"
#include "lib/pipeline/merge_tables.hpp"
#include "lib/pipeline/muon_file.hpp"
#include "lib/pipeline/parts.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;
namespace {

/// A run and, in the file of one, a subrun as the name of a file tells them; -1: it does not.
struct Told {
  int run = -1, subrun = -1;
};

Told told_by_name(const fs::path& file) {
  const std::optional<RunFileName> name = parse_run_file_name(file);
  if (!name || !name->has_usual_digits) return {};
  return {name->run, name->subrun.value_or(-1)};
}

/// Return the subruns of a run that none of the files is of, as "2-4"; empty if a file is of more
/// than a subrun, for it does not tell which.
/// @param given, used all files to merge and those not left out, in order
std::string missing_of_run(const std::vector<fs::path>& given, const std::vector<fs::path>& used,
                           ExpectedSubruns expected) {
  for (const fs::path& file : given) {
    const Told told = told_by_name(file);
    if (told.subrun < 0 || told.run != told_by_name(given.front()).run) return {};
    expected.number = std::max(expected.number, told.subrun + 1);
  }
  std::set<int> subruns;
  for (const fs::path& file : used) subruns.insert(told_by_name(file).subrun);
  return ranges_of(expected.missing(subruns));
}

/// Give the rows of a subrun's file the run and subrun that its name tells.
void add_runs(std::vector<MuonRing>& rows, const fs::path& file) {
  const Told told = told_by_name(file);
  for (MuonRing& row : rows) {
    if (told.run >= 0) row.obs_id = told.run;
    if (told.subrun >= 0) row.subrun = told.subrun;
  }
}

void append(std::vector<MuonRing>& all, std::vector<MuonRing>& rows) {
  all.insert(all.end(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
}

}  // namespace

std::int64_t merge_muons(stage::StageRun& run, const MergeMuonsRequest& request) {
  std::vector<fs::path> inputs = request.inputs;
  std::sort(inputs.begin(), inputs.end(),
            [](const fs::path& a, const fs::path& b) { return a.filename() < b.filename(); });
  for (std::size_t i = 1; i < inputs.size(); ++i)
    if (inputs[i].filename() == inputs[i - 1].filename())
      throw Error(ErrorKind::usage, "is given twice, or there are two of its name",
                  inputs[i].string(), "give each subrun once");
  if (run.activity().dry_run) {
    for (const fs::path& input : inputs) run.use("muons", input);
    run.plan_product(request.port, request.target);
    return 0;
  }

  MuonTable merged;
  merged.has_runs = true;
  merged.events = 0;
  std::string without_candidates;
  std::vector<fs::path> used;
  std::vector<std::string> left_out;
  for (const fs::path& input : inputs) {
    MuonTable table;
    try {
      table = read_muons(input);
    } catch (const Error& error) {
      if (!request.skip_damaged) throw;
      spdlog::warn("left out: {}", error.what());
      left_out.push_back(input.filename().string());
      continue;
    }
    run.use("muons", input);
    used.push_back(input);
    if (!table.has_runs) {
      add_runs(table.rings, input);
      add_runs(table.candidates, input);
    }
    append(merged.rings, table.rings);
    append(merged.candidates, table.candidates);
    if (!table.has_candidates && without_candidates.empty()) without_candidates = input.string();
    merged.events = table.events < 0 || merged.events < 0 ? -1 : merged.events + table.events;
  }
  if (used.empty())
    throw Error(ErrorKind::bad_input, "no file of muon rings is left to merge",
                request.target.string());
  if (!without_candidates.empty()) {
    merged.has_candidates = false;
    if (!merged.candidates.empty())
      spdlog::warn("{}: holds no candidates, so the merged file holds none", without_candidates);
    merged.candidates.clear();
  }

  const std::string missing = request.port == "muons_run"
                                  ? missing_of_run(inputs, used, request.expected_subruns)
                                  : std::string();
  if (!run.activity().overwrite)
    refuse_loss(request.target, recorded_parts(request.target), parts_in_names(used),
                request.expected_subruns.left_out);
  if (!missing.empty()) spdlog::warn("{}: lacks subruns {}", request.target.string(), missing);

  PendingFile& file = run.create(request.port, request.target);
  MuonFacts facts = run.metadata(request.port).attributes;
  std::map<std::string, std::string> record;
  const auto tell = [&](const char* keyword, const char* key, const std::string& text) {
    if (text.empty()) return;
    facts.emplace_back(keyword, text);
    record[key] = text;
  };
  tell("MISSING_SUBRUNS", "missing_subruns", missing);
  std::set<int> without = request.expected_subruns.left_out;
  for (const fs::path& merged_file : used) without.erase(told_by_name(merged_file).subrun);
  tell("WITHOUT_SUBRUNS", "without_subruns", ranges_of({without.begin(), without.end()}));
  tell("LEFT_OUT", "left_out", fmt::format("{}", fmt::join(left_out, ", ")));
  write_muons(file.path(), merged, facts);
  if (!same_muons(merged, read_muons(file.path())))
    throw Error(ErrorKind::resource, "does not read back as it was written",
                request.target.string(), "check the disk and merge again");
  run.publish(request.port, std::move(record));
  return std::int64_t(merged.rings.size());
}

}  // namespace alisio::pipeline
