#include "lib/night/lstosa_history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/night/seal_files.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

/// Columns of a line: run[.subrun] program production date time input configuration exit code.
constexpr std::size_t columns = 8;

bool read_number(std::string_view text, int& number) {
  const auto [rest, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return fault == std::errc() && rest == text.data() + text.size();
}

/// Read "RRRRR" or "RRRRR.SSSS".
bool read_name(std::string_view text, LstosaHistory& history) {
  const std::size_t dot = text.find('.');
  if (!read_number(text.substr(0, dot), history.run)) return false;
  return dot == std::string_view::npos || read_number(text.substr(dot + 1), history.subrun);
}

/// Return the run and subrun in a file's name, "dl1_LST-1.Run01808.0003.h5".
bool is_of(const std::string& name, int run, int subrun) {
  return name.find(fmt::format(".Run{}.{}.", run_text(run), subrun_text(subrun))) !=
         std::string::npos;
}

std::vector<LstosaHistory> read_histories(const fs::path& folder) {
  std::vector<LstosaHistory> histories;
  std::error_code absent;
  for (fs::directory_iterator at(folder, absent); !absent && at != fs::directory_iterator();
       at.increment(absent)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with("sequence_LST") || at->path().extension() != ".history") continue;
    LstosaHistory history = read_lstosa_history(at->path());
    // A file in which nothing was written yet is known by its name.
    const std::string stem = at->path().stem().string();
    if (history.exit_code < 0 && !read_name(stem.substr(stem.rfind('_') + 1), history)) continue;
    histories.push_back(std::move(history));
  }
  std::sort(histories.begin(), histories.end(), [](const auto& left, const auto& right) {
    return std::pair(left.run, left.subrun) < std::pair(right.run, right.subrun);
  });
  return histories;
}

/// Return the stage that makes a product of ours of the same name.
const char* stage_of(const std::string& name) {
  if (name.starts_with("dl2_")) return "dl1_to_dl2";
  if (name.starts_with("dl3_")) return "dl3";
  if (name.starts_with("muons_") || name.starts_with("interleaved_")) return "r0_to_dl1";
  return "dl1ab";
}

class Reader {
 public:
  Reader(const ClosingPolicy& policy, const NightKey& night) : policy_(policy), key_(night) {}

  LstosaNight read(const std::function<FileHashes(const fs::path&)>& hash) {
    const fs::path working = policy_.running_analysis / key_.date.compact() / key_.prod_id;
    night_.histories = read_histories(working);
    if (night_.histories.empty())
      throw Error(ErrorKind::missing_input, "there are no histories of LSTOSA", working.string(),
                  "check paths.running_analysis and --prod-id");
    for (const char* level : {"DL1", "DL2", "DL3"}) add_products(level, hash);
    for (const LstosaHistory& history : night_.histories)
      if (history.subrun != whole_run) judge(history);
    return std::move(night_);
  }

 private:
  void add_products(const char* level, const std::function<FileHashes(const fs::path&)>& hash) {
    std::error_code absent;
    const fs::path folder = policy_.products / level / key_.date.compact() / key_.prod_id;
    std::vector<fs::path> files;
    for (fs::recursive_directory_iterator at(folder, absent);
         !absent && at != fs::recursive_directory_iterator(); at.increment(absent)) {
      if (at->is_directory() && at->path().filename() == "log") at.disable_recursion_pending();
      const std::string name = at->path().filename().string();
      if (at->is_regular_file() && !at->is_symlink() && !name.starts_with("."))
        files.push_back(at->path());
    }
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) {
      SealedFile product;
      product.path = below_root(file, policy_.products);
      product.size = fs::file_size(file);
      product.hashes = hash(file);
      product.job.stage = stage_of(file.filename().string());
      night_.products.push_back(std::move(product));
    }
  }

  RunCompleteness& run_of(int run) {
    for (RunCompleteness& known : night_.found.runs)
      if (known.run == run) return known;
    night_.found.runs.push_back(
        {.run = run, .expected_subruns = 0, .missing = {}, .failed_gates = {}});
    return night_.found.runs.back();
  }

  void judge(const LstosaHistory& history) {
    RunCompleteness& run = run_of(history.run);
    run.expected_subruns = std::max(run.expected_subruns, history.subrun + 1);
    JobRecord job;
    bool has_dl1 = false;
    for (SealedFile& product : night_.products) {
      const std::string name = fs::path(product.path).filename().string();
      if (!is_of(name, history.run, history.subrun)) continue;
      has_dl1 = has_dl1 || name.starts_with("dl1_");
      product.job.run = history.run;
      product.job.subrun = history.subrun;
      job.outputs.push_back({"", (policy_.products / product.path).string(), product.hashes});
    }
    if (history.exit_code != 0 || !has_dl1) {
      run.missing.push_back({history.subrun, history.program,
                             history.exit_code < 0 ? "its history says nothing"
                             : history.exit_code != 0
                                 ? fmt::format("ended with code {}", history.exit_code)
                                 : "its DL1 file is not there"});
      return;
    }
    job.key = {"dl1ab", history.run, history.subrun};
    job.status = JobStatus::done;
    job.message = "made by LSTOSA";
    job.attempts = 1;
    night_.jobs.push_back(std::move(job));
  }

  const ClosingPolicy& policy_;
  NightKey key_;
  LstosaNight night_;
};

}  // namespace

LstosaHistory read_lstosa_history(const fs::path& file) {
  LstosaHistory last;
  std::istringstream lines(read_text_file(file));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::vector<std::string> word;
    for (std::string one; words >> one;) word.push_back(std::move(one));
    LstosaHistory history;
    if (word.size() != columns || !read_name(word.front(), history) ||
        !read_number(word.back(), history.exit_code))
      continue;
    history.program = word[1];
    history.prod_id = word[2];
    last = std::move(history);
  }
  return last;
}

LstosaNight read_lstosa_night(const ClosingPolicy& policy, const NightKey& night,
                              const std::function<FileHashes(const fs::path&)>& hash) {
  return Reader(policy, night).read(hash);
}

}  // namespace alisio::night
