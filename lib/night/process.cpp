#include "lib/night/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>
#include <utility>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/base/part_file.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGCHLD, SIGINT, SIGTERM, SIGUSR1}) sigaddset(&set, signal);
  // Under nohup it is ignored, and would be waited for all the same.
  struct sigaction hang_up {};
  if (::sigaction(SIGHUP, nullptr, &hang_up) == 0 && hang_up.sa_handler != SIG_IGN)
    sigaddset(&set, SIGHUP);
  return set;
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return number_; }

 private:
  int number_;
};

void make_pipe(int& out, int& in) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    throw Error(ErrorKind::resource, std::string("no pipe can be made: ") + std::strerror(errno));
  out = ends[0];
  in = ends[1];
}

}  // namespace

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

std::int64_t process_start_time(pid_t pid) {
  std::ifstream in(fmt::format("/proc/{}/stat", pid));
  std::string text;
  if (!std::getline(in, text)) return 0;
  // The command name, in parentheses, may hold blanks: count the fields behind it.
  const std::size_t end = text.rfind(')');
  if (end == std::string::npos) return 0;
  std::istringstream fields(text.substr(end + 1));
  std::string field;
  for (int position = 3; position <= 22 && fields >> field; ++position) {
    if (position == 3 && (field == "Z" || field == "X")) return 0;
    if (position == 22) return std::stoll(field);
  }
  return 0;
}

namespace {

/// Open what a process says into. Where that cannot be written, what the process makes cannot be
/// either, most likely: it runs all the same, so that it fails by itself, and alone.
int open_log(const fs::path& log_file) {
  std::error_code failed;
  fs::create_directories(log_file.parent_path(), failed);
  constexpr int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
  const int log = ::open(log_file.c_str(), flags, 0644);
  if (log >= 0) return log;
  spdlog::warn("{}: cannot be written: {}; what the job says is not kept", log_file.string(),
               failed ? failed.message() : std::strerror(errno));
  return ::open("/dev/null", O_WRONLY | O_CLOEXEC);
}

}  // namespace

/// A process between its making and its program. It shares the memory of this one until then, so
/// that a large one costs no more than a small one: copying the tables of 100 MB takes longer than
/// many a job. It runs on a stack of its own, and calls nothing but the system.
struct HeldProcesses::Child {
  static constexpr std::size_t stack_size = 64 * 1024;

  std::string program;
  std::vector<std::string> words;
  std::vector<char*> argv;
  Descriptor log, nothing;
  int gate_out, gate_in, niceness;
  pid_t parent, pid = -1;
  std::unique_ptr<std::max_align_t[]> stack =
      std::make_unique<std::max_align_t[]>(stack_size / sizeof(std::max_align_t));

  Child(const fs::path& what, const std::vector<std::string>& arguments, const fs::path& log_file,
        int nice)
      : program(what.string()),
        words(arguments),
        log(open_log(log_file)),
        nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC)),
        gate_out(-1),
        gate_in(-1),
        niceness(::getpriority(PRIO_PROCESS, 0) + nice),
        parent(::getpid()) {
    argv.push_back(program.data());
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
  }

  /// The way to the program. It must not throw, allocate or fail but at its end, where the parent
  /// waits: the error number is shared too.
  __attribute__((no_sanitize("address", "thread"))) static int become(void* about) {
    const Child& self = *static_cast<const Child*>(about);
    ::setpgid(0, 0);
    ::setpriority(PRIO_PROCESS, 0, self.niceness);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    ::close(self.gate_in);
    char leave = 0;
    if (::getppid() != self.parent || ::read(self.gate_out, &leave, 1) != 1) ::_exit(125);
    ::dup2(self.nothing.get(), STDIN_FILENO);
    ::dup2(self.log.get(), STDOUT_FILENO);
    ::dup2(self.log.get(), STDERR_FILENO);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execv(self.program.c_str(), self.argv.data());
    const char* message = "the program cannot be executed: ";
    [[maybe_unused]] auto written = ::write(STDERR_FILENO, message, std::strlen(message));
    written = ::write(STDERR_FILENO, self.program.c_str(), self.program.size());
    written = ::write(STDERR_FILENO, "\n", 1);
    ::_exit(127);
  }
};

HeldProcesses::HeldProcesses() {
  make_pipe(gate_out_, gate_in_);
  make_pipe(begun_out_, begun_in_);
}

HeldProcesses::~HeldProcesses() {
  // Whoever is still held reads the end of the gate, and ends.
  for (const int end : {gate_in_, gate_out_, begun_in_, begun_out_})
    if (end >= 0) ::close(end);
  for (const std::unique_ptr<Child>& child : held_) {
    ::kill(child->pid, SIGKILL);
    ::waitpid(child->pid, nullptr, 0);
  }
}

