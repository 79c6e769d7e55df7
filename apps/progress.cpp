#include "apps/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "lib/base/log.hpp"

namespace alisio::apps {

Progress::Progress(std::string what, std::string unit, bool shown)
    : what_(std::move(what)),
      unit_(std::move(unit)),
      shown_(shown),
      terminal_(::isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      last_(start_) {}

void Progress::update(std::int64_t done, std::int64_t total) {
  if (!shown_) return;
  using std::chrono::duration;
  const auto now = Clock::now();
  const double since_last = duration<double>(now - last_).count();
  if (since_last < (terminal_ ? 0.2 : 60.0)) return;
  last_ = now;
  const double seconds = duration<double>(now - start_).count();
  const double rate = double(done) / seconds;
  std::string line = fmt::format("{}: {} {}, {:.0f}/s", what_, done, unit_, rate);
  if (total > 0 && rate > 0)
    line += fmt::format(", {:.0f} %, {:.0f} s left", 100.0 * double(done) / double(total),
                        double(total - done) / rate);
  if (terminal_) {
    fmt::print(stderr, "\r\033[K{}", line);
    std::fflush(stderr);
    drawn_ = true;
  } else {
    spdlog::info("{}", line);
  }
}

void Progress::finish() {
  if (drawn_) fmt::print(stderr, "\r\033[K");
  drawn_ = false;
}

}  // namespace alisio::apps
