#include "lib/daemon/daemon.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/daemon/raw_watch.hpp"
#include "lib/daemon/schedule.hpp"
#include "lib/daemon/supervisor.hpp"
#include "lib/daemon/trouble.hpp"
#include "lib/night/closing.hpp"
#include "lib/night/decided.hpp"
#include "lib/night/kept_configuration.hpp"
#include "lib/night/lock.hpp"
#include "lib/night/night.hpp"
#include "lib/night/pause.hpp"
#include "lib/night/process.hpp"
#include "lib/night/state.hpp"

namespace alisio::daemon {
namespace fs = std::filesystem;
namespace {

/// How long a pass may take to hand its jobs back: it waits for them for 15 s, and 10 s more for
/// those that it kills.
constexpr double stop_patience_s = 60;
constexpr const char* own_work = "its own work";
constexpr std::uintmax_t most_log_bytes = 10 << 20;
constexpr double day_s = 86400;
/// Least time between two looks at the raw data while the telescope writes them (night.pause).
constexpr std::chrono::seconds observing_poll(60);

/// Blocks the signals that the daemon waits for, in this thread and those that it starts.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&set_, signal);
    ::pthread_sigmask(SIG_BLOCK, &set_, &before_);
  }
  ~Signals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// Wait for a signal; return 0 if none came in time.
  [[nodiscard]] int wait(std::chrono::milliseconds time) const {
    const timespec patience{time.count() / 1000, (time.count() % 1000) * 1'000'000};
    const int signal = ::sigtimedwait(&set_, nullptr, &patience);
    return signal > 0 ? signal : 0;
  }

 private:
  sigset_t set_{}, before_{};
};

/// What the configuration says of the daemon.
struct Settings {
  fs::path state, r0;
  int telescope = 1;
  night::ClosingPolicy closing;
  double settle_s = 0;
  std::chrono::duration<double> poll{}, pass_every{};
  long look_back_days = 0;
  night::Pause pause;
};

Settings settings_of(const config::Configuration& configuration) {
  return {.state = configuration.path("paths.state"),
          .r0 = configuration.path("paths.r0"),
          .telescope = static_cast<int>(configuration.integer("telescope")),
          .closing = night::closing_policy(configuration),
          .settle_s = configuration.number("daemon.settle_s"),
          .poll = std::chrono::duration<double>(configuration.number("daemon.poll_s")),
          .pass_every = std::chrono::duration<double>(configuration.number("daemon.pass_every_s")),
          .look_back_days = static_cast<long>(configuration.integer("daemon.look_back_days")),
          .pause = night::pause_of(configuration)};
}

/// What a pass made of a night.
enum class NightEnd { open, complete, closed };

/// Tell how a night stands after a pass that began at an instant. Its exit code alone does not
/// tell: it is 0, too, when another pass was at work.
NightEnd end_of_pass(const fs::path& state_folder, const night::NightKey& night, int exit_code,
                     const std::string& since) {
  auto state = night::State::open_read_only(state_folder);
  if (!state) return NightEnd::open;
  if (const auto closing = state->closing(night); closing && closing->closed())
    return NightEnd::closed;
  const auto record = state->night(night);
  if (exit_code != 0 || !record || record->updated_at < since) return NightEnd::open;
  const auto summary = nlohmann::json::parse(record->summary, nullptr, false);
  const bool complete = summary.is_object() && summary.value("complete", false);
  return complete ? NightEnd::complete : NightEnd::open;
}

NightDate present_night() {
  return NightDate::of_unix_utc(static_cast<double>(std::time(nullptr)));
}

class Daemon {
 public:
  Daemon(const DaemonServices& services, config::Configuration configuration)
      : services_(services),
        configuration_(std::move(configuration)),
        settings_(settings_of(configuration_)),
        schedule_(settings_.pass_every) {
    watch_for_troubles();
  }

  int run();

 private:
  struct Running {
    NightDate night;
    pid_t pid = 0;
    std::string began;  ///< ISO, UTC
    bool may_close;     ///< when it began, it was late enough
  };

