#include "apps/daemon_command.hpp"

#include <spdlog/spdlog.h>

#include <atomic>
#include <future>
#include <iostream>
#include <thread>

#include "apps/command_line.hpp"
#include "apps/prov_index.hpp"
#include "apps/site.hpp"
#include "lib/base/error.hpp"
#include "lib/daemon/daemon.hpp"

namespace alisio::apps {
namespace {

namespace po = boost::program_options;
namespace fs = std::filesystem;

/// The page in a thread of its own, for as long as this lives.
class ServedPage {
 public:
  ServedPage(const config::Configuration& configuration, const Program& program,
             std::function<void()> acted)
      : site_({.state_folder = configuration.path("paths.state"),
               .open_index =
                   [place = index_place(configuration)] {
                     return prov::Store::open(place, prov::StoreMode::read_only);
                   },
               .token = token_of(configuration),
               .config_file =
                   configuration.files().empty() ? fs::path() : configuration.files().back(),
               .acted = std::move(acted)},
              program) {
    const web::ServerOptions server = server_options(configuration);
    warn_if_open(server);
    std::promise<std::uint16_t> ready;
    auto port = ready.get_future();
    thread_ = std::jthread([this, server, &ready] {
      bool serving = false;
      try {
        site_.serve(
            server,
            [&](std::uint16_t taken) {
              serving = true;
              ready.set_value(taken);
            },
            [this] { return stop_.load(); });
      } catch (const std::exception& error) {
        // Before it serves, whoever started it is told; afterwards there is only the log.
        if (!serving)
          ready.set_exception(std::current_exception());
        else
          spdlog::error("the page has ended: {}", error.what());
      }
    });
    std::cout << server_address(server, port.get()) << std::endl;
  }
  ~ServedPage() { stop_ = true; }
  ServedPage(const ServedPage&) = delete;
  ServedPage& operator=(const ServedPage&) = delete;

 private:
  Site site_;
  std::atomic<bool> stop_ = false;
  std::jthread thread_;
};

}  // namespace

int run_daemon_command(const std::vector<std::string>& arguments, const Program& program) {
  std::string config_file;
  std::vector<std::string> nights;
  po::options_description options("Options");
  options.add_options()("config", po::value(&config_file), "configuration file")(
      "night", po::value(&nights)->composing(),
      "a night to take care of besides the last ones, to catch up; may be given again")(
      "no-page", "do not serve the page")("executable", po::value<std::string>(),
                                          "program that runs the passes (default: this one)");
  const auto values = parse_arguments(
      arguments,
      {.name = "daemon",
       .synopsis = "--config FILE [--night DATE] [--no-page]",
       .text =
           "Takes care of the nights by itself: watches the raw-data folder, passes over a "
           "night\n"
           "(`alisio night DATE --pass`) as its subruns become complete, passes again over "
           "nights\n"
           "that are open every daemon.pass_every_s, and serves the page of `alisio web`, "
           "whose\n"
           "address it says on standard output. A subrun is complete when the next one exists, "
           "or\n"
           "when its files are whole and unchanged for daemon.settle_s. While the telescope "
           "observes\n"
           "(night.pause), it looks at the raw data once a minute at most, and passes no oftener "
           "than\n"
           "every daemon.pass_every_s.\n"
           "\n"
           "SIGTERM: the pass under way hands its jobs back, and the daemon ends with code 0. "
           "SIGHUP:\n"
           "the configuration is read anew; a wrong one is refused and the old one kept. It "
           "tells\n"
           "systemd how it is (Type=notify, watchdog); scripts/systemd and scripts/cron hold "
           "the\n"
           "files. One daemon works on one state. Whatever ended it, the next one goes on from\n"
           "there. What passes print is in <paths.state>/daemon/night_DATE.log.",
       .examples = "  alisio daemon --config /etc/alisio.yaml\n"
                   "  alisio daemon --config alisio.yaml --night 20240215 --night 20240216"},
      options);
  if (!values) return 0;
  daemon::DaemonServices services;
  services.executable = values->count("executable") != 0
                            ? fs::path((*values)["executable"].as<std::string>())
                            : program.executable;
  if (!config_file.empty()) services.config_file = fs::weakly_canonical(config_file);
  services.load = [file = services.config_file] {
    return config::Configuration::load(file.empty() ? std::vector<fs::path>() : std::vector{file});
  };
  if (values->count("no-page") == 0)
    services.serve = [&program,
                      woken = services.woken](const config::Configuration& configuration) {
      return std::static_pointer_cast<void>(
          std::make_shared<ServedPage>(configuration, program, [woken] { *woken = true; }));
    };
  for (const std::string& night : nights) services.nights.push_back(NightDate::parse(night));
  return daemon::run_daemon(services);
}

}  // namespace alisio::apps
