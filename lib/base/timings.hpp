#pragma once
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace alisio {

/// Wall-clock time that the threads of a job spent in the parts of its work. Parts do not nest, so
/// that with one thread their sum is the job's time less what nobody measured.
class Timings {
 public:
  struct Part {
    std::string name;
    std::int64_t calls = 0;
    double seconds = 0;  ///< added up over threads
  };

  /// Add a measurement; any thread may.
  void add(std::string_view part, std::chrono::steady_clock::duration time);
  /// Return the parts, in the order in which they were met first.
  [[nodiscard]] std::vector<Part> parts() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Part> parts_;
};

/// Measures a part of the work from its construction to its end. Costs 0.1 µs: for pieces of work
/// of many events or pixels, not for each.
class TimedPart {
 public:
  /// @param timings nullptr: nothing is measured
  TimedPart(Timings* timings, std::string_view part)
      : timings_(timings), part_(part), begin_(std::chrono::steady_clock::now()) {}
  ~TimedPart() {
    if (timings_ != nullptr) timings_->add(part_, std::chrono::steady_clock::now() - begin_);
  }
  TimedPart(const TimedPart&) = delete;
  TimedPart& operator=(const TimedPart&) = delete;

 private:
  Timings* timings_;
  std::string_view part_;
  std::chrono::steady_clock::time_point begin_;
};

/// Return a table for people: each part's seconds, share of `wall_s`, and µs an event.
[[nodiscard]] std::string timings_table(const std::vector<Timings::Part>& parts, double wall_s,
                                        std::int64_t events);

}  // namespace alisio
