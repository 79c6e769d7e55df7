#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <regex>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/pipeline/muon_file.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;
namespace {

/// Give the rows of a subrun's file the run and subrun that its name tells.
void add_runs(std::vector<MuonRing>& rows, const fs::path& file) {
  static const std::regex pattern(R"(.*Run([0-9]{1,6})(?:\.([0-9]{4}))?.*)");
  std::smatch found;
  const std::string name = file.filename().string();
  if (!std::regex_match(name, found, pattern)) return;
  for (MuonRing& row : rows) {
    row.obs_id = std::stoi(found[1]);
    if (found[2].matched) row.subrun = std::stoi(found[2]);
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
  std::size_t used = 0;
  for (const fs::path& input : inputs) {
    MuonTable table;
    try {
      table = read_muons(input);
    } catch (const Error& error) {
      if (!request.skip_damaged) throw;
      spdlog::warn("{}: left out: {}", input.string(), error.what());
      continue;
    }
    run.use("muons", input);
    ++used;
    if (!table.has_runs) {
      add_runs(table.rings, input);
      add_runs(table.candidates, input);
    }
    append(merged.rings, table.rings);
    append(merged.candidates, table.candidates);
    if (!table.has_candidates && without_candidates.empty()) without_candidates = input.string();
    merged.events = table.events < 0 || merged.events < 0 ? -1 : merged.events + table.events;
  }
  if (used == 0)
    throw Error(ErrorKind::bad_input, "no file of muon rings is left to merge",
                request.target.string());
  if (!without_candidates.empty()) {
    merged.has_candidates = false;
    if (!merged.candidates.empty())
      spdlog::warn("{}: holds no candidates, so the merged file holds none", without_candidates);
    merged.candidates.clear();
  }

  PendingFile& file = run.create(request.port, request.target);
  write_muons(file.path(), merged, run.metadata(request.port).attributes);
  if (!same_muons(merged, read_muons(file.path())))
    throw Error(ErrorKind::resource, "does not read back as it was written",
                request.target.string(), "check the disk and merge again");
  run.publish(request.port);
  return std::int64_t(merged.rings.size());
}

}  // namespace alisio::pipeline
