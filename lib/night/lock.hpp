#pragma once
#include <filesystem>
#include <string>

#include "lib/night/closing_record.hpp"

namespace alisio::night {

/// The right to work on one night of one production: an advisory lock (flock) on a file that says
/// who holds it. It ends with the process, however that ends.
class NightLock {
 public:
  NightLock() = default;
  ~NightLock();
  NightLock(NightLock&& other) noexcept;
  NightLock& operator=(NightLock&& other) noexcept;

  /// Try to take the lock. If another holds it, the result does not hold() and names the holder.
  /// @throws Error(resource) if the file cannot be made.
  static NightLock take(const std::filesystem::path& file);

  /// Wait for a lock that others hold for moments. @throws Error(resource) if one holds it longer
  /// than `patience_s`, seconds: `what` is under way, and `remedy` helps.
  static NightLock wait(const std::filesystem::path& file, int patience_s, const std::string& what,
                        const std::string& remedy);

  [[nodiscard]] bool holds() const { return descriptor_ >= 0; }
  /// "process 123 on node since 2024-02-16T07:00:00 UTC", of the other holder.
  [[nodiscard]] const std::string& holder() const { return holder_; }

 private:
  int descriptor_ = -1;
  std::string holder_;
};

/// Return who works under a lock, "process 123 on node since 2024-02-16T07:00:00 UTC"; empty if
/// nobody does. Whoever looks on is in nobody's way for longer than a moment, which
/// NightLock::take() waits for.
[[nodiscard]] std::string lock_holder(const std::filesystem::path& file);

/// Return the lock file of what the productions of a night share, such as constants.
[[nodiscard]] std::filesystem::path shared_lock_file(const std::filesystem::path& state_folder,
                                                     const NightKey& night);

/// Return the lock file of a night.
[[nodiscard]] std::filesystem::path night_lock_file(const std::filesystem::path& state_folder,
                                                    const NightKey& night);

}  // namespace alisio::night
