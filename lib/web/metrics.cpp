#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>
#include <set>
#include <vector>

#include "lib/base/version.hpp"
#include "lib/night/products.hpp"
#include "lib/night/status.hpp"
#include "lib/web/api.hpp"

namespace alisio::web {
namespace {

/// Text within the quotes of a label.
std::string label(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\' || c == '"') result += '\\';
    result += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return result;
}

/// One metric: its head and its samples, which must stand together.
class Metric {
 public:
  Metric(std::string name, const char* type, const char* help)
      : name_(std::move(name)),
        text_(fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name_, type, help)) {}

  void add(const std::string& labels, double value) {
    text_ += fmt::format("{}{} {}\n", name_, labels.empty() ? "" : '{' + labels + '}', value);
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string name_, text_;
};

/// Seconds since an instant that utc_now_text() wrote.
double age_s(const std::string& instant) {
  std::tm parts{};
  if (::strptime(instant.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) return 0;
  return std::difftime(std::time(nullptr), ::timegm(&parts));
}

double cpu_seconds() {
  struct rusage usage {};
  ::getrusage(RUSAGE_THREAD, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct NightMetrics {
  Metric jobs{"alisio_jobs", "gauge", "Jobs of the latest night by stage and status."};
  Metric age{"alisio_last_pass_age_seconds", "gauge", "Time since a pass last showed the night."};
  Metric complete{"alisio_night_complete", "gauge", "1 if all of the night is done."};
  Metric running{"alisio_processes_running", "gauge", "Processes under way."};
  Metric left{"alisio_time_left_seconds", "gauge", "Estimated time to the end of the night."};
  Metric failed{"alisio_jobs_failed", "gauge", "Jobs whose last try failed, by stage."};
  Metric tries{"alisio_job_tries", "gauge", "Tries of all jobs, by stage."};
  Metric wall{"alisio_job_wall_seconds_sum", "gauge", "Time of the jobs that are done, by stage."};
  Metric cpu{"alisio_job_cpu_seconds_sum", "gauge",
             "CPU time of the jobs that are done, by stage."};
  Metric count{"alisio_jobs_done", "gauge", "Jobs whose last try was done, by stage."};
  Metric memory{"alisio_job_memory_peak_bytes", "gauge", "Most memory that a job took, by stage."};
  Metric files{"alisio_product_files", "gauge", "Files made, by stage."};
  Metric bytes{"alisio_product_bytes", "gauge", "Bytes made, by stage."};

  void add(night::State& state, const night::NightStatus& status);
  void add_stages(const std::string& night, const std::vector<night::JobStatusView>& jobs);
  [[nodiscard]] std::string text() const {
    std::string all;
    for (const Metric* metric : {&jobs, &age, &complete, &running, &left, &failed, &tries, &wall,
                                 &cpu, &count, &memory, &files, &bytes})
      all += metric->text();
    return all;
  }
};

void NightMetrics::add_stages(const std::string& night,
                              const std::vector<night::JobStatusView>& views) {
  struct Sum {
    int done = 0, failed = 0, tries = 0;
    double wall_s = 0, cpu_s = 0;
    std::uint64_t memory = 0;
  };
  std::map<std::string, Sum> stages;
  for (const night::JobStatusView& job : views) {
    Sum& sum = stages[job.key.stage];
    sum.tries += job.attempts;
    sum.failed += job.last_end == "failed";
    sum.memory = std::max(sum.memory, job.max_rss_bytes);
    if (job.last_end != "done") continue;
    ++sum.done;
    sum.wall_s += job.wall_s;
    sum.cpu_s += job.cpu_s;
  }
  for (const auto& [stage, sum] : stages) {
    const std::string labels = fmt::format("{},stage=\"{}\"", night, label(stage));
    failed.add(labels, sum.failed);
    tries.add(labels, sum.tries);
    wall.add(labels, sum.wall_s);
    cpu.add(labels, sum.cpu_s);
    count.add(labels, sum.done);
    memory.add(labels, static_cast<double>(sum.memory));
  }
}

void NightMetrics::add(night::State& state, const night::NightStatus& status) {
  const night::NightKey& key = status.summary.key;
  const std::string night = fmt::format("telescope=\"{}\",night=\"{}\",prod_id=\"{}\"",
                                        key.telescope, key.date.compact(), label(key.prod_id));
  std::map<std::pair<std::string, std::string>, int> by_status;
  for (const auto& [place, counts] : status.counts)
    for (const auto& [word, number] : counts) by_status[{place.second, word}] += number;
  for (const auto& [which, number] : by_status)
    jobs.add(fmt::format("{},stage=\"{}\",status=\"{}\"", night, label(which.first),
                         label(which.second)),
             number);
  const night::NightProgress& progress = status.progress;
  age.add(night, age_s(status.updated_at));
  complete.add(night, status.complete() ? 1 : 0);
  running.add(night, static_cast<double>(std::count_if(status.running.begin(), status.running.end(),
                                                       [](const night::RunningView& process) {
                                                         return !process.lost && !process.queued;
                                                       })));
  if (progress.left_s) left.add(night, *progress.left_s);
  add_stages(night, status.jobs);
  for (const night::StageBytes& stage : night::recorded_bytes(state, key)) {
    const std::string labels = fmt::format("{},stage=\"{}\"", night, label(stage.stage));
    files.add(labels, static_cast<double>(stage.files));
    bytes.add(labels, static_cast<double>(stage.bytes));
  }
}

}  // namespace

std::string metrics_text(const std::filesystem::path& state_folder) {
  const auto start = std::chrono::steady_clock::now();
  const double cpu_before = cpu_seconds();
  NightMetrics metrics;
  Metric nights{"alisio_nights", "gauge", "Nights in the state."};
  auto state = night::State::open_read_only(state_folder);
  std::size_t known = 0;
  std::map<int, NightDate> latest;
  if (state)
    for (const night::ShownNight& record : state->nights()) {
      ++known;
      // The latest date comes first; all of its productions are told.
      if (latest.try_emplace(record.key.telescope, record.key.date).first->second !=
          record.key.date)
        continue;
      if (const auto status = night::read_status(*state, record.key)) metrics.add(*state, *status);
    }
  nights.add("", static_cast<double>(known));
  Metric build{"alisio_build_info", "gauge", "1, with the version as its label."};
  build.add(fmt::format("version=\"{}\"", label(version_tag())), 1);
  Metric wall{"alisio_scrape_seconds", "gauge", "Time that this answer took."};
  wall.add("", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  Metric cpu{"alisio_scrape_cpu_seconds", "gauge", "CPU time that this answer took."};
  cpu.add("", cpu_seconds() - cpu_before);
  return build.text() + nights.text() + metrics.text() + wall.text() + cpu.text();
}

}  // namespace alisio::web
