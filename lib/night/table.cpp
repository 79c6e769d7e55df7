#include "lib/night/table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "lib/night/root_cause.hpp"
#include "lib/night/words.hpp"

namespace alisio::night {
using nlohmann::json;
namespace {

constexpr std::size_t troubles_shown = 20;

/// The columns of stages, in the order of the work.
constexpr std::pair<const char*, const char*> stage_columns[] = {
    {"gain_select", "R0G"}, {"r0_to_dl1", "DL1"},
    {"cat_b", "Cat-B"},     {"find_tailcuts", "tailcuts"},
    {"dl1ab", "DL1ab"},     {"dl1_to_dl2", "DL2"},
    {"dl3", "DL3"}};
/// Stages that gather the files of a run: one column, "merged".
constexpr const char* merging_stages[] = {"merge_dl1", "merge_dl2", "merge_muons",
                                          "merge_datacheck"};

const JobRecord* record_of(const StateSnapshot& state, const JobKey& key) {
  const auto found = state.jobs.find(key);
  return found == state.jobs.end() ? nullptr : &found->second;
}

Trouble trouble_of(const Step& step, const JobKey& key, const StateSnapshot& state) {
  const JobRecord* job = record_of(state, key);
  if (job != nullptr && job->status == JobStatus::failed)
    return {key, job->message, job->log_file, job->log_tail};
  return {key, step.reason, "", ""};
}

std::string count_text(const StageCount& count) {
  std::string text = fmt::format("{} done", count.done);
  if (count.failed > 0) text += fmt::format(", {} failed", count.failed);
  if (count.vetoed > 0) text += fmt::format(", {} vetoed", count.vetoed);
  if (count.other > 0) text += fmt::format(", {} open", count.other);
  return text;
}

/// Say in a few words what became of the constants of a calibration run.
std::string constants_text(const RunLine& line, const NightPlan& plan) {
  for (const GateFault& fault : plan.gate_faults)
    if (fault.run == line.run)
      return fault.unreadable ? "not readable"
             : fault.accepted ? "gates failed, accepted"
                              : "gates failed";
  StageCount all;
  for (const auto& [stage, count] : line.stages) {
    all.done += count.done;
    all.failed += count.failed;
    all.vetoed += count.vetoed;
    all.other += count.other;
  }
  if (!line.stages.empty())
    return all.failed + all.vetoed + all.other == 0 ? "made" : count_text(all);
  return plan.found.contains(line.run) ? "as found" : "";
}

/// Add the names of a list to another that holds each once: "cosmics_rate, ucts_jumps".
void add_names(const std::string& more, std::vector<std::string>& names) {
  constexpr std::string_view separator = ", ";
  for (std::size_t at = 0; at < more.size();) {
    const std::size_t end = std::min(more.find(separator, at), more.size());
    const std::string name = more.substr(at, end - at);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    at = end + separator.size();
  }
}

/// Say what the gates make of the data of a run and of its subruns.
void judge_line(const DataVerdicts& verdicts, RunLine& line) {
  int judged = 0, failed = 0;
  std::vector<std::string> unmeasured;
  for (auto found = verdicts.lower_bound({line.run, whole_run});
       found != verdicts.end() && found->first.first == line.run; ++found) {
    const int subrun = found->first.second;
    if (!found->second.passed) line.failed_gates[subrun] = found->second.text;
    add_names(found->second.unmeasured, unmeasured);
    if (subrun == whole_run) continue;
    ++judged;
    failed += !found->second.passed;
  }
  if (line.failed_gates.contains(whole_run)) line.quality = "failed";
  if (failed > 0)
    line.quality +=
        fmt::format("{}{} of {} subruns failed", line.quality.empty() ? "" : ", ", failed, judged);
  if (line.quality.empty() && judged > 0) line.quality = "passed";
  if (!line.quality.empty() && !unmeasured.empty())
    line.quality += fmt::format(", not measured: {}", fmt::join(unmeasured, ", "));
}

/// Count one job on the line of its run.
void count_job(const PlannedJob& planned, const StateSnapshot& state, RunLine& line) {
  const JobKey& key = planned.job.key;
  line.processed = true;
  StageCount& count = line.stages[key.stage];
  const JobRecord* job = record_of(state, key);
  if (job != nullptr) {
    line.time_s += job->wall_s;
    const bool reads_raw = key.stage == "r0_to_dl1" || key.stage == "drs4_pedestal" ||
                           key.stage == "camera_calibration";
    if (reads_raw) line.events += job->events;
  }
  if (planned.step.done())
    ++count.done;
  else if (planned.step.status == StepStatus::vetoed)
    ++count.vetoed;
  else if (job != nullptr && job->status == JobStatus::failed)
    ++count.failed;
  else
    ++count.other;
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
    const auto& [trouble, subruns] = groups[group];
    const std::string name =
        subruns.front() == whole_run
            ? job_name(trouble->key)
            : fmt::format("{}.{}", run_text(trouble->key.run), ranges_text(subruns));
    out << fmt::format("{} {}: {}{}\n", name, trouble->key.stage, trouble->reason,
                       trouble->log_file.empty() ? "" : fmt::format(" [{}]", trouble->log_file));
  }
}

/// Return what the merging stages of a run have come to together; nothing if there are none.
std::optional<StageCount> merged_count(const RunLine& line) {
  std::optional<StageCount> all;
  for (const char* stage : merging_stages) {
    const auto count = line.stages.find(stage);
    if (count == line.stages.end()) continue;
    if (!all) all.emplace();
    all->done += count->second.done;
    all->failed += count->second.failed;
    all->vetoed += count->second.vetoed;
    all->other += count->second.other;
  }
  return all;
}

json stage_json(const StageCount& count) {
  return {{"done", count.done},
          {"failed", count.failed},
          {"vetoed", count.vetoed},
          {"open", count.other}};
}

std::string subruns_text(const RunLine& line) {
  if (line.subruns == line.expected_subruns) return std::to_string(line.subruns);
  std::string text = fmt::format("{} of {}", line.subruns, line.expected_subruns);
  if (line.discarded_subruns > 0) text += fmt::format(", {} discarded", line.discarded_subruns);
  return text;
}

/// The table in texts, heading first.
std::vector<std::vector<std::string>> table_rows(const NightSummary& summary) {
  std::vector<std::pair<const char*, const char*>> columns;
  for (const auto& column : stage_columns)
    if (std::any_of(summary.runs.begin(), summary.runs.end(),
                    [&](const RunLine& line) { return line.stages.contains(column.first); }))
      columns.push_back(column);
  const bool constants = std::any_of(summary.runs.begin(), summary.runs.end(),
                                     [](const RunLine& line) { return !line.constants.empty(); });
  const bool quality = std::any_of(summary.runs.begin(), summary.runs.end(),
                                   [](const RunLine& line) { return !line.quality.empty(); });
  const bool merged = std::any_of(summary.runs.begin(), summary.runs.end(),
                                  [](const auto& line) { return merged_count(line).has_value(); });
  std::vector<std::vector<std::string>> rows{{"run", "type", "subruns"}};
  if (constants) rows.front().emplace_back("constants");
  for (const auto& column : columns) rows.front().emplace_back(column.second);
  if (merged) rows.front().emplace_back("merged");
  if (quality) rows.front().emplace_back("quality");
  rows.front().insert(rows.front().end(), {"events", "time"});
  for (const RunLine& line : summary.runs) {
    std::vector<std::string> row{run_text(line.run), line.type, subruns_text(line)};
    if (!line.processed && line.constants.empty()) {
      row.emplace_back(line.type != "DATA" ? "not processed"
                       : line.subruns == 0 ? "no files"
                                           : "not asked for");
      row.resize(rows.front().size());
    } else {
      if (constants) row.push_back(line.constants);
      for (const auto& column : columns) {
        const auto count = line.stages.find(column.first);
        row.push_back(count == line.stages.end() ? "" : count_text(count->second));
      }
      if (merged) {
        const auto count = merged_count(line);
        row.push_back(count ? count_text(*count) : "");
      }
      if (quality) row.push_back(line.quality);
      row.push_back(line.processed ? std::to_string(line.events) : "");
      row.push_back(line.processed ? duration_text(line.time_s) : "");
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

std::string gate_note(const GateFault& fault) {
  if (fault.unreadable)
    return fmt::format("{} of run {} cannot be read and is not used: {}", fault.kind,
                       run_text(fault.run), fault.text);
  return fmt::format(
      "{} of run {} fails its checks: {}; {}", fault.kind, run_text(fault.run), fault.text,
      fault.accepted ? "accepted" : fmt::format("not used (--accept {} uses it)", fault.run));
}

std::vector<std::string> choice_notes(const NightPlan& plan) {
  std::vector<std::string> notes;
  for (const RunPlan& run : plan.runs)
    for (const auto& [words, choice] :
         {std::pair{"DRS4 pedestal", &run.drs4_pedestal},
          std::pair{"charge calibration", &run.charge}, std::pair{"time calibration", &run.time}})
      if (!choice->passed_over.empty() && !choice->file.empty())
        notes.push_back(fmt::format("run {} uses the {} of run {}: {}", run_text(run.run), words,
                                    run_text(choice->run), choice->text()));
  return notes;
}

NightSummary summarize(const NightSetup& setup, const StateSnapshot& state, const NightPlan& plan,
                       const DataVerdicts& verdicts) {
  NightSummary summary;
  summary.key = setup.key;
  summary.folders = setup.folders;
  summary.steps = setup.steps;
  summary.gate_faults = plan.gate_faults;
  summary.decisions = plan.decisions;
  summary.notes = setup.catalogue.notes;
  summary.notes.insert(summary.notes.end(), plan.notes.begin(), plan.notes.end());
  for (const GateFault& fault : plan.gate_faults) summary.notes.push_back(gate_note(fault));
  const std::vector<std::string> choices = choice_notes(plan);
  summary.notes.insert(summary.notes.end(), choices.begin(), choices.end());

  std::map<int, RunLine> lines;
  for (const RunEntry& entry : setup.catalogue.runs) {
    RunLine& line = lines[entry.run];
    line.run = entry.run;
    line.type = entry.type;
    if (const auto source = setup.run_sources.find(entry.run); source != setup.run_sources.end())
      line.source = source->second;
    line.subruns = static_cast<int>(entry.subruns.size());
    line.expected_subruns = entry.expected_subruns.value_or(line.subruns);
  }
  std::map<int, int> subruns;
  for (const PlannedJob& planned : plan.jobs) {
    const JobKey& key = planned.job.key;
    if (const auto line = lines.find(key.run); line != lines.end())
      count_job(planned, state, line->second);
    if (key.stage == "r0_to_dl1") ++subruns[key.run];
    // What an operator took out is no trouble.
    if (planned.step.status == StepStatus::vetoed) continue;
    // What is not made for want of its input is not a second trouble.
    const bool failed = planned.step.status == StepStatus::failed;
    if (!planned.step.done() && (failed || !waits_for_another(planned, plan)))
      summary.troubles.push_back(trouble_of(planned.step, key, state));
  }
  for (auto& [run, line] : lines) {
    if (const auto count = subruns.find(run); count != subruns.end()) line.subruns = count->second;
    if (const auto count = plan.discarded.find(run); count != plan.discarded.end())
      line.discarded_subruns = count->second;
    if (line.type != "DATA") line.constants = constants_text(line, plan);
    judge_line(verdicts, line);
    if (const auto fault = line.failed_gates.find(whole_run); fault != line.failed_gates.end())
      summary.notes.push_back(
          fmt::format("the data of run {} fail their gates: {}", run_text(run), fault->second));
    summary.runs.push_back(std::move(line));
  }
  return summary;
}

void print_table(const NightSummary& summary, std::ostream& out) {
  const std::vector<std::vector<std::string>> rows = table_rows(summary);
  const std::size_t columns = rows.front().size();
  std::vector<std::size_t> widths(columns, 0);
  for (const auto& row : rows)
    for (std::size_t column = 0; column < columns; ++column)
      widths[column] = std::max(widths[column], row[column].size());
  for (const auto& row : rows) {
    std::string text;
    for (std::size_t column = 0; column < columns; ++column)
      text += column + 2 >= columns ? fmt::format("  {:>{}}", row[column], widths[column])
                                    : fmt::format("  {:<{}}", row[column], widths[column]);
    text.erase(text.find_last_not_of(' ') + 1);
    out << text << '\n';
  }
}

void print_summary(const NightSummary& summary, std::ostream& out) {
  out << fmt::format("Night {} of {}, production {}\n", summary.key.date.iso(),
                     telescope_text(summary.key.telescope), summary.key.prod_id);
  print_table(summary, out);
  print_troubles(summary.troubles, out);
  for (const std::string& decision : summary.decisions) out << "decision: " << decision << '\n';
  for (const std::string& note : summary.notes) out << "note: " << note << '\n';
  if (!summary.not_asked.empty()) out << "left: " << summary.not_asked << '\n';
  out << "DL1: " << summary.folders.dl1.string() << '\n';
  if (summary.steps.dl2) out << "DL2: " << summary.folders.dl2.string() << '\n';
  if (summary.jobs_run > 0)
    out << fmt::format("{} job{} in {}\n", summary.jobs_run, summary.jobs_run == 1 ? "" : "s",
                       duration_text(summary.wall_s));
}

json summary_json(const NightSummary& summary) {
  json document{{"telescope", summary.key.telescope},
                {"date", summary.key.date.iso()},
                {"prod_id", summary.key.prod_id}};
  document["complete"] = summary.complete();
  document["not_asked"] = summary.not_asked;
  document["open_until"] = summary.open_until;
  document["jobs_run"] = summary.jobs_run;
  document["wall_s"] = summary.wall_s;
  document["dl1_folder"] = summary.folders.dl1.string();
  document["dl2_folder"] = summary.folders.dl2.string();
  document["decisions"] = summary.decisions;
  document["notes"] = summary.notes;
  document["runs"] = json::array();
  for (const RunLine& line : summary.runs) {
    json entry{{"run", line.run},
               {"type", line.type},
               {"source", line.source},
               {"subruns", line.subruns},
               {"expected_subruns", line.expected_subruns},
               {"discarded_subruns", line.discarded_subruns},
               {"processed", line.processed},
               {"constants", line.constants},
               {"quality", line.quality},
               {"events", line.events},
               {"time_s", line.time_s}};
    for (const auto& [stage, count] : line.stages) entry[stage] = stage_json(count);
    for (const auto& [subrun, gates] : line.failed_gates)
      entry["failed_gates"].push_back(
          {{"subrun", subrun == whole_run ? json() : json(subrun)}, {"gates", gates}});
    document["runs"].push_back(std::move(entry));
  }
  document["failed_gates"] = json::array();
  for (const GateFault& fault : summary.gate_faults)
    document["failed_gates"].push_back({{"run", fault.run},
                                        {"constants", fault.kind},
                                        {"gates", fault.text},
                                        {"accepted", fault.accepted},
                                        {"unreadable", fault.unreadable}});
  document["troubles"] = json::array();
  for (const Trouble& trouble : summary.troubles)
    document["troubles"].push_back({{"run", trouble.key.run},
                                    {"subrun", trouble.key.subrun},
                                    {"stage", trouble.key.stage},
                                    {"reason", trouble.reason},
                                    {"log_file", trouble.log_file},
                                    {"log_tail", trouble.log_tail}});
  return document;
}

NightSummary parse_summary(const json& document) {
  NightSummary summary;
  document.at("telescope").get_to(summary.key.telescope);
  summary.key.date = NightDate::parse(document.at("date").get<std::string>());
  document.at("prod_id").get_to(summary.key.prod_id);
  document.at("jobs_run").get_to(summary.jobs_run);
  document.at("wall_s").get_to(summary.wall_s);
  summary.decisions = document.value("decisions", std::vector<std::string>());
  document.at("notes").get_to(summary.notes);
  summary.not_asked = document.value("not_asked", "");
  summary.open_until = document.value("open_until", "");
  summary.folders.dl1 = document.at("dl1_folder").get<std::string>();
  summary.folders.dl2 = document.at("dl2_folder").get<std::string>();
  for (const json& entry : document.at("runs")) {
    RunLine& line = summary.runs.emplace_back();
    entry.at("run").get_to(line.run);
    entry.at("type").get_to(line.type);
    line.source = entry.value("source", "");
    entry.at("subruns").get_to(line.subruns);
    entry.at("expected_subruns").get_to(line.expected_subruns);
    line.discarded_subruns = entry.value("discarded_subruns", 0);
    entry.at("processed").get_to(line.processed);
    entry.at("constants").get_to(line.constants);
    entry.at("quality").get_to(line.quality);
    entry.at("events").get_to(line.events);
    entry.at("time_s").get_to(line.time_s);
    for (const auto& [stage, count] : entry.items())
      if (count.is_object() && count.contains("done"))
        line.stages[stage] = {count.at("done"), count.at("failed"), count.value("vetoed", 0),
                              count.at("open")};
    for (const json& gates : entry.value("failed_gates", json::array()))
      line.failed_gates[gates.at("subrun").is_null() ? whole_run : gates.at("subrun").get<int>()] =
          gates.at("gates");
  }
  for (const json& entry : document.at("failed_gates"))
    summary.gate_faults.push_back({entry.at("run"), entry.at("constants"), entry.at("gates"),
                                   entry.at("accepted"), entry.value("unreadable", false)});
  for (const json& entry : document.at("troubles"))
    summary.troubles.push_back({{entry.at("stage"), entry.at("run"), entry.at("subrun")},
                                entry.at("reason"),
                                entry.at("log_file"),
                                entry.at("log_tail")});
  return summary;
}

std::string column_title(const std::string& stage) {
  for (const auto& [name, title] : stage_columns)
    if (stage == name) return title;
  const bool merges = std::find(std::begin(merging_stages), std::end(merging_stages), stage) !=
                      std::end(merging_stages);
  return merges ? "merged" : stage;
}

}  // namespace alisio::night
