#include "lib/night/file_parts.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>

#include "lib/base/error.hpp"
#include "lib/io/text/log_part.hpp"
#include "lib/io/text/row_part.hpp"
#include "lib/night/state.hpp"

namespace alisio::night {
namespace {

/// Files of which parts are taken, as they were read.
/// @tparam read what gives the content of a file, `part_like` what tells a part of it
template <auto read, auto part_like>
class FilesInParts {
 public:
  std::string part(const std::string& path, const std::string& like) {
    const std::optional<FileStamp> now = stamp_of(path);
    if (!now) return "absent";
    File& file = files_[path];
    try {
      if (file.stamp.path.empty() || !same_stamp(file.stamp, *now)) file = {*now, read(path)};
      return part_like(file.content, like);
    } catch (const Error& error) {
      // The job that reads it says more.
      files_.erase(path);
      return error.what();
    }
  }

 private:
  struct File {
    FileStamp stamp;
    decltype(read(std::filesystem::path())) content;
  };
  std::map<std::string, File> files_;
};
using Logs = FilesInParts<text::read_log_samples, text::log_part_like>;
using RunSummaries = FilesInParts<text::read_run_summary, text::row_part_like>;

}  // namespace

bool names_part(const std::string& data_hash) {
  return text::is_log_part(data_hash) || text::is_row_part(data_hash);
}

std::function<std::string(const std::string&, const std::string&)> part_reader() {
  return [logs = std::make_shared<Logs>(), summaries = std::make_shared<RunSummaries>()](
             const std::string& path, const std::string& part) {
    return text::is_row_part(part) ? summaries->part(path, part) : logs->part(path, part);
  };
}

}  // namespace alisio::night
