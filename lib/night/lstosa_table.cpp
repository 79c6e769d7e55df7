#include "lib/night/lstosa_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "lib/base/median.hpp"
#include "lib/night/judge.hpp"

namespace alisio::night {
namespace {

constexpr std::size_t columns = 19;
using Row = std::array<std::string, columns>;
constexpr const char* titles[columns] = {"Tel",     "Seq",      "Parent",     "Type",  "Run",
                                         "Subruns", "Source",   "Action",     "Tries", "JobID",
                                         "State",   "CPU_time", "Exit",       "DL1%",  "MUONS%",
                                         "CAT-B",   "DL1AB%",   "DATACHECK%", "DL2%"};

constexpr const char* nothing = "None";
/// A signal ends a process with this and its number.
constexpr int signal_base = 128;

/// By run and port: how many products of jobs that are done are on record.
using ProductCounts = std::map<std::pair<int, std::string>, int>;

ProductCounts count_products(sqlite::Database& database, const NightKey& night) {
  sqlite::Statement query = database.prepare(
      "SELECT step.run, job_file.port, count(*) FROM step "
      "JOIN job USING (telescope, date, prod_id, stage, run, subrun) "
      "JOIN job_file ON job_file.job = job.id AND job_file.output = 1 "
      "WHERE step.telescope = ? AND step.date = ? AND step.prod_id = ? AND step.status = 'done' "
      "AND step.subrun >= 0 GROUP BY step.run, job_file.port");
  query.bind(night.telescope, night.date.compact(), night.prod_id);
  ProductCounts counts;
  while (query.step())
    counts[{static_cast<int>(query.integer(0)), query.text(1)}] =
        static_cast<int>(query.integer(2));
  return counts;
}

/// Return the calibration run whose constants each data run's DL1 was made with.
std::map<int, int> calibration_runs(sqlite::Database& database, const NightKey& night) {
  sqlite::Statement query = database.prepare(
      "SELECT job.run, min(job_file.path) FROM job JOIN job_file ON job_file.job = job.id "
      "WHERE telescope = ? AND date = ? AND prod_id = ? AND stage = 'r0_to_dl1' AND output = 0 "
      "AND port = 'charge_calibration' GROUP BY job.run");
  query.bind(night.telescope, night.date.compact(), night.prod_id);
  std::map<int, int> runs;
  constexpr std::string_view mark = ".Run";
  while (query.step()) {
    const std::string name = std::filesystem::path(query.text(1)).filename().string();
    const std::size_t at = name.find(mark);
    if (at == std::string::npos) continue;
    const int run = std::atoi(name.c_str() + at + mark.size());
    runs[static_cast<int>(query.integer(0))] = run;
  }
  return runs;
}

/// Return the number that a scheduler gave last to jobs of each run.
std::map<int, std::string> scheduler_jobs(sqlite::Database& database, const NightKey& night) {
  sqlite::Statement query = database.prepare(
      "SELECT json_extract(jobs, '$[0][1]') AS run, scheduler_job, max(id) FROM process "
      "WHERE telescope = ? AND date = ? AND prod_id = ? AND scheduler_job != '' GROUP BY run");
  query.bind(night.telescope, night.date.compact(), night.prod_id);
  std::map<int, std::string> numbers;
  while (query.step()) numbers[static_cast<int>(query.integer(0))] = query.text(1);
  return numbers;
}

std::vector<const JobStatusView*> jobs_of(const NightStatus& status, int run) {
  std::vector<const JobStatusView*> jobs;
  for (const JobStatusView& job : status.jobs)
    if (job.key.run == run) jobs.push_back(&job);
  return jobs;
}

std::string state_of(std::vector<const JobStatusView*> jobs) {
  // What operators took out is waited for by nobody.
  std::erase_if(
      jobs, [](const JobStatusView* job) { return job->status == to_string(StepStatus::vetoed); });
  const auto any = [&](const auto& test) { return std::any_of(jobs.begin(), jobs.end(), test); };
  if (jobs.empty()) return nothing;
  if (!any([](const auto* job) { return job->status != to_string(StepStatus::done); }))
    return "COMPLETED";
  if (any([](const auto* job) { return !job->running_since.empty(); })) return "RUNNING";
  if (any([](const auto* job) {
        return job->failure && job->failure->kind != FailureClass::time_out &&
               job->last_end == "failed";
      }))
    return "FAILED";
  if (any([](const auto* job) {
        return job->failure && job->failure->kind == FailureClass::time_out;
      }))
    return "TIMEOUT";
  return "PENDING";
}

/// Return the median of what the subruns took, "HH:MM:SS".
std::string cpu_time_of(const std::vector<const JobStatusView*>& jobs) {
  std::map<int, double> by_subrun;
  for (const JobStatusView* job : jobs)
    if (job->cpu_s > 0) by_subrun[job->key.subrun] += job->cpu_s;
  if (by_subrun.size() > 1) by_subrun.erase(whole_run);
  std::vector<double> seconds;
  for (const auto& [subrun, sum] : by_subrun) seconds.push_back(sum);
  if (seconds.empty()) return nothing;
  const long whole = std::lround(upper_median(std::move(seconds)));
  return fmt::format("{:02}:{:02}:{:02}", whole / 3600, whole % 3600 / 60, whole % 60);
}

/// Return "code:signal" of the first job that failed.
std::string exit_of(const std::vector<const JobStatusView*>& jobs) {
  bool tried = false;
  for (const JobStatusView* job : jobs) {
    tried = tried || job->attempts > 0;
    if (job->last_end != "failed" || job->status == to_string(StepStatus::done)) continue;
    return job->exit_code > signal_base ? fmt::format("0:{}", job->exit_code - signal_base)
                                        : fmt::format("{}:0", job->exit_code);
  }
  return tried ? "0:0" : nothing;
}

std::string cat_b_of(const std::vector<const JobStatusView*>& jobs) {
  std::vector<const JobStatusView*> own;
  for (const JobStatusView* job : jobs)
    if (job->key.stage == "cat_b") own.push_back(job);
  const std::string state = state_of(own);
  return state == "COMPLETED" ? "CLOSED" : state;
}

std::string one_word(std::string text) {
  if (text.empty()) return nothing;
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return std::isspace(c) != 0; }, '_');
  return text;
}

