#include "lib/web/night_pages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"
#include "lib/base/markup.hpp"
#include "lib/night/status.hpp"
#include "lib/night/words.hpp"
#include "lib/web/assets.hpp"
#include "lib/web/html.hpp"
#include "lib/web/night_address.hpp"
#include "lib/web/night_view.hpp"
#include "lib/web/product_view.hpp"
#include "lib/web/state_watcher.hpp"

namespace alisio::web {
namespace {

namespace fs = std::filesystem;
using Parts = std::vector<std::string>;

/// Of a longer log the end is sent: that is where it says what happened.
constexpr std::uintmax_t most_log_bytes = 2 << 20;

Response scripted_page(const std::string& title, const std::string& body) {
  Response response;
  response.body = page(title, body, page_script());
  response.headers["Content-Security-Policy"] = script_policy(page_script());
  return response;
}

std::string live_line(const std::string& events) {
  return fmt::format("<p id=\"live\" class=\"quiet\" role=\"status\" data-events=\"{}\"></p>\n",
                     markup_escaped(events));
}

Response first_page(const NightSource& source) {
  auto state = night::State::open_read_only(source.state_folder);
  if (!state)
    return scripted_page("Nights",
                         "<p>No night has been processed yet: <code>alisio night DATE</code> "
                         "begins.</p><p><a href=\"/provenance\">Provenance</a></p>");
  return scripted_page("Nights", live_line("/events") + nights_view(*state, *source.memory).frame);
}

/// The drawings of the data checks of a run, a subrun or (run 0) the night.
std::string check_plots_of(const NightSource& source, AddressedNight& at,
                           const night::JobKey& key) {
  return check_plots_html(
      check_plots(at.state, at.key, key, source.plots),
      fmt::format("{}/plot/{}{}", night_path(at.key), key.run,
                  key.subrun == night::whole_run ? "" : fmt::format("/{}", key.subrun)));
}

Response one_night(const NightSource& source, const std::string& date, const std::string& prod) {
  AddressedNight at = open_night(source.state_folder, date, prod);
  const auto status = night::read_status(at.state, at.key);
  if (!status)
    throw Error(ErrorKind::incomplete, "there is no such night in the state", "/nights/");
  const Fragments view = night_view(at.state, *status, source.actions);
  const auto part = [&](const char* id) { return view.parts.at(id) + '\n'; };
  std::string body = live_line("/events?night=" + url_escaped(date) + '/' + url_escaped(prod)) +
                     part("progress") + part("closing");
  if (source.closing)
    body +=
        fmt::format("<p><a class=\"button\" href=\"/act/{}?what=close\">close the night…</a></p>\n",
                    markup_escaped(night_path(at.key).substr(std::string_view("/nights/").size())));
  body +=
      part("troubles") + part("decisions") + part("running") + "<h2>Runs and subruns</h2>" +
      grid_legend() +
      "<p id=\"where\" aria-live=\"polite\" class=\"quiet\">Click a cell, or move through a row "
      "with the arrow keys; Enter opens its jobs.</p>\n" +
      view.frame + check_plots_of(source, at, {}) + part("products") + part("resources") +
      part("notes");
  return scripted_page(
      fmt::format("Night {} · {} · {}", at.key.date.iso(), telescope_text(at.key.telescope), prod),
      body);
}

/// Of a date alone: its only production, or the choice.
Response date_page(const NightSource& source, const std::string& date) {
  night::State state = open_state(source.state_folder);
  std::vector<night::NightKey> found;
  for (const night::ShownNight& record : state.nights())
    if (record.key.date.compact() == date || record.key.date.iso() == date)
      found.push_back(record.key);
  if (found.empty())
    throw Error(ErrorKind::incomplete, "there is no such night in the state", "/nights/",
                "the first page lists the nights");
  Response response;
  if (found.size() == 1) {
    response.status = 303;
    response.headers["Location"] = night_path(found.front());
    return response;
  }
  std::string list;
  for (const night::NightKey& key : found)
    list += "<li>" + link(night_path(key), key.prod_id) + "</li>";
  response.body = page("Night " + found.front().date.iso(), "<ul>" + list + "</ul>");
  return response;
}

std::string job_row(const night::JobStatusView& job, const std::string& night) {
  const std::string place =
      fmt::format("/{}{}", job.key.run,
                  job.key.subrun == night::whole_run ? "" : fmt::format("/{}", job.key.subrun));
  const bool bad =
      job.status == "failed" || job.status == "blocked" || job.status == "missing input";
  const bool tried = job.attempts > 0;
  const bool has_log = !job.log_file.empty() || !job.running_since.empty();
  return fmt::format(
      "<tr><td>{}</td><td>{}</td><td class=\"{}\">{}</td><td>{}{}</td><td class=\"n\">{}</td>"
      "<td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td></tr>\n",
      night::job_name(job.key), markup_escaped(job.key.stage), bad ? "bad" : "",
      markup_escaped(job.status), markup_escaped(job.status == "done" ? "" : job.reason),
      job.log_tail.empty() ? "" : "<pre>" + markup_escaped(job.log_tail) + "</pre>", job.attempts,
      tried ? night::duration_text(job.wall_s) : "", tried ? night::duration_text(job.cpu_s) : "",
      tried ? fmt::format("{:.0f} MB", double(job.max_rss_bytes) / 1e6) : "",
      has_log ? link(night + "/log/" + url_escaped(job.key.stage) + place, "log") : "");
}

Response plot_page(const NightSource& source, AddressedNight at, Parts parts) {
  constexpr std::string_view ending = ".svg";
  std::string name = parts.back();
  parts.pop_back();
  if (!name.ends_with(ending))
    throw Error(ErrorKind::incomplete, "there is no such drawing", "/nights/",
                "the pages of runs link those that there are");
  name.resize(name.size() - ending.size());
  Response response;
  response.body = draw_check_plot(at.state, at.key, key_of_parts("", parts), name, source.plots);
  response.content_type = "image/svg+xml";
  response.headers["Content-Security-Policy"] =
      "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'";
  return response;
}

Response run_page(const NightSource& source, AddressedNight at, const Parts& numbers) {
  const night::JobKey asked = key_of_parts("", numbers);
  const auto status = night::read_status(at.state, at.key);
  std::string rows;
  for (const night::JobStatusView& job :
       status ? status->jobs : std::vector<night::JobStatusView>())
    if (job.key.run == asked.run && (numbers.size() == 1 || job.key.subrun == asked.subrun))
      rows += job_row(job, night_path(at.key));
  if (rows.empty())
    throw Error(ErrorKind::incomplete, "this night has no jobs of that run or subrun", "/nights/",
                "its page shows its runs");
  Response response;
  std::string more = "<p>" + link(night_path(at.key), "Night " + at.key.date.iso());
  if (asked.run != night::whole_night)
    more += " · " + link(fmt::format("/run/{}", asked.run), "provenance of the run");
  response.body = page(
      fmt::format("Jobs of {}", night::job_name(asked)),
      more + "</p>" +
          table({"job", "stage", "status", "why", "tries", "time", "CPU", "memory", ""}, rows) +
          check_plots_of(source, at, asked));
  return response;
}

Response text_file(const fs::path& file) {
  std::error_code problem;
  const std::uintmax_t size = fs::is_regular_file(file, problem) ? fs::file_size(file, problem) : 0;
  std::ifstream in(file, std::ios::binary);
  if (problem || !in)
    throw Error(ErrorKind::incomplete, "the log is not there any more", file.string());
  Response response;
  response.content_type = "text/plain; charset=utf-8";
  if (size > most_log_bytes) {
    in.seekg(static_cast<std::streamoff>(size - most_log_bytes));
    response.body = fmt::format("… the last {} of {} bytes\n", most_log_bytes, size);
  }
  response.body.append(std::istreambuf_iterator<char>(in), {});
  return response;
}

Response log_page(AddressedNight at, const Parts& parts) {
  const night::JobKey key = key_of_parts(parts.front(), {parts.begin() + 1, parts.end()});
  const auto status = night::read_status(at.state, at.key);
  if (status) {
    for (const night::RunningView& process : status->running)
      if (std::find(process.jobs.begin(), process.jobs.end(), key) != process.jobs.end())
        return text_file(process.log_file);
    for (const night::JobStatusView& job : status->jobs)
      if (job.key == key && !job.log_file.empty()) return text_file(job.log_file);
  }
  throw Error(ErrorKind::incomplete, "the state names no log of such a job", "/nights/",
              "the pages of the night link those that are there");
}

Response file_page(AddressedNight at, const std::string& name) {
  const auto file = shown_product(at.state, at.key, name);
  if (!file)
    throw Error(ErrorKind::incomplete, "the state names no such file of this night", "/nights/",
                "its page links those that are there");
  Response response;
  response.file = *file;
  // A product is shown, not trusted: it can reach nothing of this server.
  const std::string none = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; ";
  const std::string extension = file->extension().string();
  if (extension == ".html") {
    response.content_type = "text/html; charset=utf-8";
    response.headers["Content-Security-Policy"] =
        none +
        "script-src 'unsafe-inline'; img-src data: blob:; sandbox allow-scripts "
        "allow-downloads allow-modals; frame-ancestors 'self'";
  } else {
    response.content_type = extension == ".svg"    ? "image/svg+xml"
                            : extension == ".json" ? "application/json"
                            : extension == ".pdf"  ? "application/pdf"
                                                   : "application/octet-stream";
    response.headers["Content-Security-Policy"] = none + "sandbox; frame-ancestors 'none'";
  }
  return response;
}

Response nights(const NightSource& source, const Request& request) {
  const Parts parts = path_parts(request.path, "/nights/");
  if (parts.size() == 1) return date_page(source, parts[0]);
  if (parts.size() == 2) return one_night(source, parts[0], parts[1]);
  if (parts.size() >= 4) {
    AddressedNight at = open_night(source.state_folder, parts[0], parts[1]);
    const Parts rest(parts.begin() + 3, parts.end());
    if (parts[2] == "run") return run_page(source, std::move(at), rest);
    if (parts[2] == "plot" && rest.size() >= 2) return plot_page(source, std::move(at), rest);
    if (parts[2] == "log") return log_page(std::move(at), rest);
    if (parts[2] == "file" && rest.size() == 1) return file_page(std::move(at), rest[0]);
  }
  throw Error(ErrorKind::incomplete, "there is no such page", request.path,
              "the first page lists the nights");
}

Response events(const NightSource& source, const Request& request) {
  Response response;
  response.events = nights_topic;
  if (const auto night = request.parameter("night")) {
    const Parts parts = path_parts(*night, "");
    if (parts.size() != 2)
      throw Error(ErrorKind::usage, "'night' is DATE/PRODUCTION", "/events", "as on its page");
    response.events = topic_of(open_night(source.state_folder, parts[0], parts[1]).key);
  }
  return response;
}

}  // namespace

std::optional<Fragments> topic_view(const NightSource& source, night::State& state,
                                    const std::string& topic) {
  if (topic == nights_topic) return nights_view(state, *source.memory);
  const std::size_t slash = topic.find('/');
  const auto key = find_night(state, topic.substr(0, slash), topic.substr(slash + 1));
  const auto status = key ? night::read_status(state, *key) : std::nullopt;
  if (!status) return std::nullopt;
  return night_view(state, *status, source.actions);
}

Router night_pages(const NightSource& source) {
  return {{"/", [&source](const Request&) { return first_page(source); }},
          {"/nights/", [&source](const Request& request) { return nights(source, request); }},
          {"/events", [&source](const Request& request) { return events(source, request); }}};
}

}  // namespace alisio::web
