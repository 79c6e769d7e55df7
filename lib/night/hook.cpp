#include "lib/night/hook.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "lib/base/error.hpp"

namespace alisio::night {
namespace {

constexpr auto look_every = std::chrono::milliseconds(10);
constexpr std::size_t words_kept = 300;

/// A file without a name, so that no reader and no writer ever waits for the other.
class MemoryFile {
 public:
  explicit MemoryFile(const char* name) : descriptor_(::memfd_create(name, MFD_CLOEXEC)) {
    if (descriptor_ < 0)
      throw Error(ErrorKind::resource, std::string("no memory file: ") + std::strerror(errno));
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  [[nodiscard]] int get() const { return descriptor_; }
  void write(const std::string& text) const {
    if (::write(descriptor_, text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::lseek(descriptor_, 0, SEEK_SET) != 0)
      throw Error(ErrorKind::resource, std::string("a memory file: ") + std::strerror(errno));
  }
  /// Return the end of what was written, in one line.
  [[nodiscard]] std::string last_words() const {
    const off_t size = ::lseek(descriptor_, 0, SEEK_END);
    std::string text(words_kept, '\0');
    const off_t start = std::max<off_t>(0, size - static_cast<off_t>(words_kept));
    const ssize_t got = ::pread(descriptor_, text.data(), text.size(), start);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    for (char& c : text)
      if (c == '\n') c = ' ';
    return text;
  }

 private:
  int descriptor_;
};

[[noreturn]] void become(char* const* argv, int input, int output) {
  ::setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::dup2(input, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::execvp(argv[0], argv);
  ::_exit(127);
}

/// Wait for a child; kill its group when the time is over. @return its status; -1: it was killed.
int wait_for_end(pid_t child, double time_limit_s) {
  const auto start = std::chrono::steady_clock::now();
  int status = 0;
  for (;;) {
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) return status;
    if (ended < 0 && errno != EINTR) return -1;
    const double waited =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (waited > time_limit_s) break;
    std::this_thread::sleep_for(look_every);
  }
  ::kill(-child, SIGKILL);
  ::waitpid(child, &status, 0);
  return -1;
}

}  // namespace

void run_hook(const std::vector<std::string>& words, const std::string& input,
              double time_limit_s) {
  const MemoryFile given("input"), said("output");
  given.write(input);
  std::vector<std::string> copies = words;
  std::vector<char*> argv;
  for (std::string& word : copies) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0)
    throw Error(ErrorKind::resource,
                std::string("no process can be started: ") + std::strerror(errno), words.front());
  if (child == 0) become(argv.data(), given.get(), said.get());
  ::setpgid(child, child);
  const int status = wait_for_end(child, time_limit_s);
  if (status == -1)
    throw Error(ErrorKind::resource, fmt::format("took longer than {} s", time_limit_s),
                words.back(), "make it faster, or raise notify.time_limit");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  throw Error(
      ErrorKind::resource,
      fmt::format("failed with {} {}: {}", WIFEXITED(status) ? "code" : "signal",
                  WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), said.last_words()),
      words.back(), "try it by hand with a JSON text on its standard input");
}

}  // namespace alisio::night