/// What is filled in for every sequence.
Row common_row(const NightStatus& status, const RunLine& line, int sequence,
               const std::vector<const JobStatusView*>& jobs) {
  const NightKey& night = status.summary.key;
  const bool is_vetoed =
      decision_about(status.decisions, DecisionKind::veto, {"", line.run, whole_run}) != nullptr;
  int tries = 0;
  for (const JobStatusView* job : jobs) tries = std::max(tries, job->attempts);
  Row row;
  row.fill(nothing);
  row[0] = fmt::format("LST{}", night.telescope);
  row[1] = std::to_string(sequence);
  row[3] = line.type;
  row[4] = std::to_string(line.run);
  row[5] = std::to_string(line.subruns);
  row[6] = one_word(line.source);
  row[7] = is_vetoed ? "Veto" : tries > 0 ? "Check" : nothing;
  row[8] = std::to_string(tries);
  row[10] = state_of(jobs);
  row[11] = cpu_time_of(jobs);
  row[12] = exit_of(jobs);
  return row;
}

void print_rows(const std::vector<Row>& rows, std::ostream& out) {
  std::array<std::size_t, columns> widths{};
  for (const Row& row : rows)
    for (std::size_t column = 0; column < columns; ++column)
      widths[column] = std::max(widths[column], row[column].size());
  for (const Row& row : rows) {
    std::string text;
    for (std::size_t column = 0; column < columns; ++column)
      text += fmt::format("{}{:<{}}", column == 0 ? "" : "  ", row[column], widths[column]);
    text.erase(text.find_last_not_of(' ') + 1);
    out << text << '\n';
  }
}

}  // namespace

void print_lstosa_table(const NightStatus& status, State& state, std::ostream& out) {
  const NightKey& night = status.summary.key;
  const ProductCounts products = count_products(state.database(), night);
  const std::map<int, int> calibrations = calibration_runs(state.database(), night);
  std::vector<Row> rows(1);
  std::copy(std::begin(titles), std::end(titles), rows.front().begin());
  std::map<int, int> sequences;  ///< of calibration runs
  int sequence = 0;
  for (const RunLine& line : status.summary.runs) {
    if (line.type != "PEDCALIB") continue;
    sequences[line.run] = ++sequence;
    rows.push_back(common_row(status, line, sequence, jobs_of(status, line.run)));
    // Constants that were there need no job.
    if (rows.back()[10] == nothing && !line.constants.empty()) {
      rows.back()[10] = "COMPLETED";
      rows.back()[12] = "0:0";
    }
  }
  for (const RunLine& line : status.summary.runs) {
    if (line.type != "DATA") continue;
    const std::vector<const JobStatusView*> jobs = jobs_of(status, line.run);
    Row row = common_row(status, line, ++sequence, jobs);
    const auto calibration = calibrations.find(line.run);
    if (calibration != calibrations.end() && sequences.contains(calibration->second))
      row[2] = std::to_string(sequences.at(calibration->second));
    const auto percent = [&](const char* port) {
      const auto count = products.find({line.run, port});
      return std::to_string(
          count == products.end() || line.subruns == 0 ? 0 : 100 * count->second / line.subruns);
    };
    row[13] = percent("dl1_subrun");
    row[14] = percent("muons");
    row[15] = cat_b_of(jobs);
    // What is not planned is never 100 %, and those who wait for that would wait for ever.
    const bool cleaned_again = std::any_of(jobs.begin(), jobs.end(), [](const JobStatusView* job) {
      return job->key.stage == "dl1ab";
    });
    if (cleaned_again) row[16] = percent("dl1b_subrun");
    row[17] = percent("dl1_datacheck");
    row[18] = percent("dl2_subrun");
    rows.push_back(std::move(row));
  }
  const std::map<int, std::string> numbers = scheduler_jobs(state.database(), night);
  for (std::size_t row = 1; row < rows.size(); ++row)
    if (const auto known = numbers.find(std::stoi(rows[row][4])); known != numbers.end())
      rows[row][9] = known->second;
  if (const auto closing = state.closing(night); closing && closing->closed())
    for (std::size_t row = 1; row < rows.size(); ++row) rows[row][7] = "Closed";
  print_rows(rows, out);
}

}  // namespace alisio::night
