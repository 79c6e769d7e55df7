#include "lib/night/hook.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "lib/base/error.hpp"
#include "lib/night/process.hpp"

namespace alisio::night {
namespace {

constexpr std::size_t words_kept = 300;
/// After its time limit, an orphan ends by itself, s.
constexpr unsigned spare_s = 5;

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

[[noreturn]] void become(char* const* argv, int input, int output, unsigned limit_s) {
  ::setpgid(0, 0);
  // Should nobody be left to look at the clock.
  ::signal(SIGALRM, SIG_DFL);
  ::alarm(limit_s);
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

}  // namespace

struct RunningHook::Process {
  Process(std::string program, double limit_s)
      : name(std::move(program)), time_limit_s(limit_s), patience(limit_s) {}

  std::string name;  ///< for messages
  double time_limit_s;
  EndingPatience patience;
  MemoryFile given{"input"}, said{"output"};
  pid_t pid = -1;
};

RunningHook::RunningHook(const std::vector<std::string>& words, const std::string& input,
                         double time_limit_s)
    : process_(std::make_unique<Process>(words.back(), time_limit_s)) {
  process_->given.write(input);
  std::vector<std::string> copies = words;
  std::vector<char*> argv;
  for (std::string& word : copies) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0)
    throw Error(ErrorKind::resource,
                std::string("no process can be started: ") + std::strerror(errno), words.front());
  if (child == 0)
    become(argv.data(), process_->given.get(), process_->said.get(),
           static_cast<unsigned>(time_limit_s) + spare_s);
  ::setpgid(child, child);
  process_->pid = child;
}

RunningHook::~RunningHook() = default;
RunningHook::RunningHook(RunningHook&&) noexcept = default;
RunningHook& RunningHook::operator=(RunningHook&&) noexcept = default;

bool RunningHook::has_ended() {
  int status = 0;
  const pid_t ended = ::waitpid(process_->pid, &status, WNOHANG);
  if (ended == 0 || (ended < 0 && errno == EINTR)) {
    const EndingPatience::Step step = process_->patience.next();
    if (step == EndingPatience::Step::kill) ::kill(-process_->pid, SIGKILL);
    if (step != EndingPatience::Step::give_up) return false;
  }
  if (process_->patience.killed())
    throw Error(ErrorKind::resource, fmt::format("took longer than {} s", process_->time_limit_s),
                process_->name, "make it faster, or raise notify.time_limit");
  if (ended == process_->pid && WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
  throw Error(ErrorKind::resource,
              fmt::format("failed with {} {}: {}", WIFEXITED(status) ? "code" : "signal",
                          WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
                          process_->said.last_words()),
              process_->name, "try it by hand with a JSON text on its standard input");
}

}  // namespace alisio::night