  void watch_for_troubles() {
    troubles_.emplace(configuration_, settings_.state / "daemon" / "troubles.json");
  }
  void serve() {
    if (services_.serve) page_ = services_.serve(configuration_);
  }
  void reload();
  void look_at_raw_data();
  void look_at_decisions();
  void wake_for_closing();
  void tell_schedule(const NightDate& night);
  void start_pass(const NightDate& night);
  void reap(bool stopping);
  void stop_pass();
  void take_turn();
  /// Tell of trouble, once for each text, until all is well() again.
  void warn(const std::string& about, const NightDate& night, const std::string& text);
  void well(const std::string& about);
  void feed_watchdog();
  [[nodiscard]] std::set<NightDate> nights() const;
  /// Return whether the telescope observes: then the disks are its own.
  [[nodiscard]] bool observing() const { return night::pause_text(settings_.pause).has_value(); }
  /// Return whether a pass may start. While the telescope observes, not for each new subrun.
  [[nodiscard]] bool may_pass(Clock::time_point now) const {
    return !passed_at_ || !observing() || now - *passed_at_ >= settings_.pass_every;
  }
  /// Return the file of what the passes over a night print.
  [[nodiscard]] fs::path log_of(const NightDate& night) const {
    return settings_.state / "daemon" / fmt::format("night_{}.log", night.compact());
  }

  const DaemonServices& services_;
  config::Configuration configuration_;
  Settings settings_;
  Schedule schedule_;
  std::optional<Troubles> troubles_;
  FolderWatch watch_;
  std::optional<Running> running_;
  bool look_again_ = true;  ///< at the raw data, though nothing was heard of them
  Clock::time_point looked_at_, asked_at_, fed_at_;
  std::optional<Clock::time_point> passed_at_;  ///< when the last pass ended
  std::map<NightDate, std::string> subruns_;    ///< see complete_subruns()
  std::map<NightDate, std::string> decided_;    ///< see night::decided_mark()
  std::set<NightDate> to_close_;                ///< all is done, but it is too early to close them
  std::set<NightDate> known_;
  std::shared_ptr<void> page_;
  std::map<std::string, std::string> said_;  ///< text of what is in trouble, by what it is about
};

/// The nights that may have something to do: the present one, those before it, those asked for.
std::set<NightDate> Daemon::nights() const {
  std::set<NightDate> found(services_.nights.begin(), services_.nights.end());
  const double now = static_cast<double>(std::time(nullptr));
  for (long day = 0; day <= settings_.look_back_days; ++day)
    found.insert(NightDate::of_unix_utc(now - static_cast<double>(day) * day_s));
  return found;
}

void Daemon::look_at_raw_data() {
  const Clock::time_point now = Clock::now();
  const std::set<NightDate> wanted = nights();
  const bool heard = watch_.changed();
  if (!heard && !look_again_ && wanted == known_) return;
  const auto poll = observing()
                        ? std::max<std::chrono::duration<double>>(settings_.poll, observing_poll)
                        : settings_.poll;
  if (now - looked_at_ < poll && looked_at_ != Clock::time_point()) {
    look_again_ = look_again_ || heard;
    return;
  }
  looked_at_ = now;
  known_ = wanted;
  schedule_.keep_only(wanted);
  std::erase_if(to_close_, [&](const NightDate& night) { return !wanted.contains(night); });
  // Whatever goes wrong is looked at again.
  look_again_ = true;
  try {
    if (!is_folder(settings_.r0))
      throw Error(ErrorKind::missing_input, "there is no folder of raw data", settings_.r0.string(),
                  "is its disk mounted? check paths.r0");
  } catch (const Error& error) {
    warn("raw data", present_night(), error.what());
    return;
  }
  well("raw data");
  look_again_ = !watch_.watch(settings_.r0);
  for (const NightDate& night : wanted) {
    const fs::path folder = settings_.r0 / night.compact();
    bool growing = false;
    try {
      if (!is_folder(folder)) continue;
      // Watched before it is looked at: what comes meanwhile is heard of.
      growing = !watch_.watch(folder);
      bool changing = false;
      subruns_[night] =
          complete_subruns(settings_.r0, settings_.telescope, night, settings_.settle_s, changing);
      tell_schedule(night);
      growing = growing || changing;
      well("raw data of " + night.iso());
    } catch (const Error& error) {
      warn("raw data of " + night.iso(), night, error.what());
      growing = true;
    }
    look_again_ = look_again_ || growing;
  }
}

