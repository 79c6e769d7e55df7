#include "lib/night/notify.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/json_text.hpp"
#include "lib/base/suggest.hpp"
#include "lib/night/words.hpp"

namespace alisio::night {
namespace {

using nlohmann::json;

constexpr std::size_t lines_told = 20;

/// Tell of failed jobs together: a bad disk makes hundreds. What is tried again is no news.
void add_failures(const NightStatus& status, std::vector<NightEvent>& events) {
  NightEvent event{"job_failed", status.summary.key, "failed", "failures", {}};
  for (const JobStatusView& job : status.jobs) {
    if (job.last_end != "failed" || !job.failure || job.status == "to run" ||
        job.status == "running")
      continue;
    event.items.push_back(
        {fmt::format("job_failed {} {} {}", job.key.stage, job_name(job.key), job.message),
         fmt::format("{} {}: {}: {}", job_name(job.key), job.key.stage,
                     to_string(job.failure->kind), job.message),
         {{"stage", job.key.stage},
          {"run", job.key.run},
          {"subrun", job.key.subrun == whole_run ? json() : json(job.key.subrun)},
          {"class", to_string(job.failure->kind)},
          {"message", job.message},
          {"advice", job.failure->advice},
          {"log_file", job.log_file}}});
  }
  if (!event.items.empty()) events.push_back(std::move(event));
}

void add_gates(const NightStatus& status, std::vector<NightEvent>& events) {
  NightEvent event{"gates_failed", status.summary.key, "quality gates failed", "gates", {}};
  const auto add = [&](const std::string& place, const std::string& what, const std::string& text) {
    event.items.push_back({fmt::format("gates_failed {} {} {}", place, what, text),
                           fmt::format("{} {}: {}", place, what, text),
                           {{"of", place}, {"what", what}, {"gates", text}}});
  };
  for (const GateFault& fault : status.summary.gate_faults)
    if (!fault.accepted) add(run_text(fault.run), fault.kind, fault.text);
  for (const RunLine& line : status.summary.runs)
    for (const auto& [subrun, text] : line.failed_gates)
      add(job_name({"", line.run, subrun}), "data", text);
  if (!event.items.empty()) events.push_back(std::move(event));
}

/// Tell that a night has something to do, and does nothing.
void add_stall(const NightStatus& status, double stalled_after_s, double now_unix_s,
               std::vector<NightEvent>& events) {
  const int waiting = status.progress.ahead();
  std::string last;
  for (const JobStatusView& job : status.jobs) last = std::max(last, job.ended_at);
  for (const RunningView& process : status.running) last = std::max(last, process.started_at);
  if (waiting == 0 || last.empty()) return;
  const double still_s = now_unix_s - unix_seconds(last);
  if (still_s < stalled_after_s) return;
  NightEvent event{"night_stalled",
                   status.summary.key,
                   fmt::format("nothing has gone on since {}: {} job{} wait", last.substr(0, 16),
                               waiting, waiting == 1 ? "" : "s"),
                   "",
                   {}};
  event.items.push_back({"night_stalled " + last,
                         fmt::format("{} of {} jobs are done, {} run; see alisio status {} --why",
                                     status.progress.done, status.progress.jobs,
                                     status.progress.running, status.summary.key.date.compact()),
                         {}});
  event.facts = {{"since", last}, {"still_s", still_s}, {"waiting", waiting}};
  events.push_back(std::move(event));
}

/// Tell that a night waits for those who hold it: all else is done.
void add_holds(const NightStatus& status, std::vector<NightEvent>& events) {
  if (status.progress.ahead() > 0) return;
  NightEvent event{"night_held", status.summary.key, "waits for whoever holds it", "holds", {}};
  for (const Decision& decision : status.decisions)
    if (decision.kind == DecisionKind::hold)
      event.items.push_back(
          {"night_held " + decision.at + ' ' + decision.line(), decision.line(), decision.line()});
  if (!event.items.empty()) events.push_back(std::move(event));
}

void add_whole(const NightStatus& status, std::vector<NightEvent>& events) {
  const bool complete = status.complete();
  if (status.jobs.empty()) return;
  NightEvent event{complete ? "night_complete" : "night_incomplete",
                   status.summary.key,
                   complete ? "complete" : "not complete",
                   "",
                   {}};
  std::string last, open;
  for (const JobStatusView& job : status.jobs) last = std::max(last, job.ended_at);
  for (const JobStatusView& job : status.jobs) {
    if (!job.in_trouble) continue;
    // The reason of a failed job changes from pass to pass ("failed 2 times"); its error does not.
    const std::string line = fmt::format("{} {}: {}", job_name(job.key), job.key.stage,
                                         job.last_end == "failed" ? job.message : job.reason);
    open += line + '\n';
    event.items.push_back({"", line, {}});
  }
  if (status.progress.ahead() == 0)
    for (const Trouble& trouble : troubles_without_jobs(status)) {
      const std::string line = fmt::format("{}: {}", job_name(trouble.key), trouble.reason);
      open += line + '\n';
      event.items.push_back({"", line, {}});
    }
  event.facts = {{"jobs", status.progress.jobs}, {"done", status.progress.done}};
  // What waits and what runs is no trouble yet.
  if (!complete && event.items.empty()) return;
  event.items.push_back(
      {fmt::format("{} {}", event.kind, complete ? last : hash_text(open)), "", {}});
  events.push_back(std::move(event));
}

}  // namespace

bool NotifyOptions::wants(const std::string& kind) const {
  return std::find(on.begin(), on.end(), kind) != on.end();
}

NotifyOptions notify_options(const config::Configuration& configuration) {
  return {.command = configuration.text("notify.command"),
          .mail = configuration.text("notify.mail"),
          .sendmail = configuration.text("notify.sendmail"),
          .on = configuration.words("notify.on"),
          .time_limit_s = configuration.number("notify.time_limit"),
          .gather_s = configuration.number("notify.gather"),
          .interval_s = configuration.number("notify.interval"),
          .stalled_after_s = configuration.number("notify.stalled_after")};
}

std::vector<NightEvent> events_meanwhile(const NightStatus& status, double stalled_after_s,
                                         double now_unix_s) {
  std::vector<NightEvent> events;
  add_failures(status, events);
  add_gates(status, events);
  add_stall(status, stalled_after_s, now_unix_s, events);
  return events;
}

std::vector<NightEvent> events_at_end(const NightStatus& status, const std::string& closed_at) {
  std::vector<NightEvent> events;
  if (closed_at.empty()) add_holds(status, events);
  add_whole(status, events);
  if (!closed_at.empty())
    events.push_back({"night_closed",
                      status.summary.key,
                      "closed",
                      "",
                      {{"night_closed " + closed_at, "", {}}},
                      {{"closed_at", closed_at}}});
  return events;
}

Message message_of(const NightEvent& event, const std::vector<EventItem>& items) {
  std::string what = event.what;
  if (event.kind == "job_failed")
    what = fmt::format("{} job{} failed", items.size(), items.size() == 1 ? "" : "s");
  Message message;
  message.text = fmt::format("{} {}, production {}: {}\n", telescope_text(event.night.telescope),
                             event.night.date.iso(), event.night.prod_id, what);
  message.facts = event.facts;
  message.facts["event"] = event.kind;
  message.facts["telescope"] = event.night.telescope;
  message.facts["date"] = event.night.date.iso();
  message.facts["prod_id"] = event.night.prod_id;
  if (!event.list.empty()) message.facts[event.list] = json::array();
  std::size_t lines = 0;
  for (const EventItem& item : items) {
    if (!event.list.empty()) message.facts[event.list].push_back(item.facts);
    if (item.line.empty()) continue;
    if (++lines <= lines_told) message.text += item.line + '\n';
  }
  if (lines > lines_told) message.text += fmt::format("… and {} more\n", lines - lines_told);
  message.facts["text"] = message.text;
  return message;
}

std::vector<std::string> channels_of(const NotifyOptions& options) {
  std::vector<std::string> channels;
  if (!options.command.empty()) channels.emplace_back("command");
  if (!options.mail.empty()) channels.emplace_back("mail");
  return channels;
}

Delivery delivery_of(const Message& message, const std::string& channel,
                     const NotifyOptions& options) {
  if (channel == "command")
    return {{"/bin/sh", "-c", options.command}, json_text(message.facts) + '\n'};
  return {{options.sendmail, "-oi", "-t"},
          fmt::format("To: {}\nSubject: [alisio] {}\nMIME-Version: 1.0\nContent-Type: text/plain; "
                      "charset=utf-8\nContent-Transfer-Encoding: 8bit\nAuto-Submitted: "
                      "auto-generated\n\n{}",
                      options.mail, message.subject(), message.text)};
}

}  // namespace alisio::night
