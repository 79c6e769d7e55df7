#include "lib/web/night_grid.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "lib/night/words.hpp"
#include "lib/stage/description.hpp"

namespace alisio::web {
namespace {

using night::JobKey;
using night::JobStatusView;
using nlohmann::json;

constexpr std::size_t most_troubles = 200;  // in one document: the rest is counted
constexpr std::size_t most_tails = 20;

constexpr std::pair<char, std::string_view> letters[] = {
    {'=', "done"},   {'>', "running"}, {'.', "to run"},        {':', "waiting"}, {'Q', "queued"},
    {'X', "failed"}, {'#', "blocked"}, {'?', "missing input"}, {'V', "vetoed"},  {'D', "discarded"},
    {'H', "held"},   {'~', "other"},   {'_', "no such job"}};

/// The second one hour before an instant, both as utc_now_text() writes them.
std::string hour_before(const std::string& text) {
  const double unix_s = night::unix_seconds(text);
  if (unix_s == 0) return text;
  return night::utc_text((static_cast<std::int64_t>(unix_s) - 3600) * 1'000'000).substr(0, 19);
}

json rows_of(const std::vector<JobStatusView>& jobs) {
  std::map<std::string, std::string> rows;
  for (const JobStatusView& job : jobs) {
    std::string& row = rows[fmt::format("{} {}", job.key.run, job.key.stage)];
    const auto place = static_cast<std::size_t>(std::max(0, job.key.subrun));
    if (row.size() <= place) row.resize(place + 1, '_');
    row[place] = status_letter(job.status);
  }
  return rows;
}

json stages_of(const std::vector<JobStatusView>& jobs) {
  json stages = json::array();
  for (const stage::StageDescription& stage : stage::descriptions())
    if (std::any_of(jobs.begin(), jobs.end(),
                    [&](const JobStatusView& job) { return job.key.stage == stage.name; }))
      stages.push_back(stage.name);
  return stages;
}

json progress_json(const night::NightProgress& progress) {
  return {{"jobs", progress.jobs},
          {"done", progress.done},
          {"running", progress.running},
          {"queued", progress.queued},
          {"to_run", progress.to_run},
          {"in_trouble", progress.in_trouble},
          {"left_s", progress.left_s ? json(std::round(*progress.left_s)) : json()},
          {"left_at_least", progress.left_at_least}};
}

/// What each stage took: the means and sums of its jobs that are done.
json resources_of(const std::vector<JobStatusView>& jobs, const std::string& updated_at) {
  struct Sum {
    int done = 0, failed = 0, last_hour = 0;
    double wall_s = 0, cpu_s = 0;
    std::uint64_t max_rss_bytes = 0;
    std::int64_t events = 0;
  };
  const std::string an_hour_ago = hour_before(updated_at);
  std::map<std::string, Sum> stages;
  for (const JobStatusView& job : jobs) {
    if (job.attempts == 0) continue;
    Sum& sum = stages[job.key.stage];
    sum.failed += job.last_end == "failed";
    sum.max_rss_bytes = std::max(sum.max_rss_bytes, job.max_rss_bytes);
    if (job.last_end != "done") continue;
    ++sum.done;
    sum.last_hour += job.ended_at >= an_hour_ago;
    sum.wall_s += job.wall_s;
    sum.cpu_s += job.cpu_s;
    sum.events += job.events;
  }
  json list = json::array();
  for (const stage::StageDescription& stage : stage::descriptions()) {
    const auto found = stages.find(stage.name);
    if (found == stages.end()) continue;
    const Sum& sum = found->second;
    list.push_back({{"stage", stage.name},
                    {"done", sum.done},
                    {"failed", sum.failed},
                    {"jobs_last_hour", sum.last_hour},
                    {"wall_s", sum.wall_s},
                    {"cpu_s", sum.cpu_s},
                    {"max_rss_bytes", sum.max_rss_bytes},
                    {"events", sum.events}});
  }
  return list;
}

json key_json(const JobKey& key) {
  return {{"stage", key.stage},
          {"run", key.run},
          {"subrun", key.subrun == night::whole_run ? json() : json(key.subrun)}};
}

json trouble_json(const JobStatusView& job) {
  json trouble = key_json(job.key);
  const bool failed = job.last_end == "failed";
  trouble["status"] = job.status;
  trouble["reason"] = failed ? job.message : job.reason;
  trouble["attempts"] = job.attempts;
  trouble["has_log"] = !job.log_file.empty();
  if (job.failure) {
    trouble["class"] = night::to_string(job.failure->kind);
    trouble["cause"] = job.failure->cause;
    trouble["advice"] = job.failure->advice;
  }
  return trouble;
}

void add_troubles(const std::vector<JobStatusView>& jobs, json& document) {
  json list = json::array();
  std::size_t tails = 0, more = 0;
  for (const JobStatusView& job : jobs) {
    if (!job.in_trouble) continue;
    if (list.size() == most_troubles) {
      ++more;
      continue;
    }
    json trouble = trouble_json(job);
    if (!job.log_tail.empty() && tails++ < most_tails) trouble["log_tail"] = job.log_tail;
    list.push_back(std::move(trouble));
  }
  document["troubles"] = std::move(list);
  document["more_troubles"] = more;
}

json runs_of(const std::vector<night::RunLine>& lines) {
  json runs = json::array();
  for (const night::RunLine& line : lines)
    runs.push_back({{"run", line.run},
                    {"type", line.type},
                    {"subruns", line.subruns},
                    {"expected_subruns", line.expected_subruns},
                    {"processed", line.processed},
                    {"constants", line.constants},
                    {"quality", line.quality},
                    {"events", line.events},
                    {"time_s", line.time_s}});
  return runs;
}

json decisions_of(const std::vector<night::Decision>& decisions) {
  json list = json::array();
  for (const night::Decision& decision : decisions) list.push_back(decision.line());
  return list;
}

json running_of(const std::vector<night::RunningView>& running) {
  json list = json::array();
  for (const night::RunningView& process : running) {
    json jobs = json::array();
    for (const JobKey& key : process.jobs) jobs.push_back(key_json(key));
    list.push_back({{"jobs", std::move(jobs)},
                    {"host", process.host},
                    {"started_at", process.started_at},
                    {"queued", process.queued},
                    {"lost", process.lost}});
  }
  return list;
}

}  // namespace

char status_letter(std::string_view status) {
  for (const auto& [letter, name] : letters)
    if (name == status) return letter;
  return '~';
}

std::string_view status_of_letter(char letter) {
  for (const auto& [known, name] : letters)
    if (known == letter) return name;
  return "other";
}

std::string worst_of(const std::vector<std::string>& rows) {
  std::string worst;
  for (const std::string& row : rows) {
    worst.resize(std::max(worst.size(), row.size()), '_');
    for (std::size_t place = 0; place < row.size(); ++place)
      if (status_letters.find(row[place]) < status_letters.find(worst[place]))
        worst[place] = row[place];
  }
  return worst;
}

json night_document(const night::NightStatus& status) {
  const night::NightKey& key = status.summary.key;
  json document{{"night",
                 {{"telescope", key.telescope},
                  {"date", key.date.compact()},
                  {"prod_id", key.prod_id},
                  {"updated_at", status.updated_at},
                  {"complete", status.complete()},
                  {"goes_on", status.goes_on}}}};
  document["progress"] = progress_json(status.progress);
  document["stages"] = stages_of(status.jobs);
  document["rows"] = rows_of(status.jobs);
  document["resources"] = resources_of(status.jobs, status.updated_at);
  document["running"] = running_of(status.running);
  document["runs"] = runs_of(status.summary.runs);
  add_troubles(status.jobs, document);
  document["decisions"] = decisions_of(status.decisions);
  document["notes"] = status.summary.notes;
  return document;
}

}  // namespace alisio::web
