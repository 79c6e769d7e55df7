#pragma once
#include <chrono>
#include <string>

namespace alisio::night {

/// Show how far the jobs are, on stderr: a bar with rate and time left if it is a terminal, else
/// one line a minute.
class Progress {
 public:
  /// @param jobs how many are known at the start.
  explicit Progress(int jobs);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void add_job() { ++jobs_; }
  void job_ended(bool ok);
  /// Redraw if it is time to.
  void show(int running);

 private:
  [[nodiscard]] std::string text(int running) const;

  int jobs_, ended_ = 0, failed_ = 0;
  bool terminal_, drawn_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

}  // namespace alisio::night
