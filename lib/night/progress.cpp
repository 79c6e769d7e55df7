#include "lib/night/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "lib/base/log.hpp"
#include "lib/night/words.hpp"

namespace alisio::night {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int bar_width = 24;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

Progress::Progress()
    : terminal_(::isatty(STDERR_FILENO) == 1), start_(Clock::now()), last_(start_) {}

Progress::~Progress() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
}

void Progress::job_ended(bool ok) {
  ++ended_;
  if (!ok) ++failed_;
}

std::string Progress::text(int running, int jobs) const {
  const double elapsed = seconds_since(start_);
  std::string line = fmt::format("{} of {} jobs", ended_, jobs);
  if (failed_ > 0) line += fmt::format(", {} failed", failed_);
  line += fmt::format(", {} running", running);
  if (ended_ > 0 && elapsed > 0)
    line += fmt::format(", {:.1f} a minute, {} left", ended_ / elapsed * 60,
                        duration_text(elapsed / ended_ * (jobs - ended_)));
  return line;
}

void Progress::show(int running, int ahead) {
  const int jobs = ended_ + running + ahead;
  if (!terminal_) {
    if (seconds_since(last_) < 60) return;
    last_ = Clock::now();
    spdlog::info("{}", text(running, jobs));
    return;
  }
  if (drawn_ && seconds_since(last_) < 0.2) return;
  last_ = Clock::now();
  const int full = jobs > 0 ? bar_width * ended_ / jobs : 0;
  std::fputs(
      fmt::format("\r\x1b[K[{}{}] {}", std::string(static_cast<std::size_t>(full), '#'),
                  std::string(static_cast<std::size_t>(bar_width - full), '.'), text(running, jobs))
          .c_str(),
      stderr);
  std::fflush(stderr);
  drawn_ = true;
}

}  // namespace alisio::night
