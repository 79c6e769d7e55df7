#include "lib/night/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <ostream>

namespace alisio::night {
using nlohmann::json;
namespace {

constexpr std::size_t troubles_shown = 20;

const JobRecord* record_of(const StateSnapshot& state, const JobKey& key) {
  const auto found = state.jobs.find(key);
  return found == state.jobs.end() ? nullptr : &found->second;
}

/// Count one step. Return false if it is not done.
bool count_step(const Step& step, const JobKey& key, const StateSnapshot& state, StageCount& count,
                RunLine& line) {
  const JobRecord* job = record_of(state, key);
  if (step.status == StepStatus::not_wanted) {
    count.wanted = false;
    return true;
  }
  if (job != nullptr) {
    line.time_s += job->wall_s;
    if (key.stage == "r0_to_dl1") line.events += job->events;
  }
  if (step.status == StepStatus::done) {
    ++count.done;
    return true;
  }
  ++(job != nullptr && job->status == JobStatus::failed ? count.failed : count.other);
  return false;
}

Trouble trouble_of(const Step& step, const JobKey& key, const StateSnapshot& state) {
  const JobRecord* job = record_of(state, key);
  if (job != nullptr && job->status == JobStatus::failed)
    return {key, job->message, job->log_file, job->log_tail};
  return {key, step.reason, "", ""};
}

std::string count_text(const StageCount& count) {
  if (!count.wanted) return "-";
  std::string text = fmt::format("{} done", count.done);
  if (count.failed > 0) text += fmt::format(", {} failed", count.failed);
  if (count.other > 0) text += fmt::format(", {} open", count.other);
  return text;
}

/// Return "0000-0004, 0007".
std::string ranges_text(const std::vector<int>& subruns) {
  std::string text;
  for (std::size_t first = 0; first < subruns.size();) {
    std::size_t last = first;
    while (last + 1 < subruns.size() && subruns[last + 1] == subruns[last] + 1) ++last;
    if (!text.empty()) text += ", ";
    text += subrun_text(subruns[first]);
    if (last > first) text += fmt::format("-{}", subrun_text(subruns[last]));
    first = last + 1;
  }
  return text;
}

/// Print one line a trouble; subruns of a run that share one are told together.
void print_troubles(const std::vector<Trouble>& troubles, std::ostream& out) {
  std::vector<std::pair<const Trouble*, std::vector<int>>> groups;
  for (const Trouble& trouble : troubles) {
    const auto same = std::find_if(groups.begin(), groups.end(), [&](const auto& group) {
      const Trouble& other = *group.first;
      return trouble.log_file.empty() && other.log_file.empty() &&
             other.key.run == trouble.key.run && other.key.stage == trouble.key.stage &&
             other.reason == trouble.reason;
    });
    if (same == groups.end())
      groups.push_back({&trouble, {trouble.key.subrun}});
    else
      same->second.push_back(trouble.key.subrun);
  }
  for (std::size_t group = 0; group < groups.size(); ++group) {
    if (group == troubles_shown) {
      out << fmt::format("… and {} more\n", groups.size() - group);
      break;
    }
    const Trouble& trouble = *groups[group].first;
    out << fmt::format("{}.{} {}: {}{}\n", run_text(trouble.key.run),
                       ranges_text(groups[group].second), trouble.key.stage, trouble.reason,
                       trouble.log_file.empty() ? "" : fmt::format(" [{}]", trouble.log_file));
  }
}

json stage_json(const StageCount& count) {
  return {{"wanted", count.wanted},
          {"done", count.done},
          {"failed", count.failed},
          {"open", count.other}};
}

json night_json(const NightKey& key) {
  return {{"telescope", key.telescope}, {"date", key.date.iso()}, {"prod_id", key.prod_id}};
}

std::string choice_line(const char* words, const ConstantsChoice& choice) {
  if (choice.file.empty()) return fmt::format("    {:<18} {}\n", words, choice.reason);
  return fmt::format("    {:<18} {} ({})\n", words, choice.file.string(), choice.reason);
}

}  // namespace

std::string duration_text(double seconds) {
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const long whole = std::lround(seconds);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

bool NightSummary::complete() const {
  return troubles.empty();
}

NightSummary summarize(const NightSetup& setup, const StateSnapshot& state,
                       const std::vector<SubrunPlan>& plans) {
  NightSummary summary;
  summary.key = setup.key;
  summary.folders = setup.folders;
  summary.notes = setup.catalogue.notes;
  for (const RunEntry& entry : setup.catalogue.runs) {
    RunLine line;
    line.run = entry.run;
    line.type = entry.type;
    line.subruns = static_cast<int>(entry.subruns.size());
    line.expected_subruns = entry.expected_subruns.value_or(line.subruns);
    const auto run =
        std::find_if(setup.runs.begin(), setup.runs.end(),
                     [&](const RunSetup& candidate) { return candidate.entry.run == entry.run; });
    if (run != setup.runs.end()) {
      line.processed = true;
      line.subruns = static_cast<int>(run->tasks.size());
      for (const std::size_t position : run->tasks) {
        const SubrunTask& task = setup.tasks[position];
        const SubrunPlan& plan = plans[position];
        const JobKey dl1{"r0_to_dl1", task.run, task.subrun};
        const JobKey dl2{"dl1_to_dl2", task.run, task.subrun};
        const bool dl1_done = count_step(plan.dl1, dl1, state, line.dl1, line);
        const bool dl2_done = count_step(plan.dl2, dl2, state, line.dl2, line);
        // What fails to be made for want of DL1 is not a second trouble.
        if (!dl1_done)
          summary.troubles.push_back(trouble_of(plan.dl1, dl1, state));
        else if (!dl2_done)
          summary.troubles.push_back(trouble_of(plan.dl2, dl2, state));
      }
    }
    summary.runs.push_back(std::move(line));
  }
  return summary;
}

void print_summary(const NightSummary& summary, std::ostream& out) {
  std::vector<std::vector<std::string>> rows{
      {"run", "type", "subruns", "DL1", "DL2", "events", "time"}};
  for (const RunLine& line : summary.runs) {
    const std::string subruns = line.subruns == line.expected_subruns
                                    ? std::to_string(line.subruns)
                                    : fmt::format("{} of {}", line.subruns, line.expected_subruns);
    if (line.processed && line.subruns > 0)
      rows.push_back({run_text(line.run), line.type, subruns, count_text(line.dl1),
                      count_text(line.dl2), std::to_string(line.events),
                      duration_text(line.time_s)});
    else
      rows.push_back({run_text(line.run), line.type, subruns,
                      line.type == "DATA" ? (line.subruns == 0 ? "no files" : "not asked for")
                                          : "not processed",
                      "", "", ""});
  }
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const auto& row : rows)
    for (std::size_t column = 0; column < row.size(); ++column)
      widths[column] = std::max(widths[column], row[column].size());
  out << fmt::format("Night {} of {}, production {}\n", summary.key.date.iso(),
                     telescope_text(summary.key.telescope), summary.key.prod_id);
  for (const auto& row : rows) {
    std::string text;
    for (std::size_t column = 0; column < row.size(); ++column)
      text += column >= 5 ? fmt::format("  {:>{}}", row[column], widths[column])
                          : fmt::format("  {:<{}}", row[column], widths[column]);
    text.erase(text.find_last_not_of(' ') + 1);
    out << text << '\n';
  }
  print_troubles(summary.troubles, out);
  for (const std::string& note : summary.notes) out << "note: " << note << '\n';
  out << "DL1: " << summary.folders.dl1.string() << '\n';
  if (std::any_of(summary.runs.begin(), summary.runs.end(),
                  [](const RunLine& line) { return line.processed && line.dl2.wanted; }))
    out << "DL2: " << summary.folders.dl2.string() << '\n';
  if (summary.jobs_run > 0)
    out << fmt::format("{} job{} in {}\n", summary.jobs_run, summary.jobs_run == 1 ? "" : "s",
                       duration_text(summary.wall_s));
}

void print_summary_json(const NightSummary& summary, std::ostream& out) {
  json document = night_json(summary.key);
  document["complete"] = summary.complete();
  document["jobs_run"] = summary.jobs_run;
  document["wall_s"] = summary.wall_s;
  document["dl1_folder"] = summary.folders.dl1.string();
  document["dl2_folder"] = summary.folders.dl2.string();
  document["notes"] = summary.notes;
  document["runs"] = json::array();
  for (const RunLine& line : summary.runs)
    document["runs"].push_back({{"run", line.run},
                                {"type", line.type},
                                {"subruns", line.subruns},
                                {"expected_subruns", line.expected_subruns},
                                {"processed", line.processed},
                                {"r0_to_dl1", stage_json(line.dl1)},
                                {"dl1_to_dl2", stage_json(line.dl2)},
                                {"events", line.events},
                                {"time_s", line.time_s}});
  document["troubles"] = json::array();
  for (const Trouble& trouble : summary.troubles)
    document["troubles"].push_back({{"run", trouble.key.run},
                                    {"subrun", trouble.key.subrun},
                                    {"stage", trouble.key.stage},
                                    {"reason", trouble.reason},
                                    {"log_file", trouble.log_file},
                                    {"log_tail", trouble.log_tail}});
  out << document.dump(2) << '\n';
}

void print_plan(const NightSetup& setup, const std::vector<SubrunPlan>& plans, std::ostream& out) {
  out << fmt::format("Plan of night {} of {}, production {}\n", setup.key.date.iso(),
                     telescope_text(setup.key.telescope), setup.key.prod_id);
  int to_run = 0;
  for (const RunSetup& run : setup.runs) {
    out << fmt::format("run {} ({}, {} subrun{})\n", run_text(run.entry.run), run.entry.type,
                       run.tasks.size(), run.tasks.size() == 1 ? "" : "s");
    if (run.tasks.empty()) continue;
    out << choice_line("DRS4 pedestal", run.constants.drs4_pedestal)
        << choice_line("charge calibration", run.constants.charge)
        << choice_line("time calibration", run.constants.time);
    if (!run.models_reason.empty())
      out << choice_line("models", {run.models, -1, run.models_reason});
    std::vector<std::pair<std::string, std::vector<int>>> fates;
    const auto add = [&](const std::string& fate, int subrun) {
      const auto same = std::find_if(fates.begin(), fates.end(),
                                     [&](const auto& known) { return known.first == fate; });
      if (same == fates.end())
        fates.push_back({fate, {subrun}});
      else
        same->second.push_back(subrun);
    };
    for (const std::size_t position : run.tasks) {
      const SubrunPlan& plan = plans[position];
      const int subrun = setup.tasks[position].subrun;
      to_run += plan.runs_anything() ? 1 : 0;
      add(fmt::format("r0_to_dl1  {}: {}", to_string(plan.dl1.status), plan.dl1.reason), subrun);
      add(fmt::format("dl1_to_dl2 {}: {}{}", to_string(plan.dl2.status), plan.dl2.reason,
                      plan.in_one_pass() ? " (in one pass with DL1)" : ""),
          subrun);
    }
    for (const auto& [fate, subruns] : fates)
      out << fmt::format("    {}  {}\n", ranges_text(subruns), fate);
  }
  for (const std::string& note : setup.catalogue.notes) out << "note: " << note << '\n';
  out << (to_run == 0 ? std::string("nothing to run\n")
                      : fmt::format("{} job{} to run\n", to_run, to_run == 1 ? "" : "s"));
}

void print_plan_json(const NightSetup& setup, const std::vector<SubrunPlan>& plans,
                     std::ostream& out) {
  json document = night_json(setup.key);
  document["notes"] = setup.catalogue.notes;
  document["runs"] = json::array();
  const auto choice = [](const ConstantsChoice& made) {
    return json{{"file", made.file.string()}, {"reason", made.reason}};
  };
  const auto step = [](const Step& made) {
    return json{{"status", to_string(made.status)}, {"reason", made.reason}};
  };
  for (const RunSetup& run : setup.runs) {
    json entry{{"run", run.entry.run},
               {"type", run.entry.type},
               {"drs4_pedestal", choice(run.constants.drs4_pedestal)},
               {"charge_calibration", choice(run.constants.charge)},
               {"time_calibration", choice(run.constants.time)},
               {"models", choice({run.models, -1, run.models_reason})},
               {"subruns", json::array()}};
    for (const std::size_t position : run.tasks)
      entry["subruns"].push_back({{"subrun", setup.tasks[position].subrun},
                                  {"r0_to_dl1", step(plans[position].dl1)},
                                  {"dl1_to_dl2", step(plans[position].dl2)},
                                  {"one_pass", plans[position].in_one_pass()}});
    document["runs"].push_back(std::move(entry));
  }
  out << document.dump(2) << '\n';
}

}  // namespace alisio::night