/// What is decided is as good a reason for a pass as a new subrun.
void Daemon::tell_schedule(const NightDate& night) {
  const std::string& subruns = subruns_[night];
  schedule_.seen(night, subruns.empty() ? subruns : subruns + decided_[night]);
}

/// Hear of what operators said by other processes.
void Daemon::look_at_decisions() {
  const Clock::time_point now = Clock::now();
  if (now - asked_at_ < settings_.poll) return;
  asked_at_ = now;
  try {
    auto state = night::State::open_read_only(settings_.state);
    if (!state) return;
    for (const NightDate& night : known_) {
      decided_[night] = night::decided_mark(*state, night);
      tell_schedule(night);
    }
  } catch (const Error& error) {
    spdlog::warn("{}", error.what());
  }
}

/// Pass over the nights that were done before they may close, when they may.
void Daemon::wake_for_closing() {
  std::erase_if(to_close_, [&](const NightDate& night) {
    const bool now = night::may_close_by_itself(settings_.closing, night, true);
    if (now) schedule_.wake(night);
    return now;
  });
}

void Daemon::start_pass(const NightDate& night) {
  std::vector<std::string> words{"night", night.compact(), "--pass", "--settle",
                                 fmt::format("{}", settings_.settle_s)};
  const fs::path log = log_of(night);
  std::error_code problem;
  if (fs::file_size(log, problem) > most_log_bytes && !problem)
    fs::rename(log, log.string() + ".1", problem);
  schedule_.pass_begins(night);
  const std::string began = night::utc_now_text();
  const bool may_close = night::may_close_by_itself(settings_.closing, night, true);
  try {
    // Not the file itself: passes get what was read last and was right.
    const fs::path kept = night::keep_configuration(configuration_, services_.config_file,
                                                    settings_.state / "daemon");
    if (!kept.empty()) words.insert(words.end(), {"--config", kept.string()});
    const pid_t pid = night::start_process(services_.executable, words, log, [](pid_t) {});
    running_ = Running{night, pid, began, may_close};
    spdlog::info("night {}: a pass begins [{}]", night.iso(), log.string());
    tell_supervisor("STATUS=passing over the night " + night.iso());
  } catch (const Error& error) {
    spdlog::error("{}", error.what());
    schedule_.pass_ended(night, false, Clock::now());
  }
}

void Daemon::reap(bool stopping) {
  if (!running_) return;
  night::ProcessEnd end;
  if (!night::has_ended(running_->pid, end)) return;
  const auto [night, pid, began, may_close] = *running_;
  running_.reset();
  NightEnd found = NightEnd::open;
  try {
    found = end_of_pass(settings_.state, night::night_key(configuration_, night, ""), end.exit_code,
                        began);
  } catch (const Error& error) {
    spdlog::warn("{}", error.what());
  }
  const bool to_close = found == NightEnd::complete && settings_.closing.automatic;
  if (to_close && !may_close)
    to_close_.insert(night);
  else
    to_close_.erase(night);
  passed_at_ = Clock::now();
  // What could close and did not is held, or has obstacles that may pass: it is tried again.
  schedule_.pass_ended(night, found != NightEnd::open && !(to_close && may_close), *passed_at_);
  const bool as_usual = end.exit_code == 0 || end.exit_code == exit_code(ErrorKind::incomplete);
  const std::string about = "the passes over " + night.iso();
  if (as_usual)
    troubles_->over(about);
  else if (!stopping)
    troubles_->trouble(about, night,
                       fmt::format("a pass ended with code {}; its log is {}", end.exit_code,
                                   log_of(night).string()));
  if (found != NightEnd::open)
    spdlog::info("night {}: all is done", night.iso());
  else if (as_usual)
    spdlog::info("night {}: part of it is not done", night.iso());
  else if (stopping)
    spdlog::info("night {}: the pass has handed its jobs back", night.iso());
  else
    spdlog::warn("night {}: the pass ended with code {}; its log is {}", night.iso(), end.exit_code,
                 log_of(night).string());
  tell_supervisor("STATUS=waiting");
}

