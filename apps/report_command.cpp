#include <fmt/format.h>

#include <algorithm>

#include "apps/command_line.hpp"
#include "apps/job.hpp"
#include "apps/stage_commands.hpp"
#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"
#include "lib/instrument/telescope.hpp"
#include "lib/pipeline/significance_products.hpp"
#include "lib/report/night_report.hpp"
#include "lib/report/run_data.hpp"

namespace alisio::apps {
namespace po = boost::program_options;
namespace fs = std::filesystem;
using Text = std::string;
namespace {

constexpr const char* name = "report";

std::vector<fs::path> paths_option(const po::variables_map& values, const char* option) {
  if (values.count(option) == 0) return {};
  const auto& given = values[option].as<std::vector<Text>>();
  return {given.begin(), given.end()};
}

/// What the positional argument says: a run has at most six digits, a date eight.
struct Subject {
  Text date;  ///< YYYYMMDD, or empty
  int run = -1;
};

Subject subject_of(const po::variables_map& values) {
  Subject subject;
  if (const Text what = text_option(values, "what"); !what.empty()) {
    const bool digits =
        std::all_of(what.begin(), what.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (digits && what.size() <= 6)
      subject.run = std::stoi(what);
    else
      subject.date = NightDate::parse(what).compact();
  }
  if (const Text date = text_option(values, "date"); !date.empty()) {
    const Text given = NightDate::parse(date).compact();
    if (!subject.date.empty() && subject.date != given)
      throw Error(ErrorKind::usage, "two different nights are given", "alisio report",
                  "give one of them");
    subject.date = given;
  }
  if (values.count("run") != 0) {
    const int run = values["run"].as<int>();
    if (run < 0) throw Error(ErrorKind::usage, "a run number is not negative", "--run");
    if (subject.run >= 0 && subject.run != run)
      throw Error(ErrorKind::usage, "two different runs are given", "alisio report",
                  "give one of them");
    subject.run = run;
  }
  return subject;
}

/// The folders of a production's nights, <products>/<level>/<date>/<prod>; of all nights if the
/// date is not known.
std::vector<fs::path> night_folders(const fs::path& products, const char* level, const Text& date,
                                    const Text& prod_id) {
  const fs::path root = products / level;
  if (!date.empty()) return {root / date / prod_id};
  std::vector<fs::path> folders;
  std::error_code failed;
  for (const fs::directory_entry& night : fs::directory_iterator(root, failed))
    if (fs::is_directory(night.path() / prod_id, failed)) folders.push_back(night.path() / prod_id);
  std::sort(folders.begin(), folders.end());
  return folders;
}

/// Resolve what to compare with: files as they are, a date to the files of that night.
void add_references(const std::vector<Text>& given, const fs::path& products, const Text& prod_id,
                    report::NightReportRequest& request) {
  for (const Text& one : given) {
    if (fs::exists(one) && !fs::is_directory(one)) {
      request.reference_files.emplace_back(one);
      if (!fs::path(one).filename().string().starts_with("longterm"))
        request.reference_name = fs::path(one).filename().string();
      continue;
    }
    NightDate date;
    try {
      date = NightDate::parse(one);
    } catch (const Error&) {
      throw Error(ErrorKind::missing_input, "is neither a file nor a date", one,
                  "give --reference a night, YYYYMMDD, a data check, or a long-term table");
    }
    const std::size_t before = request.reference_files.size();
    for (const report::RunFiles& files : report::find_run_files(
             night_folders(products, "DL1", date.compact(), prod_id), request.telescope, {}))
      for (const auto* paths : {&files.datachecks, &files.muons})
        request.reference_files.insert(request.reference_files.end(), paths->begin(), paths->end());
    if (request.reference_files.size() == before)
      throw Error(ErrorKind::missing_input, "there are no data checks of the reference night", one,
                  "give --reference another night or a file");
    request.reference_name = "night " + date.compact();
  }
}

}  // namespace

int run_report_command(const std::vector<Text>& arguments, const Program& program,
                       StageObserver* shared) {
  using Texts = std::vector<Text>;
  po::options_description options("Options");
  options.add_options()("run", po::value<int>(), "run to report on")(
      "input", po::value<Texts>()->multitoken()->composing(),
      "data checks of runs or subruns, ours or lstchain's")(
      "muons", po::value<Texts>()->multitoken()->composing(), "muon files, ours or lstchain's")(
      "input-dir", po::value<Texts>()->multitoken()->composing(),
      "folders to search for them (default: the night's DL1 below paths.products)")(
      "run-summary", po::value<Text>(),
      "RunSummary_<date>.ecsv (default: that of the night in paths.run_summary)")(
      "significance", po::value<Text>(),
      "significance_<date>.json of its sources (default: that of the night in its DL3)")(
      "output-dir", po::value<Text>(), "folder of the report (default: the first input folder)")(
      "reference", po::value<Texts>()->multitoken()->composing(),
      "what to compare with: a night, data checks, or longterm_dl1_check.h5")(
      "pdf", "print the report, all runs, to a PDF as well (needs Chromium)")(
      "what", po::value<Text>(), "the night or the run (the positional argument)");
  options.add(job_options());
  po::positional_options_description positional;
  positional.add("what", 1);
  const auto parsed = parse_arguments(
      arguments,
      {.name = name,
       .synopsis = "DATE|RUN [options]",
       .text =
           "Write the report of a night or of a run: report_DATE.html or report_RunRRRRR.html, "
           "one\n"
           "file that opens in any browser without network or server, on a phone and on paper.\n"
           "It tells how each run stands against the quality gates (gates.data in the\n"
           "configuration), what is missing, which jobs failed and why, and shows what the data\n"
           "check and the muon rings hold; each plot and table can be downloaded as CSV.\n"
           "Run files are taken where there are any, else those of subruns. A file that cannot be\n"
           "read is named in the report, which goes on without it and ends with exit code 7. Files "
           "of\n"
           "another run or night than the report's are refused.",
       .examples = "  alisio report 20221215 --config alisio.yaml\n"
                   "  alisio report 11220 --config alisio.yaml --reference 20221214 --pdf\n"
                   "  alisio report --run 11220 --input-dir DL1 --output-dir reports\n"
                   "  alisio report 20221215 --input-dir DL1 --reference longterm_dl1_check.h5"},
      options, positional);
  if (!parsed) return 0;
  const po::variables_map& values = *parsed;
  const Subject subject = subject_of(values);
  report::NightReportRequest request;
  request.run = subject.run;
  request.checks = paths_option(values, "input");
  request.muons = paths_option(values, "muons");
  request.folders = paths_option(values, "input-dir");
  const bool named = !request.checks.empty() || !request.muons.empty();
  if (named && !request.folders.empty())
    throw Error(ErrorKind::usage, "give either files or --input-dir", "alisio report",
                "see --help");

  const fs::path first = !request.checks.empty()    ? request.checks.front()
                         : !request.muons.empty()   ? request.muons.front()
                         : !request.folders.empty() ? request.folders.front() / "."
                                                    : fs::path();
  Job job = make_job(values, program, first, text_option(values, "output-dir"));
  if (!subject.date.empty()) job.context.date = subject.date;
  if (first.empty() && subject.date.empty()) job.context.date.clear();
  if (subject.run < 0 && job.context.date.empty())
    throw Error(ErrorKind::usage, "the night or the run is missing", "alisio report",
                "give YYYYMMDD, or a run number");
  request.telescope = static_cast<int>(job.configuration.integer("telescope"));
  const fs::path products = job.configuration.path("paths.products");
  if (!named && request.folders.empty()) {
    request.folders = night_folders(products, "DL1", job.context.date, job.context.prod_id);
    if (job.context.date.empty()) {
      // The run tells the night.
      std::erase_if(request.folders, [&](const fs::path& folder) {
        return report::find_run_files({folder}, request.telescope, {request.run}).empty();
      });
      if (request.folders.empty())
        throw Error(ErrorKind::missing_input,
                    fmt::format("no night has a data check or a muon file of run {}",
                                run_text(request.run)),
                    (products / "DL1").string(),
                    "check paths.products and --prod-id, or give --input-dir");
      job.context.date = request.folders.front().parent_path().filename().string();
    }
  }
  if (!job.context.date.empty()) {
    request.dl2 = products / "DL2" / job.context.date / job.context.prod_id;
    const fs::path usual = job.configuration.path("paths.run_summary") /
                           fmt::format("RunSummary_{}.ecsv", job.context.date);
    if (fs::exists(usual)) request.run_summary = usual;
    const fs::path counted = products / "DL3" / job.context.date / job.context.prod_id /
                             pipeline::significance_name(job.context.date);
    if (fs::exists(counted)) request.significance = counted;
  }
  if (const Text given = text_option(values, "significance"); !given.empty()) {
    if (!fs::exists(given) && !job.context.dry_run)
      throw Error(ErrorKind::missing_input, "there is no such file", given);
    request.significance = given;
  }
  if (const Text given = text_option(values, "run-summary"); !given.empty()) {
    if (!fs::exists(given) && !job.context.dry_run)
      throw Error(ErrorKind::missing_input, "there is no such run summary", given);
    request.run_summary = given;
  }
  for (const auto* paths : {&request.checks, &request.muons})
    for (const fs::path& path : *paths)
      if (!job.context.dry_run && !fs::exists(path))
        throw Error(ErrorKind::missing_input, "there is no such file", path.string());
  request.state = job.configuration.path("paths.state");
  request.output_dir = text_option(values, "output-dir");
  if (request.output_dir.empty())
    request.output_dir =
        request.folders.empty() ? fs::absolute(first).parent_path() : request.folders.front();
  if (text_option(values, "journal-dir").empty()) job.journal_dir = request.output_dir / "log";
  request.pdf = values.count("pdf") != 0;
  if (values.count("reference") != 0)
    add_references(values["reference"].as<Texts>(), products, job.context.prod_id, request);

  const instrument::Telescope telescope =
      instrument::load_telescope(program.cfg_folder, "LSTCam", request.telescope);
  std::unique_ptr<StageObserver> own;
  if (shared == nullptr) own = make_recorder(program, job);
  std::vector<Text> unread;
  const stage::StageResult result = run_job_stage(
      report::night_report_activity(request, job.context, job.configuration), job,
      shared != nullptr ? *shared : *own, [&](stage::StageRun& run) {
        return report::night_report(run, request, job.configuration, telescope.geometry, unread);
      });
  const int code = finish_job({result}, job.report);
  if (!unread.empty())
    throw Error(
        ErrorKind::incomplete,
        fmt::format("{} file{} could not be read", unread.size(), unread.size() == 1 ? "" : "s"),
        "alisio report", "make the files named above again, or remove them");
  return code;
}

}  // namespace alisio::apps
