#include "lib/night/lstosa_flags.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/night/process.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

/// By this line a flag is known to be ours.
constexpr const char* our_mark = "closed by alisio";

fs::path working_folder(const ClosingPolicy& policy, const NightKey& night) {
  return policy.running_analysis / night.date.compact() / night.prod_id;
}

/// LSTOSA writes LST1, without the dash.
std::string sequence_flag(int telescope, int run) {
  return fmt::format("sequence_LST{}_{}.closed", telescope, run_text(run));
}

bool is_ours(const fs::path& flag) {
  return read_text_file(flag).find(our_mark) != std::string::npos;
}

std::string flag_text(const Seal& seal, const fs::path& seal_file, const std::string& sha256) {
  std::size_t missing = 0, expected = 0;
  std::string named;
  for (const RunCompleteness& run : seal.found.runs) {
    missing += run.missing.size();
    expected += static_cast<std::size_t>(run.expected_subruns);
    for (const MissingSubrun& one : run.missing)
      named += fmt::format("missing {}.{} {}: {}\n", run_text(run.run), subrun_text(one.subrun),
                           one.stage.empty() ? "r0" : one.stage, one.reason);
  }
  for (const OpenJob& job : seal.found.unfinished)
    named += fmt::format("unfinished {} {}: {}\n", job_name(job.key), job.key.stage, job.reason);
  // LSTOSA writes host and process, and nothing else.
  return fmt::format(
      "{}:{}\n{} ({}) at {}, for {}{}\nnight {} of {}, production {}\n"
      "{} data runs, {} of {} subruns, {} products\n{}seal {} sha256 {}\n",
      host_name(), ::getpid(), our_mark, seal.program, seal.closed_at, seal.author,
      seal.reason.empty() ? "" : ": " + seal.reason, seal.key.date.iso(),
      telescope_text(seal.key.telescope), seal.key.prod_id, seal.found.runs.size(),
      expected - missing, expected, seal.products.size(), named, seal_file.string(), sha256);
}

[[noreturn]] void refuse(const fs::path& file, int cause) {
  throw Error(ErrorKind::resource, std::string("cannot be made: ") + std::strerror(cause),
              file.string(), "check permissions and space, or set closing.lstosa_flags: false");
}

/// Give a flag its name unless one is there: whoever sees it sees all of it.
/// @return false if there is one that others wrote
bool put_flag(const fs::path& flag, const std::string& text) {
  std::error_code failed;
  if (fs::exists(flag, failed)) {
    if (!is_ours(flag)) return false;
    if (read_text_file(flag) != text) write_file_atomically(flag, text);
    return true;
  }
  PendingFile pending(flag);
  std::ofstream(pending.path(), std::ios::binary) << text;
  if (std::error_code unknown; fs::file_size(pending.path(), unknown) != text.size())
    refuse(flag, ENOSPC);
  pending.sync();
  if (::link(pending.path().c_str(), flag.c_str()) != 0 && errno != EEXIST) refuse(flag, errno);
  return is_ours(flag);
}

/// Make a relative link, or lead one elsewhere; what is no link stays. @return false if it stays
bool put_link(const fs::path& link, const fs::path& target) {
  std::error_code failed;
  fs::create_directories(link.parent_path(), failed);
  if (failed) refuse(link.parent_path(), failed.value());
  const fs::path to = fs::relative(target, fs::weakly_canonical(link.parent_path()), failed);
  if (fs::is_symlink(fs::symlink_status(link, failed))) {
    if (fs::read_symlink(link, failed) == to) return true;
  } else if (fs::exists(link, failed)) {
    return false;
  }
  const fs::path fresh =
      link.parent_path() / fmt::format(".{}.link-{}", link.filename().string(), ::getpid());
  fs::remove(fresh, failed);
  fs::create_symlink(to, fresh, failed);
  if (failed) refuse(fresh, failed.value());
  fs::rename(fresh, link, failed);
  if (failed) refuse(link, failed.value());
  return true;
}

/// Return where LSTOSA has a product in its working folder, relative; empty: it is none of the
/// night's levels. Interleaved events lie beside DL1 there.
fs::path working_path(const std::string& path, const NightKey& night) {
  for (const char* level : {"DL1", "DL2", "DL3"}) {
    const std::string start =
        (fs::path(level) / night.date.compact() / night.prod_id / "").string();
    if (!path.starts_with(start)) continue;
    const fs::path rest = path.substr(start.size());
    return *rest.begin() == "interleaved" ? rest.lexically_relative("interleaved") : rest;
  }
  return {};
}

}  // namespace

fs::path night_finished_file(const ClosingPolicy& policy, const NightKey& night) {
  return policy.osa / "Closer" / night.date.compact() / night.prod_id / "NightFinished.txt";
}

std::vector<std::string> write_lstosa_flags(const ClosingPolicy& policy, const Seal& seal,
                                            const fs::path& seal_file,
                                            const std::string& seal_sha256) {
  std::vector<std::string> notes;
  if (!policy.lstosa_flags) return notes;
  const auto leave = [&](const fs::path& file) {
    notes.push_back(fmt::format("{} is not ours and was left", file.string()));
  };
  const fs::path folder = working_folder(policy, seal.key);
  std::set<int> runs;
  for (const SealedFile& product : seal.products) {
    if (product.job.run != whole_night) runs.insert(product.job.run);
    const fs::path name = working_path(product.path, seal.key);
    if (!name.empty() &&
        !put_link(folder / name, fs::weakly_canonical(policy.products) / product.path))
      leave(folder / name);
  }
  for (const int run : runs)
    if (const fs::path flag = folder / sequence_flag(seal.key.telescope, run);
        !put_flag(flag, fmt::format("{} at {}\n", our_mark, seal.closed_at)))
      leave(flag);
  // Last: LSTOSA takes the night for closed when it sees this one.
  const fs::path finished = night_finished_file(policy, seal.key);
  if (!put_flag(finished, flag_text(seal, seal_file, seal_sha256))) leave(finished);
  return notes;
}

void remove_lstosa_flags(const ClosingPolicy& policy, const NightKey& night) {
  std::vector<fs::path> flags{night_finished_file(policy, night)};
  std::error_code absent;
  for (fs::directory_iterator at(working_folder(policy, night), absent);
       !absent && at != fs::directory_iterator(); at.increment(absent))
    if (at->path().extension() == ".closed") flags.push_back(at->path());
  for (const fs::path& flag : flags)
    if (fs::is_regular_file(flag) && is_ours(flag)) {
      std::error_code failed;
      if (fs::remove(flag, failed); failed) refuse(flag, failed.value());
    }
}

void remove_dead_links(const ClosingPolicy& policy, const NightKey& night) {
  std::vector<fs::path> dead;
  std::error_code absent;
  for (fs::recursive_directory_iterator at(working_folder(policy, night), absent);
       !absent && at != fs::recursive_directory_iterator(); at.increment(absent)) {
    std::error_code ignored;
    if (at->is_symlink(ignored) && !fs::exists(at->path(), ignored)) dead.push_back(at->path());
  }
  for (const fs::path& link : dead) {
    std::error_code failed;
    if (fs::remove(link, failed); failed) refuse(link, failed.value());
  }
}

}  // namespace alisio::night
