#include "lib/night/outcome.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/base/plain_text.hpp"
#include "lib/night/failure.hpp"
#include "lib/night/judge.hpp"
#include "lib/night/report.hpp"

namespace alisio::night {
namespace {

constexpr int log_tail_lines = 10;
constexpr std::size_t most_message_characters = 2000;

bool is_failed(const JobRecord& job) {
  return job.status == JobStatus::failed;
}

/// The process was ended from outside, for a reason that its own report cannot know.
bool was_ended(Fate fate) {
  return fate == Fate::refused || fate == Fate::cancelled || fate == Fate::timed_out ||
         fate == Fate::out_of_memory;
}

/// What a process that ended without a report of failure says of itself.
std::string words_of(const ExecutionEnd& about, const std::string& fault) {
  const auto& [process, end, fate, message] = about;
  if (!message.empty()) return message;
  if (end.signal != 0)
    return fmt::format("killed by signal {} ({})", end.signal, strsignal(end.signal));
  if (!fault.empty()) return fault;
  const std::string said = last_error(process.log_file);
  if (!said.empty()) return said;
  const std::string ended = fmt::format("ended with code {} and no report", end.exit_code);
  // A fault of the disk must not keep the end of the job from being recorded.
  if (std::error_code unknown; std::filesystem::exists(process.log_file, unknown)) return ended;
  return fmt::format("{}; its log {} cannot be written: what it said is lost", ended,
                     process.log_file);
}

void complete_record(JobRecord& job, const ProcessRecord& process,
                     const std::map<std::string, StageFacts>& stages) {
  const auto key = std::find_if(process.jobs.begin(), process.jobs.end(),
                                [&](const JobKey& known) { return known.stage == job.key.stage; });
  job.key = key != process.jobs.end() ? *key : process.jobs.front();
  const auto facts = stages.find(job.key.stage);
  if (facts != stages.end()) job.configuration = facts->second.configuration;
  job.log_file = process.log_file;
}

/// The process ended without saying why: the next stage that it owed an answer for has failed.
void add_owed_failure(std::vector<JobRecord>& jobs, const ExecutionEnd& about,
                      const std::map<std::string, StageFacts>& stages, const std::string& fault) {
  const auto& wanted = about.process.jobs;
  const std::size_t owed = std::min(jobs.size(), wanted.size() - 1);
  jobs.resize(owed);
  JobRecord job;
  job.key = wanted[owed];
  job.status = JobStatus::failed;
  job.exit_code = about.end.exit_code;
  const auto facts = stages.find(job.key.stage);
  if (facts != stages.end()) job.stage_version = facts->second.version;
  job.cpu_s = about.end.cpu_s;
  job.message = words_of(about, fault);
  jobs.push_back(std::move(job));
}

void complete_failure(JobRecord& job, const ExecutionEnd& about, const InputsOf& inputs_of) {
  if (was_ended(about.fate) && !about.message.empty()) job.message = about.message;
  if (job.message.empty()) job.message = fmt::format("failed with code {}", job.exit_code);
  job.log_tail = last_lines(about.process.log_file, log_tail_lines);
  note_unread_inputs(job, inputs_of(job.key));
}

bool may_pass(const JobRecord& job, const ExecutionEnd& about) {
  if (about.fate == Fate::refused || about.fate == Fate::cancelled) return false;
  // The next try is given more.
  if (about.fate == Fate::timed_out || about.fate == Fate::out_of_memory) return true;
  return classify(job).try_again == TryAgain::now;
}

}  // namespace

Outcome outcome_of(const ExecutionEnd& about, const std::map<std::string, StageFacts>& stages,
                   const InputsOf& inputs_of) {
  const auto& [process, end, fate, message] = about;
  Outcome outcome;
  outcome.counts = fate != Fate::displaced;
  std::string fault;
  try {
    if (std::optional<JobReport> report = read_report(process.report_file)) {
      outcome.jobs = std::move(report->jobs);
      outcome.files = std::move(report->files);
    }
  } catch (const Error& error) {
    fault = error.what();
    if (fate == Fate::left) spdlog::warn("{}", fault);
  }
  // What was told to stop, or was displaced, has not failed, whatever it says; nor has what ended
  // with the pass that ran it.
  if (fate == Fate::stopped || fate == Fate::displaced) std::erase_if(outcome.jobs, is_failed);
  if (fate == Fate::left)
    std::erase_if(outcome.jobs, [](const JobRecord& job) {
      return is_failed(job) && job.exit_code == exit_code(ErrorKind::interrupted);
    });
  const bool complete = outcome.jobs.size() >= process.jobs.size() && end.exit_code == 0;
  if ((fate == Fate::ended || was_ended(fate)) && !complete &&
      std::none_of(outcome.jobs.begin(), outcome.jobs.end(), is_failed))
    add_owed_failure(outcome.jobs, about, stages, fault);
  for (JobRecord& job : outcome.jobs) {
    complete_record(job, process, stages);
    job.max_rss_bytes = std::max(job.max_rss_bytes, end.max_rss_bytes);
    if (!is_failed(job)) continue;
    complete_failure(job, about, inputs_of);
    // From here on they are shown to people and written as JSON.
    job.message = plain_line(job.message, most_message_characters);
    job.log_tail = plain_lines(job.log_tail);
    outcome.transient = may_pass(job, about);
  }
  return outcome;
}

}  // namespace alisio::night
