#include "lib/night/notify.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/json_text.hpp"
#include "lib/base/log.hpp"
#include "lib/base/suggest.hpp"
#include "lib/night/hook.hpp"

namespace alisio::night {
namespace {

using nlohmann::json;

constexpr std::size_t lines_told = 20;

std::string night_words(const NightKey& key) {
  return fmt::format("{} {}, production {}", telescope_text(key.telescope), key.date.iso(),
                     key.prod_id);
}

/// Begin an event; its text goes on with lines.
NightEvent event_of(const std::string& kind, const NightKey& key, const std::string& what) {
  NightEvent event;
  event.kind = kind;
  event.text = fmt::format("{}: {}\n", night_words(key), what);
  event.facts = {{"event", kind},
                 {"telescope", key.telescope},
                 {"date", key.date.iso()},
                 {"prod_id", key.prod_id}};
  return event;
}

void add_line(const std::string& line, std::size_t number, NightEvent& event) {
  if (number < lines_told) event.text += line + '\n';
  if (number == lines_told) event.text += "…\n";
}

/// Tell of failed jobs together: a bad disk makes hundreds.
void add_failures(const NightStatus& status, std::vector<NightEvent>& events) {
  NightEvent event = event_of("job_failed", status.summary.key, "jobs failed");
  json& list = event.facts["failures"] = json::array();
  for (const JobStatusView& job : status.jobs) {
    if (job.last_end != "failed" || !job.failure) continue;
    event.marks.push_back(
        fmt::format("job_failed {} {} {}", job.key.stage, job_name(job.key), job.message));
    add_line(fmt::format("{} {}: {}: {}", job_name(job.key), job.key.stage,
                         to_string(job.failure->kind), job.message),
             list.size(), event);
    list.push_back({{"stage", job.key.stage},
                    {"run", job.key.run},
                    {"subrun", job.key.subrun == whole_run ? json() : json(job.key.subrun)},
                    {"class", to_string(job.failure->kind)},
                    {"message", job.message},
                    {"advice", job.failure->advice},
                    {"log_file", job.log_file}});
  }
  if (!event.marks.empty()) events.push_back(std::move(event));
}

void add_gates(const NightStatus& status, std::vector<NightEvent>& events) {
  NightEvent event = event_of("gates_failed", status.summary.key, "quality gates failed");
  json& list = event.facts["gates"] = json::array();
  const auto add = [&](const std::string& place, const std::string& what, const std::string& text) {
    event.marks.push_back(fmt::format("gates_failed {} {} {}", place, what, text));
    add_line(fmt::format("{} {}: {}", place, what, text), list.size(), event);
    list.push_back({{"of", place}, {"what", what}, {"gates", text}});
  };
  for (const GateFault& fault : status.summary.gate_faults)
    if (!fault.accepted) add(run_text(fault.run), fault.kind, fault.text);
  for (const RunLine& line : status.summary.runs)
    for (const auto& [subrun, text] : line.failed_gates)
      add(job_name({"", line.run, subrun}), "data", text);
  if (!event.marks.empty()) events.push_back(std::move(event));
}

void add_whole(const NightStatus& status, std::vector<NightEvent>& events) {
  const bool complete = status.complete();
  if (status.jobs.empty()) return;
  NightEvent event = event_of(complete ? "night_complete" : "night_incomplete", status.summary.key,
                              complete ? "complete" : "not complete");
  std::string last, open;
  std::size_t number = 0;
  for (const JobStatusView& job : status.jobs) last = std::max(last, job.ended_at);
  for (const JobStatusView& job : status.jobs) {
    if (!job.in_trouble) continue;
    // The reason of a failed job changes from pass to pass ("failed 2 times"); its error does not.
    const std::string line = fmt::format("{} {}: {}", job_name(job.key), job.key.stage,
                                         job.last_end == "failed" ? job.message : job.reason);
    open += line + '\n';
    add_line(line, number++, event);
  }
  if (status.progress.running + status.progress.to_run == 0)
    for (const Trouble& trouble : troubles_without_jobs(status)) {
      const std::string line = fmt::format("{}: {}", job_name(trouble.key), trouble.reason);
      open += line + '\n';
      add_line(line, number++, event);
    }
  event.facts["jobs"] = status.progress.jobs;
  event.facts["done"] = status.progress.done;
  event.marks.push_back(fmt::format("{} {}", event.kind, complete ? last : hash_text(open)));
  // What waits and what runs is no trouble yet.
  if (complete || number > 0) events.push_back(std::move(event));
}

bool was_told(State& state, const NightKey& night, const std::string& mark) {
  sqlite::Statement query = state.database().prepare(
      "SELECT 1 FROM notification WHERE telescope = ? AND date = ? AND prod_id = ? AND mark = ?");
  query.bind(night.telescope, night.date.compact(), night.prod_id, mark);
  return query.step();
}

void remember(State& state, const NightKey& night, const std::vector<std::string>& marks) {
  sqlite::Transaction transaction(state.database());
  sqlite::Statement write = state.database().prepare(
      "INSERT OR IGNORE INTO notification (telescope, date, prod_id, mark, at) "
      "VALUES (?, ?, ?, ?, ?)");
  for (const std::string& mark : marks)
    write.bind(night.telescope, night.date.compact(), night.prod_id, mark, utc_now_text()).run();
  transaction.commit();
}

std::string mail_text(const NightEvent& event, const std::string& address) {
  const std::string subject = event.text.substr(0, event.text.find('\n'));
  return fmt::format(
      "To: {}\nSubject: [alisio] {}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
      "Content-Transfer-Encoding: 8bit\nAuto-Submitted: auto-generated\n\n{}",
      address, subject, event.text);
}

void tell(const NightEvent& event, const NotifyOptions& options) {
  if (!options.command.empty()) {
    json facts = event.facts;
    facts["text"] = event.text;
    run_hook({"/bin/sh", "-c", options.command}, json_text(facts) + '\n', options.time_limit_s);
  }
  if (!options.mail.empty())
    run_hook({options.sendmail, "-oi", "-t"}, mail_text(event, options.mail), options.time_limit_s);
}

}  // namespace

const std::vector<std::string>& event_kinds() {
  static const std::vector<std::string> kinds{"job_failed",       "gates_failed", "night_complete",
                                              "night_incomplete", "night_closed", "raw_files_late"};
  return kinds;
}

NotifyOptions notify_options(const config::Configuration& configuration) {
  NotifyOptions options{.command = configuration.text("notify.command"),
                        .mail = configuration.text("notify.mail"),
                        .sendmail = configuration.text("notify.sendmail"),
                        .on = configuration.words("notify.on"),
                        .time_limit_s = configuration.number("notify.time_limit")};
  for (const std::string& kind : options.on)
    if (std::find(event_kinds().begin(), event_kinds().end(), kind) == event_kinds().end())
      throw Error(ErrorKind::configuration, fmt::format("'{}' is no event", kind), "notify.on",
                  suggestion(kind, event_kinds()));
  const bool clean = std::all_of(options.mail.begin(), options.mail.end(),
                                 [](unsigned char c) { return c > ' ' && c != 127; });
  if (!clean || (!options.mail.empty() && options.mail.front() == '-'))
    throw Error(ErrorKind::configuration, "is no mail address", "notify.mail",
                "give one address, without blanks");
  return options;
}

std::vector<NightEvent> events_of(const NightStatus& status, const std::string& closed_at) {
  std::vector<NightEvent> events;
  add_failures(status, events);
  add_gates(status, events);
  add_whole(status, events);
  if (!closed_at.empty()) {
    events.push_back(event_of("night_closed", status.summary.key, "closed"));
    events.back().marks.push_back("night_closed " + closed_at);
    events.back().facts["closed_at"] = closed_at;
  }
  return events;
}

void notify(State& state, const NightKey& night, const NotifyOptions& options,
            const std::vector<NightEvent>& events) {
  if (options.command.empty() && options.mail.empty()) return;
  for (const NightEvent& event : events) {
    const bool wanted =
        std::find(options.on.begin(), options.on.end(), event.kind) != options.on.end();
    const bool is_new =
        std::any_of(event.marks.begin(), event.marks.end(),
                    [&](const std::string& mark) { return !was_told(state, night, mark); });
    if (!wanted || !is_new) continue;
    try {
      tell(event, options);
      remember(state, night, event.marks);
    } catch (const Error& error) {
      spdlog::warn("nobody could be told that {}: {}", event.text.substr(0, event.text.find('\n')),
                   error.what());
    }
  }
}

}  // namespace alisio::night
