#include "lib/night/report.hpp"

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/json_text.hpp"
#include "lib/night/judge.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {

std::vector<JobFile> files_of(const json& list, std::vector<FileStamp>& all) {
  std::vector<JobFile> files;
  for (const json& item : list) {
    const FileStamp stamp = stage::stamp_from_json(item);
    JobFile file{item.at("port"), stamp.path, hashes_of(stamp), item.value("quality", "")};
    // The hash of a part must not pass for that of the file.
    if (stamp.sha256.empty())
      file.hashes.sha256 = part_mark(stamp);
    else
      all.push_back(stamp);
    // What counts of a file that grows is the part that was taken of it.
    if (item.contains("part")) file.hashes.data_hash = item.at("part");
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace

std::optional<JobReport> read_report(const fs::path& file) {
  if (!fs::exists(file)) return std::nullopt;
  try {
    const json content = json::parse(read_text_file(file));
    JobReport report;
    for (const json& activity : content.at("activities")) {
      JobRecord job;
      job.key.stage = activity.at("stage");
      job.status = activity.at("status") == "done" ? JobStatus::done : JobStatus::failed;
      job.stage_version = activity.at("stage_version");
      job.activity_id = activity.value("activity_id", std::string());
      job.identity = activity.value("identity", std::string());
      job.exit_code = activity.value("exit_code", 0);
      job.message = activity.value("message", std::string());
      job.journal = activity.value("journal", content.value("journal", std::string()));
      if (activity.contains("inputs")) job.inputs = files_of(activity["inputs"], report.files);
      if (activity.contains("outputs")) job.outputs = files_of(activity["outputs"], report.files);
      job.events = activity.value("events", std::int64_t{0});
      job.wall_s = activity.value("wall_s", 0.0);
      job.cpu_s = activity.value("cpu_s", 0.0);
      job.max_rss_bytes = activity.value("max_rss_bytes", std::uint64_t{0});
      report.jobs.push_back(std::move(job));
    }
    return report;
  } catch (const json::exception& error) {
    throw Error(ErrorKind::bad_input, std::string("the report cannot be read: ") + error.what(),
                file.string());
  }
}

void write_known_hashes(const fs::path& file, const std::vector<FileStamp>& files) {
  json list = json::array();
  for (const FileStamp& known : files) list.emplace_back(stage::to_json(known));
  write_file_atomically(file, json_text(list, 1) + "\n");
}

std::string last_lines(const fs::path& file, int count) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return "";
  const std::streamoff size = in.tellg();
  const std::streamoff kept = std::min<std::streamoff>(size, 4096);
  std::string text(static_cast<std::size_t>(kept), '\0');
  in.seekg(size - kept);
  in.read(text.data(), kept);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::size_t start = text.size();
  for (int line = 0; line < count && start != std::string::npos && start > 0; ++line)
    start = text.rfind('\n', start - 1);
  if (start == std::string::npos || start == 0) return text;
  return text.substr(start + 1);
}

std::string last_error(const fs::path& file) {
  constexpr int looked_at = 40;
  const std::string text = last_lines(file, looked_at);
  std::string found, last;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    last = line;
    for (const char* mark : {" error   ", " critical "})
      if (const auto at = line.find(mark); at != std::string::npos)
        found = line.substr(at + std::strlen(mark));
  }
  return found.empty() ? last : found;
}

}  // namespace alisio::night
