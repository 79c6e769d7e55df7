#include "lib/night/program_output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "lib/base/error.hpp"

namespace alisio::night {
namespace {

using Clock = std::chrono::steady_clock;

/// Nothing that is asked for is longer.
constexpr std::size_t most_bytes = 64 << 20;

/// A pipe whose ends are closed with it.
class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0)
      throw Error(ErrorKind::resource, std::string("no pipe can be made: ") + std::strerror(errno));
  }
  ~Pipe() {
    for (const int end : ends_)
      if (end >= 0) ::close(end);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  [[nodiscard]] int out() const { return ends_[0]; }
  [[nodiscard]] int in() const { return ends_[1]; }
  void close_in() {
    ::close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

/// The child's way from fork to the program. Only calls that are safe after fork.
[[noreturn]] void become(char* const* argv, int out, int err) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execvp(argv[0], argv);
  ::_exit(127);
}

/// Read what is there. Return false at the end of the file.
bool read_some(int descriptor, std::string& text) {
  std::array<char, 65536> buffer{};
  const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
  if (count < 0 && errno == EINTR) return true;
  if (count <= 0) return false;
  text.append(buffer.data(), static_cast<std::size_t>(count));
  return true;
}

}  // namespace

ProgramOutput run_program(const std::vector<std::string>& words, double patience_s) {
  std::vector<std::string> copies = words;
  std::vector<char*> argv;
  for (std::string& word : copies) argv.push_back(word.data());
  argv.push_back(nullptr);
  Pipe out, err;
  const pid_t child = ::fork();
  if (child < 0)
    throw Error(ErrorKind::resource,
                std::string("no process can be started: ") + std::strerror(errno), words.front());
  if (child == 0) become(argv.data(), out.in(), err.in());
  ::setpgid(child, child);
  out.close_in();
  err.close_in();

  ProgramOutput result;
  const Clock::time_point start = Clock::now();
  std::array<pollfd, 2> open{{{out.out(), POLLIN, 0}, {err.out(), POLLIN, 0}}};
  while (open[0].fd >= 0 || open[1].fd >= 0) {
    const double left = patience_s - std::chrono::duration<double>(Clock::now() - start).count();
    const int ready =
        left > 0 ? ::poll(open.data(), open.size(), static_cast<int>(left * 1e3) + 1) : 0;
    if (ready == 0) {
      result.timed_out = true;
      ::kill(-child, SIGKILL);
      break;
    }
    if (result.out.size() + result.err.size() > most_bytes) {
      ::kill(-child, SIGKILL);
      ::waitpid(child, nullptr, 0);
      throw Error(ErrorKind::resource, fmt::format("says more than {} MB", most_bytes >> 20),
                  words.front());
    }
    if (open[0].revents != 0 && !read_some(out.out(), result.out)) open[0].fd = -1;
    if (open[1].revents != 0 && !read_some(err.out(), result.err)) open[1].fd = -1;
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  result.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return result;
}

}  // namespace alisio::night
