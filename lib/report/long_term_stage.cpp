#include "lib/report/long_term_stage.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/interruption.hpp"
#include "lib/pipeline/names.hpp"
#include "lib/report/long_term_collect.hpp"
#include "lib/report/long_term_file.hpp"
#include "lib/report/long_term_page.hpp"
#include "lib/stage/text_product.hpp"

namespace alisio::report {
namespace {

namespace fs = std::filesystem;

constexpr const char* stem = "longterm_dl1_check";

fs::path target(const LongTermRequest& request, const char* suffix) {
  return request.output_dir / (std::string(stem) + suffix);
}

void use_files(stage::StageRun& run, const RunFiles& files) {
  for (const fs::path& path : files.datachecks)
    run.use(files.datacheck_of_run ? "dl1_datacheck_run" : "dl1_datacheck", path);
  for (const fs::path& path : files.muons)
    run.use(files.muons_of_run ? "muons_run" : "muons", path);
}

std::chrono::sys_days day_of(const NightDate& night) {
  return std::chrono::year(night.year) / std::chrono::month(unsigned(night.month)) /
         std::chrono::day(unsigned(night.day));
}

}  // namespace

std::vector<NightDate> nights_between(const NightDate& first, const NightDate& last) {
  constexpr int most = 3660;
  const auto days = (day_of(last) - day_of(first)).count();
  if (days < 0 || days >= most)
    throw Error(ErrorKind::usage,
                days < 0 ? "the last night is before the first" : "more than ten years of nights",
                first.iso() + " to " + last.iso(), "give FROM and TO as YYYYMMDD");
  std::vector<NightDate> nights;
  for (auto at = day_of(first); at <= day_of(last); at += std::chrono::days(1)) {
    const std::chrono::year_month_day date(at);
    nights.push_back({int(date.year()), int(unsigned(date.month())), int(unsigned(date.day()))});
  }
  return nights;
}

std::string spans_text(const std::vector<NightDate>& nights) {
  std::string text;
  for (std::size_t i = 0; i < nights.size();) {
    std::size_t end = i + 1;
    while (end < nights.size() &&
           day_of(nights[end]) - day_of(nights[end - 1]) == std::chrono::days(1))
      ++end;
    text += (text.empty() ? "" : ", ") + nights[i].iso();
    if (end - i > 1) text += (end - i == 2 ? ", " : " to ") + nights[end - 1].iso();
    i = end;
  }
  return text;
}

ActivityNote long_term_activity(const LongTermRequest& request, const pipeline::JobContext& context,
                                const config::Configuration& configuration) {
  ActivityNote note = pipeline::activity_note("long_term", {}, context, configuration);
  note.run = 0;
  note.subrun = -1;
  note.observation_date = request.last.compact();
  note.parameters = {{"FirstDate", request.first.compact()},
                     {"LastDate", request.last.compact()},
                     {"ProdID", context.prod_id}};
  return note;
}

std::int64_t long_term(stage::StageRun& run, const LongTermRequest& request,
                       const instrument::CameraGeometry& geometry, LongTermOutcome& outcome) {
  run.depend_on("nights", request.first.compact() + "-" + request.last.compact());
  if (run.activity().dry_run) {
    for (const RunFiles& files : request.runs) use_files(run, files);
    run.plan_product("long_term", target(request, ".h5"));
    run.plan_product("long_term_csv", target(request, ".csv"));
    run.plan_product("long_term_report", target(request, ".html"));
    return std::int64_t(request.runs.size());
  }

  LongTerm table = empty_long_term();
  std::set<std::string> nights;
  for (const RunFiles& files : request.runs) {
    throw_if_interrupted();
    LongTerm one = empty_long_term();
    try {
      add_run(one, files);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      spdlog::warn("run {} is left out: {}", run_text(files.run), error.what());
      outcome.left_out.push_back(fmt::format("run {}: {}", run_text(files.run), error.what()));
      continue;
    }
    const double night = one.runs.column("night").front();
    const std::string date = std::isfinite(night) ? fmt::format("{:.0f}", night) : std::string();
    if (date < request.first.compact() || date > request.last.compact()) continue;
    nights.insert(date);
    use_files(run, files);
    append_runs(table, std::move(one));
  }
  outcome.runs = table.runs.rows();
  if (outcome.runs == 0)
    throw Error(ErrorKind::missing_input,
                outcome.left_out.empty()
                    ? "there is no run"
                    : fmt::format("no run is left: {} could not be read", outcome.left_out.size()),
                request.first.iso() + " to " + request.last.iso(),
                "make data checks with alisio r0-to-dl1 or alisio check-dl1");

  LongTermPageFacts facts{
      request.first.iso(), request.last.iso(), outcome.left_out, {}, request.deviations};
  for (const NightDate& night : nights_between(request.first, request.last))
    if (!nights.contains(night.compact())) facts.empty_nights.push_back(night);
  if (!facts.empty_nights.empty())
    spdlog::info("{} nights of the period have no runs: {}", facts.empty_nights.size(),
                 spans_text(facts.empty_nights));
  const std::vector<Outlier> outliers = outliers_of(table.runs, request.deviations);
  outcome.outliers = outliers.size();
  for (const Outlier& outlier : outliers)
    spdlog::warn("run {}: {} is {:.4g}{}, the period's band is {:.4g} to {:.4g}",
                 run_text(int(outlier.run)), outlier.quantity, outlier.value,
                 outlier.unit.empty() ? std::string() : " " + outlier.unit, outlier.band.low,
                 outlier.band.high);

  const PendingFile& file = run.create("long_term", target(request, ".h5"));
  write_long_term(file.path(), table, run.metadata("long_term"));
  stage::create_text(run, "long_term_csv", target(request, ".csv"), long_term_csv(table.runs));
  stage::create_text(run, "long_term_report", target(request, ".html"),
                     long_term_page(table, facts, geometry));
  std::map<std::string, std::string> attributes{{"runs", std::to_string(outcome.runs)},
                                                {"outliers", std::to_string(outcome.outliers)}};
  if (!outcome.left_out.empty())
    attributes["left_out"] = fmt::format("{}", fmt::join(outcome.left_out, "; "));
  run.publish("long_term", attributes);
  run.publish("long_term_csv");
  run.publish("long_term_report");
  return std::int64_t(outcome.runs);
}

}  // namespace alisio::report
