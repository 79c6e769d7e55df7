#include "lib/daemon/raw_watch.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/inotify.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"
#include "lib/night/growing.hpp"

namespace alisio::daemon {
namespace fs = std::filesystem;

bool is_on_network(const fs::path& folder) {
  // From linux/magic.h, and of those that stand outside of the kernel: NFS, SMB, SMB2, CIFS, AFS,
  // Ceph, Lustre, GPFS, BeeGFS, FUSE.
  constexpr std::array<unsigned long, 10> network = {0x6969,     0x517B,     0xFE534D42, 0xFF534D42,
                                                     0x5346414F, 0x00C36400, 0x0BD00BD0, 0x47504653,
                                                     0x19830326, 0x65735546};
  struct statfs facts {};
  if (::statfs(folder.c_str(), &facts) != 0) return true;
  const auto kind = static_cast<unsigned long>(facts.f_type) & 0xFFFFFFFFUL;
  return std::find(network.begin(), network.end(), kind) != network.end();
}

std::string complete_subruns(const fs::path& r0, int telescope, const NightDate& date,
                             double settle_s, bool& growing) {
  const fs::path folder = r0 / date.compact();
  growing = is_on_network(folder);
  if (!is_folder(folder)) return {};
  night::Catalogue catalogue = night::find_runs(r0, {}, telescope, date);
  const night::Growing found =
      night::leave_out_growing(catalogue, settle_s, static_cast<double>(std::time(nullptr)));
  growing = growing || !found.runs.empty();
  std::string text;
  for (const night::RunEntry& run : catalogue.runs)
    for (const night::SubrunFiles& subrun : run.subruns)
      text += fmt::format("{}.{}.{} ", run.run, subrun.subrun, subrun.streams.size());
  if (text.empty()) return text;
  // What gathers the subruns of a run can be done when that is over, though no file comes.
  for (const int run : found.runs) text += fmt::format("{} ", run);
  return hash_text(text);
}

FolderWatch::FolderWatch() : descriptor_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (descriptor_ < 0) spdlog::warn("inotify is not to be had: folders are looked at by turns");
}

FolderWatch::~FolderWatch() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool FolderWatch::watch(const fs::path& folder) {
  if (descriptor_ < 0 || is_on_network(folder)) return false;
  if (watched_.contains(folder)) return true;
  const int number = ::inotify_add_watch(
      descriptor_, folder.c_str(),
      IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR);
  if (number < 0) return false;
  watched_[folder] = number;
  return true;
}

bool FolderWatch::changed() {
  bool any = false;
  alignas(inotify_event) std::array<char, 16384> buffer{};
  for (ssize_t size = 1; descriptor_ >= 0 && size > 0;) {
    size = ::read(descriptor_, buffer.data(), buffer.size());
    for (ssize_t at = 0; at < size;) {
      inotify_event event{};
      std::copy_n(buffer.data() + at, sizeof event, reinterpret_cast<char*>(&event));
      any = true;
      if ((event.mask & IN_IGNORED) != 0)
        std::erase_if(watched_, [&](const auto& entry) { return entry.second == event.wd; });
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
  return any;
}

}  // namespace alisio::daemon
