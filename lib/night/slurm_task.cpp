#include "lib/night/slurm_task.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/json_text.hpp"
#include "lib/base/log.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {

/// How often to look whether the process has ended if no signal tells, seconds.
constexpr double look_every_s = 1;

/// The journal of a task, to which each line is added whole and synced.
class JournalWriter {
 public:
  /// Make the journal; if it is there, go on with it if it is of the same job.
  JournalWriter(fs::path file, const std::string& job) : file_(std::move(file)) {
    descriptor_ = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
    if (descriptor_ >= 0) {
      add({{"job", job}, {"host", host_name()}});
      return;
    }
    if (errno != EEXIST) fail();
    const std::optional<TaskJournal> other = read_task_journal(file_);
    taken_by_ = other && !other->job.empty() ? other->job : "another job";
    if (taken_by_ != job) return;
    taken_by_.clear();
    descriptor_ = ::open(file_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    if (descriptor_ < 0) fail();
  }
  ~JournalWriter() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  JournalWriter(const JournalWriter&) = delete;
  JournalWriter& operator=(const JournalWriter&) = delete;

  /// The other job that has taken the task; empty: none.
  [[nodiscard]] const std::string& taken_by() const { return taken_by_; }

  void add(const json& line) {
    const std::string text = json_text(line) + "\n";
    if (::write(descriptor_, text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::fsync(descriptor_) != 0)
      fail();
  }

 private:
  [[noreturn]] void fail() const {
    throw Error(ErrorKind::resource, std::string("cannot be written: ") + std::strerror(errno),
                file_.string());
  }

  fs::path file_;
  int descriptor_ = -1;
  std::string taken_by_;
};

json json_of(const JobRequest& request) {
  json jobs = json::array();
  for (const JobKey& key : request.jobs) jobs.push_back({key.stage, key.run, key.subrun});
  return {{"jobs", jobs},
          {"arguments", request.arguments},
          {"report", request.report_file.string()},
          {"log", request.log_file.string()},
          {"products", request.products}};
}

JobRequest request_from(const json& item) {
  JobRequest request;
  for (const json& key : item.at("jobs")) request.jobs.push_back({key.at(0), key.at(1), key.at(2)});
  request.arguments = item.at("arguments").get<std::vector<std::string>>();
  request.report_file = item.at("report").get<std::string>();
  request.log_file = item.at("log").get<std::string>();
  request.products = item.at("products").get<std::vector<std::string>>();
  return request;
}

void take_line(const json& line, TaskJournal& journal) {
  if (line.contains("job")) {
    journal.job = line.at("job");
    journal.host = line.at("host");
    return;
  }
  const auto place = line.at("step").get<std::size_t>();
  if (journal.steps.size() <= place) journal.steps.resize(place + 1);
  TaskStep& step = journal.steps[place];
  step.begun = true;
  if (!line.contains("exit_code")) return;
  step.end = ProcessEnd{.exit_code = line.at("exit_code"),
                        .signal = line.at("signal"),
                        .max_rss_bytes = line.at("max_rss_bytes"),
                        .cpu_s = line.at("cpu_s")};
}

/// Run one process to its end. @param stopped set if this one was told to stop.
ProcessEnd run_step(const fs::path& program, const JobRequest& request, SignalWait& signals,
                    bool& stopped) {
  std::error_code ignored;
  fs::remove(request.report_file, ignored);
  const pid_t pid = start_process(program, request.arguments, request.log_file, [](pid_t) {});
  ProcessEnd end;
  while (!has_ended(pid, end)) {
    if (signals.wait(look_every_s) == 0) continue;
    stopped = true;
    ::kill(-pid, SIGTERM);
  }
  if (end.exit_code != 0) {
    std::vector<std::string> paths = request.products;
    paths.push_back(request.report_file.string());
    remove_part_files(paths, pid);
  }
  return end;
}

}  // namespace

void write_task_file(const fs::path& file, const TaskFile& tasks) {
  json list = json::array();
  for (const std::vector<JobRequest>& task : tasks.tasks) {
    json steps = json::array();
    for (const JobRequest& request : task) steps.push_back(json_of(request));
    list.push_back(std::move(steps));
  }
  const SlurmSubmission& asked = tasks.submission;
  const json submission{{"name", asked.name},
                        {"comment", asked.comment},
                        {"log_folder", asked.log_folder.string()},
                        {"indices", asked.indices},
                        {"dependency", asked.dependency},
                        {"processors", asked.processors},
                        {"memory_bytes", asked.memory_bytes},
                        {"time_s", asked.time_s}};
  const json content{
      {"program", tasks.program.string()}, {"submission", submission}, {"tasks", list}};
  write_file_atomically(file, json_text(content, 1) + "\n");
}

void write_runner_script(const fs::path& file) {
  if (!fs::exists(file)) write_file_atomically(file, "#!/bin/sh\nexec \"$@\"\n");
}

TaskFile read_task_file(const fs::path& file) {
  const std::string text = read_text_file(file);
  try {
    const json content = json::parse(text);
    const json& asked = content.at("submission");
    TaskFile tasks{.program = content.at("program").get<std::string>(),
                   .submission = {.name = asked.at("name"),
                                  .comment = asked.at("comment"),
                                  .command = {},
                                  .log_folder = asked.at("log_folder").get<std::string>(),
                                  .indices = asked.at("indices").get<std::vector<int>>(),
                                  .dependency = asked.at("dependency"),
                                  .processors = asked.at("processors"),
                                  .memory_bytes = asked.at("memory_bytes"),
                                  .time_s = asked.at("time_s")},
                   .tasks = {}};
    for (const json& task : content.at("tasks")) {
      tasks.tasks.emplace_back();
      for (const json& step : task) tasks.tasks.back().push_back(request_from(step));
    }
    return tasks;
  } catch (const json::exception& error) {
    throw Error(ErrorKind::bad_input, std::string("is no task file: ") + error.what(),
                file.string(), "it is written by alisio night for its jobs in Slurm");
  }
}

fs::path journal_of_task(const fs::path& task_file, int index) {
  fs::path file = task_file;
  file.replace_extension(fmt::format("{}.journal", index));
  return file;
}

std::optional<TaskJournal> read_task_journal(const fs::path& file) {
  if (!fs::exists(file)) return std::nullopt;
  TaskJournal journal;
  std::istringstream lines(read_text_file(file));
  for (std::string line; std::getline(lines, line);) {
    const json content = json::parse(line, nullptr, false);
    if (content.is_discarded()) continue;
    try {
      take_line(content, journal);
    } catch (const json::exception& error) {
      throw Error(ErrorKind::bad_input, std::string("is no journal of a task: ") + error.what(),
                  file.string());
    }
  }
  return journal;
}

bool withdraw_task(const fs::path& task_file, int index) {
  return JournalWriter(journal_of_task(task_file, index), withdrawn).taken_by().empty();
}

int run_task(const fs::path& task_file, int index, const std::string& job) {
  const TaskFile tasks = read_task_file(task_file);
  if (index < 0 || index >= static_cast<int>(tasks.tasks.size()))
    throw Error(ErrorKind::usage, fmt::format("there is no task {}", index), task_file.string(),
                "it holds " + array_text(tasks.submission.indices));
  const fs::path journal_file = journal_of_task(task_file, index);
  SignalWait signals;
  JournalWriter journal(journal_file, job);
  if (!journal.taken_by().empty()) {
    spdlog::warn("task {} is done by {}: nothing is left for {}", index, journal.taken_by(), job);
    return journal.taken_by() == withdrawn ? 1 : 0;
  }
  // The pass removes what is done, the task file before the journals: without it, this journal was
  // made too late to tell that another job has done the task.
  if (!fs::exists(task_file)) {
    spdlog::warn("task {} is done and forgotten: nothing is left for {}", index, job);
    fs::remove(journal_file);
    return 0;
  }
  const std::optional<TaskJournal> before = read_task_journal(journal_file);
  const std::vector<JobRequest>& steps = tasks.tasks[static_cast<std::size_t>(index)];
  bool all_well = true, stopped = false;
  for (std::size_t place = 0; place < steps.size() && !stopped; ++place) {
    if (before && place < before->steps.size() && before->steps[place].end) continue;
    journal.add({{"step", place}});
    const ProcessEnd end = run_step(tasks.program, steps[place], signals, stopped);
    journal.add({{"step", place},
                 {"exit_code", end.exit_code},
                 {"signal", end.signal},
                 {"max_rss_bytes", end.max_rss_bytes},
                 {"cpu_s", end.cpu_s}});
    all_well = all_well && end.exit_code == 0;
  }
  return all_well && !stopped ? 0 : 1;
}

}  // namespace alisio::night