void Daemon::stop_pass() {
  if (!running_) return;
  ::kill(running_->pid, SIGTERM);
  night::EndingPatience patience(stop_patience_s);
  while (running_) {
    const auto step = patience.next();
    if (step == night::EndingPatience::Step::kill) {
      spdlog::error("the pass does not end: it is killed; the next one takes up what it did");
      ::kill(running_->pid, SIGKILL);
    }
    if (step == night::EndingPatience::Step::give_up) {
      spdlog::error("the pass, process {}, does not die: it is left", running_->pid);
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    reap(true);
    feed_watchdog();
  }
}

void Daemon::reload() {
  tell_supervisor(reloading_lines());
  try {
    config::Configuration fresh = services_.load();
    const Settings settings = settings_of(fresh);
    if (settings.state != settings_.state)
      throw Error(ErrorKind::configuration, "the state of a running daemon cannot move",
                  "paths.state", "stop the daemon and start it anew");
    const bool same_page = fresh.section({"web"}) == configuration_.section({"web"});
    config::Configuration before = std::exchange(configuration_, std::move(fresh));
    if (!same_page) {
      page_.reset();
      try {
        serve();
      } catch (const Error&) {
        configuration_ = std::move(before);
        serve();
        throw;
      }
    }
    settings_ = settings;
    schedule_.set_period(settings_.pass_every);
    watch_for_troubles();
    troubles_->over("its configuration");
    look_again_ = true;
    for (const NightDate& night : known_) schedule_.wake(night);
    spdlog::info("the configuration has been read anew");
  } catch (const Error& error) {
    spdlog::error("the old configuration is kept: {}", error.what());
    troubles_->trouble("its configuration", present_night(), error.what());
  }
  tell_supervisor("READY=1");
}

void Daemon::feed_watchdog() {
  const auto period = watchdog_period();
  if (!period || Clock::now() - fed_at_ < *period) return;
  tell_supervisor("WATCHDOG=1");
  fed_at_ = Clock::now();
}

void Daemon::take_turn() {
  reap(false);
  look_at_raw_data();
  if (services_.woken->exchange(false)) {
    asked_at_ = Clock::time_point();
    for (const NightDate& night : known_) schedule_.wake(night);
  }
  look_at_decisions();
  wake_for_closing();
  if (!running_) {
    if (may_pass(Clock::now()))
      if (const auto night = schedule_.due(Clock::now())) start_pass(*night);
  } else if (schedule_.news_after(running_->night)) {
    // The later night first: this one is taken up again when that has nothing to do.
    ::kill(running_->pid, SIGUSR1);
    schedule_.wake(running_->night);
  }
}

void Daemon::warn(const std::string& about, const NightDate& night, const std::string& text) {
  std::string& said = said_[about];
  if (said != text) spdlog::warn("{}", text);
  said = text;
  troubles_->trouble(about, night, text);
}

void Daemon::well(const std::string& about) {
  said_.erase(about);
  troubles_->over(about);
}

int Daemon::run() {
  const Signals signals;
  const auto lock = night::NightLock::take(settings_.state / "daemon.lock");
  if (!lock.holds())
    throw Error(ErrorKind::resource, "another daemon works on this state: " + lock.holder(),
                settings_.state.string(), "stop it first, or give this one its own paths.state");
  serve();
  tell_supervisor("READY=1\nSTATUS=waiting");
  for (int signal = 0; signal != SIGTERM && signal != SIGINT;
       signal = signals.wait(std::chrono::milliseconds(500))) {
    if (signal == SIGHUP) reload();
    try {
      take_turn();
      well(own_work);
    } catch (...) {
      // The next turn may go better: who watches over nights does not die of one.
      warn(own_work, present_night(), current_error().what());
    }
    troubles_->look();
    feed_watchdog();
  }
  tell_supervisor("STOPPING=1");
  spdlog::info("stopping");
  stop_pass();
  page_.reset();
  return 0;
}

}  // namespace

int run_daemon(const DaemonServices& services) {
  return Daemon(services, services.load()).run();
}

}  // namespace alisio::daemon
