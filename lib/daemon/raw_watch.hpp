#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "lib/base/ids.hpp"

namespace alisio::daemon {

/// Tell whether a folder is on a file system whose changes by other machines the kernel does not
/// tell of (NFS, Lustre, Ceph, …), so that it must be looked at again and again.
[[nodiscard]] bool is_on_network(const std::filesystem::path& folder);

/// Return a text that names the complete subruns of a night: it changes when one more is complete.
/// Empty if the night has no raw data. @param settle_s see night::has_settled().
/// @param growing set to whether a subrun is being written, or its folder can change unseen.
[[nodiscard]] std::string complete_subruns(const std::filesystem::path& r0, int telescope,
                                           const NightDate& date, double settle_s, bool& growing);

/// Hears from the kernel (inotify) that something has changed in folders of raw data.
class FolderWatch {
 public:
  FolderWatch();
  ~FolderWatch();
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  /// Watch a folder, once. Return whether changes of it will be heard of.
  bool watch(const std::filesystem::path& folder);
  /// Return whether anything has changed since the last call.
  [[nodiscard]] bool changed();

 private:
  int descriptor_;
  std::map<std::filesystem::path, int> watched_;
};

}  // namespace alisio::daemon
