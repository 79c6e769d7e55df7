#include "lib/night/plan_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>
#include <vector>

#include "lib/base/json_text.hpp"
#include "lib/night/table.hpp"
#include "lib/night/words.hpp"

namespace alisio::night {
using nlohmann::json;
namespace {

std::string choice_line(const char* words, const ConstantsChoice& choice) {
  std::string text = choice.file.empty()
                         ? fmt::format("    {:<18} {}\n", words, choice.reason)
                         : fmt::format("    {:<18} {} ({}{})\n", words, choice.file.string(),
                                       choice.reason, choice.coming ? ", made first" : "");
  for (const std::string& other : choice.passed_over)
    text += fmt::format("    {:<18} passed over: {}\n", "", other);
  return text;
}

/// Print the fates of a run's jobs; subruns that share one are told together.
void print_jobs(const NightPlan& plan, int run, std::ostream& out) {
  std::vector<std::pair<std::string, std::vector<int>>> fates;
  for (const PlannedJob& planned : plan.jobs) {
    if (planned.job.key.run != run) continue;
    const std::string fate = fmt::format(
        "{:<10} {}: {}{}", planned.job.key.stage, to_string(planned.step.status),
        planned.step.reason, plan.goes_with_dl1(planned) ? " (in one pass with DL1)" : "");
    const auto same = std::find_if(fates.begin(), fates.end(),
                                   [&](const auto& known) { return known.first == fate; });
    if (same == fates.end())
      fates.push_back({fate, {planned.job.key.subrun}});
    else
      same->second.push_back(planned.job.key.subrun);
  }
  for (const auto& [fate, subruns] : fates)
    out << fmt::format("    {}  {}\n", ranges_text(subruns), fate);
}

void print_run(const RunEntry& entry, const InputStates& states, std::ostream& out) {
  const auto state = states.find(entry.run);
  out << fmt::format("run {} ({}, {} subrun{}){}\n", run_text(entry.run), entry.type,
                     entry.subruns.size(), entry.subruns.size() == 1 ? "" : "s",
                     state == states.end() ? "" : ": " + state->second);
}

json step_json(const PlannedJob& planned) {
  return {{"status", to_string(planned.step.status)}, {"reason", planned.step.reason}};
}

json choice_json(const ConstantsChoice& made) {
  return {{"file", made.file.string()},
          {"run", made.run},
          {"reason", made.reason},
          {"passed_over", made.passed_over},
          {"made_first", made.coming}};
}

bool has_jobs(const NightPlan& plan, int run) {
  return std::any_of(plan.jobs.begin(), plan.jobs.end(),
                     [&](const PlannedJob& planned) { return planned.job.key.run == run; });
}

}  // namespace

void print_plan(const NightSetup& setup, const NightPlan& plan, const InputStates& states,
                std::ostream& out) {
  out << fmt::format("Plan of night {} of {}, production {}\n", setup.key.date.iso(),
                     telescope_text(setup.key.telescope), setup.key.prod_id);
  for (const PlannedJob& planned : plan.jobs)
    if (planned.job.key.run == whole_night)
      out << fmt::format("{} {}: {}\n", planned.job.key.stage, to_string(planned.step.status),
                         planned.step.reason);
  for (const RunEntry& entry : setup.catalogue.runs) {
    const auto found = plan.found.find(entry.run);
    if (entry.type == "DATA" || (!has_jobs(plan, entry.run) && found == plan.found.end())) continue;
    print_run(entry, states, out);
    if (found != plan.found.end()) out << fmt::format("    as found: {}\n", found->second);
    print_jobs(plan, entry.run, out);
  }
  for (std::size_t i = 0; i < setup.runs.size(); ++i) {
    const RunSetup& run = setup.runs[i];
    print_run(run.entry, states, out);
    if (!has_jobs(plan, run.entry.run)) continue;
    out << choice_line("DRS4 pedestal", plan.runs[i].drs4_pedestal)
        << choice_line("charge calibration", plan.runs[i].charge)
        << choice_line("time calibration", plan.runs[i].time);
    if (const auto found = plan.found.find(run.entry.run); found != plan.found.end())
      out << fmt::format("    as found: {}\n", found->second);
    if (!plan.runs[i].models_reason.empty())
      out << choice_line("models",
                         {plan.runs[i].models, -1, plan.runs[i].models_reason, {}, {}, false});
    print_jobs(plan, run.entry.run, out);
  }
  for (const std::string& decision : plan.decisions) out << "decision: " << decision << '\n';
  for (const auto* notes : {&setup.catalogue.notes, &plan.notes})
    for (const std::string& note : *notes) out << "note: " << note << '\n';
  for (const GateFault& fault : plan.gate_faults) out << "note: " << gate_note(fault) << '\n';
  const auto processes =
      std::count_if(plan.jobs.begin(), plan.jobs.end(), [&](const PlannedJob& planned) {
        return planned.step.status == StepStatus::to_run && !plan.goes_with_dl1(planned);
      });
  out << (processes == 0 ? std::string("nothing to run\n")
                         : fmt::format("{} job{} to run\n", processes, processes == 1 ? "" : "s"));
}

void print_plan_json(const NightSetup& setup, const NightPlan& plan, const InputStates& states,
                     std::ostream& out) {
  json document{{"telescope", setup.key.telescope}, {"date", setup.key.date.iso()},
                {"prod_id", setup.key.prod_id},     {"notes", setup.catalogue.notes},
                {"decisions", plan.decisions},      {"runs", json::array()},
                {"calibration_runs", json::array()}};
  for (const std::string& note : plan.notes) document["notes"].push_back(note);
  const auto state_of = [&](int run) {
    const auto state = states.find(run);
    return state == states.end() ? std::string() : state->second;
  };
  const auto jobs_of_run = [&](int run, json& entry) {
    for (const PlannedJob& planned : plan.jobs)
      if (planned.job.key.run == run && planned.job.key.subrun == whole_run)
        entry[planned.job.key.stage] = step_json(planned);
  };
  jobs_of_run(whole_night, document);
  for (const RunEntry& run : setup.catalogue.runs) {
    if (run.type == "DATA") continue;
    json entry{{"run", run.run}, {"type", run.type}, {"input", state_of(run.run)}};
    if (const auto found = plan.found.find(run.run); found != plan.found.end())
      entry["as_found"] = found->second;
    jobs_of_run(run.run, entry);
    document["calibration_runs"].push_back(std::move(entry));
  }
  for (std::size_t i = 0; i < setup.runs.size(); ++i) {
    const RunSetup& run = setup.runs[i];
    json entry{{"run", run.entry.run},
               {"type", run.entry.type},
               {"input", state_of(run.entry.run)},
               {"drs4_pedestal", choice_json(plan.runs[i].drs4_pedestal)},
               {"charge_calibration", choice_json(plan.runs[i].charge)},
               {"time_calibration", choice_json(plan.runs[i].time)},
               {"models",
                {{"file", plan.runs[i].models.string()}, {"reason", plan.runs[i].models_reason}}},
               {"subruns", json::array()}};
    jobs_of_run(run.entry.run, entry);
    std::map<int, json> subruns;
    for (const PlannedJob& planned : plan.jobs) {
      const JobKey& key = planned.job.key;
      if (key.run != run.entry.run || key.subrun == whole_run) continue;
      json& subrun = subruns[key.subrun];
      subrun["subrun"] = key.subrun;
      subrun[key.stage] = step_json(planned);
      if (key.stage == "dl1_to_dl2") subrun["one_pass"] = plan.goes_with_dl1(planned);
    }
    for (auto& [number, subrun] : subruns) entry["subruns"].push_back(std::move(subrun));
    document["runs"].push_back(std::move(entry));
  }
  out << json_text(document, 2) << '\n';
}

}  // namespace alisio::night
