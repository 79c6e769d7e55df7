#pragma once
#include <chrono>
#include <string>

namespace alisio::night {

/// Show how far the jobs are, on stderr: a bar with rate and time left if it is a terminal, else
/// one line a minute.
class Progress {
 public:
  Progress();
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void job_ended(bool ok);
  /// Redraw if it is time to.
  /// @param ahead jobs that are known to follow the running ones
  void show(int running, int ahead);

 private:
  [[nodiscard]] std::string text(int running, int jobs) const;

  int ended_ = 0, failed_ = 0;
  bool terminal_, drawn_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

}  // namespace alisio::night