pid_t HeldProcesses::add(const fs::path& program, const std::vector<std::string>& arguments,
                         const fs::path& log_file, int nice) {
  auto child = std::make_unique<Child>(program, arguments, log_file, nice);
  if (child->log.get() < 0 || child->nothing.get() < 0)
    throw Error(ErrorKind::resource, std::string("cannot be opened: ") + std::strerror(errno),
                "/dev/null");
  child->gate_out = gate_out_;
  child->gate_in = gate_in_;
  void* const top = child->stack.get() + Child::stack_size / sizeof(std::max_align_t);
  child->pid = ::clone(&Child::become, top, CLONE_VM | SIGCHLD, child.get());
  if (child->pid < 0)
    throw Error(ErrorKind::resource,
                std::string("no process can be started: ") + std::strerror(errno), program.string(),
                "run fewer jobs at a time");
  ::setpgid(child->pid, child->pid);
  held_.push_back(std::move(child));
  return held_.back()->pid;
}

void HeldProcesses::release() {
  const std::string leave(held_.size(), '\1');
  if (::write(gate_in_, leave.data(), leave.size()) != static_cast<ssize_t>(leave.size()))
    throw Error(ErrorKind::bug, "processes could not be released");
  // Their memory is ours until they execute their programs, which closes their ends of this pipe.
  ::close(begun_in_);
  begun_in_ = -1;
  char none = 0;
  while (::read(begun_out_, &none, 1) < 0 && errno == EINTR) {
  }
  held_.clear();
}

pid_t start_process(const fs::path& program, const std::vector<std::string>& arguments,
                    const fs::path& log_file, const std::function<void(pid_t)>& recorded) {
  HeldProcesses held;
  const pid_t pid = held.add(program, arguments, log_file);
  recorded(pid);
  held.release();
  return pid;
}

bool has_ended(pid_t pid, ProcessEnd& end) {
  int status = 0;
  struct rusage usage {};
  if (::wait4(pid, &status, WNOHANG, &usage) != pid) return false;
  end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  end.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  end.max_rss_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  end.cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  return true;
}

EndingPatience::Step EndingPatience::next() {
  constexpr double to_die_s = 10;
  const double waited_s =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  if (waited_s > patience_s_ && !std::exchange(killed_, true)) return Step::kill;
  return waited_s > patience_s_ + to_die_s ? Step::give_up : Step::wait;
}

void end_left_process(pid_t pid, std::int64_t start_time, double patience_s) {
  const auto alive = [&] { return start_time != 0 && process_start_time(pid) == start_time; };
  if (!alive()) return;
  ::kill(-pid, SIGTERM);
  EndingPatience patience(patience_s);
  while (alive()) {
    const EndingPatience::Step step = patience.next();
    if (step == EndingPatience::Step::kill) ::kill(-pid, SIGKILL);
    if (step == EndingPatience::Step::give_up)
      throw Error(ErrorKind::resource,
                  fmt::format("process {}, started by an earlier night, does not end", pid));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

int remove_part_files(const std::vector<std::string>& products, pid_t pid) {
  if (pid <= 0) return 0;
  int removed = 0;
  std::set<fs::path> folders;
  std::set<std::pair<fs::path, std::string>> targets;
  for (const std::string& product : products) {
    const fs::path path(product);
    folders.insert(path.parent_path());
    targets.insert({path.parent_path(), path.filename().string()});
  }
  for (const fs::path& folder : folders) {
    std::error_code ignored;
    std::vector<fs::path> parts;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
      const auto part = parse_part_name(entry.path().filename().string());
      if (part && part->pid == pid && targets.contains({folder, part->target}))
        parts.push_back(entry.path());
    }
    for (const fs::path& part : parts) removed += fs::remove(part, ignored) ? 1 : 0;
  }
  return removed;
}

HandOverIgnored::HandOverIgnored() {
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGUSR1, &ignore, &before_);
}

HandOverIgnored::~HandOverIgnored() {
  ::sigaction(SIGUSR1, &before_, nullptr);
}

SignalWait::SignalWait() {
  const sigset_t set = watched_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, &before_);
}

SignalWait::~SignalWait() {
  // What came too late to be asked for must not strike now.
  const sigset_t set = watched_signals();
  const timespec none{};
  while (::sigtimedwait(&set, nullptr, &none) > 0) {
  }
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

int SignalWait::wait(double seconds) {
  const sigset_t set = watched_signals();
  const double whole = std::floor(seconds);
  const timespec patience{static_cast<std::time_t>(whole),
                          static_cast<long>((seconds - whole) * 1e9)};
  const int signal = ::sigtimedwait(&set, nullptr, &patience);
  return signal > 0 && signal != SIGCHLD ? signal : 0;
}

}  // namespace alisio::night
