#include "apps/site.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>

#include "lib/base/file.hpp"
#include "lib/base/observer.hpp"
#include "lib/instrument/telescope.hpp"
#include "lib/night/process.hpp"
#include "lib/report/check_plots.hpp"
#include "lib/web/state_watcher.hpp"

namespace alisio::apps {
namespace {

/// How long a command may take that somebody waits for, s. Closing reads the night's products.
constexpr int command_patience_s = 600;
/// Drawings of data checks that are kept, of 0.02 to 0.3 MB each.
constexpr std::size_t drawings_kept_bytes = 64 << 20;

bool has_command(const std::string& name) {
  return std::ranges::any_of(commands(),
                             [&](const Command& command) { return command.name == name; });
}

/// Have the data checks drawn as reports draw them.
web::CheckPlotSource check_plot_source(const Program& program) {
  web::CheckPlotSource source;
  for (const report::CheckPlot& plot : report::check_plots())
    source.plots.push_back({plot.name, plot.title, plot.camera});
  source.draw = [camera = instrument::load_telescope(program.cfg_folder, "LSTCam", 1).geometry](
                    const web::CheckPlotRequest& request) {
    return report::draw_check_plot({request.name, request.place, request.files, request.over_runs},
                                   camera);
  };
  source.cache = std::make_shared<web::DrawingCache>(drawings_kept_bytes);
  return source;
}

/// Run a command of this program, as an operator would, and return what it printed.
web::CommandOutcome run_command(const std::filesystem::path& executable,
                                std::vector<std::string> words, const SiteOptions& options) {
  if (!options.config_file.empty())
    words.insert(words.end(), {"--config", options.config_file.string()});
  const std::filesystem::path log =
      options.state_folder / "web" / fmt::format("{}_{}.log", words.front(), new_uuid7());
  spdlog::info("by the page: {}", fmt::join(words, " "));
  const pid_t pid = night::start_process(executable, words, log, [](pid_t) {});
  night::ProcessEnd end;
  for (int turn = 0; !night::has_ended(pid, end); ++turn) {
    if (turn == command_patience_s * 20) ::kill(-pid, SIGTERM);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  web::CommandOutcome outcome{.exit_code = end.exit_code, .text = read_text_file(log)};
  std::error_code ignored;
  std::filesystem::remove(log, ignored);
  return outcome;
}

}  // namespace

Site::Site(SiteOptions options, const Program& program)
    : options_(std::move(options)),
      definition_(prov::Definition::load(program.cfg_folder / "provenance/definition.yaml")),
      provenance_{.open = options_.open_index,
                  .definition = &definition_,
                  .give_files = options_.give_files,
                  .most_nodes = options_.most_nodes},
      nights_{.state_folder = options_.state_folder,
              .actions = !options_.token.empty(),
              .closing = !options_.token.empty() && has_command("close"),
              .plots = check_plot_source(program)},
      api_{.state_folder = options_.state_folder,
           .openapi = program.cfg_folder / "web/openapi.yaml",
           .memory = nights_.memory},
      actions_{.state_folder = options_.state_folder,
               .token = options_.token,
               .run =
                   [this, executable = program.executable](const std::vector<std::string>& words) {
                     const web::CommandOutcome outcome = run_command(executable, words, options_);
                     if (outcome.exit_code == 0 && options_.acted) options_.acted();
                     return outcome;
                   }},
      router_(web::night_pages(nights_)) {
  if (has_command("close")) actions_.known.emplace_back("close");
  for (web::Router& more : std::vector{web::night_api(api_), web::provenance_pages(provenance_),
                                       web::action_pages(actions_)})
    router_.insert(router_.end(), more.begin(), more.end());
}

void Site::serve(web::ServerOptions server, const std::function<void(std::uint16_t port)>& ready,
                 const std::function<bool()>& stop) {
  server.hub = std::make_shared<web::EventHub>();
  const web::StateWatcher watcher(options_.state_folder, server.hub,
                                  [this](night::State& state, const std::string& topic) {
                                    return web::topic_view(nights_, state, topic);
                                  });
  web::serve(router_, server, ready, stop);
}

web::ServerOptions server_options(const config::Configuration& configuration) {
  return {.address = configuration.text("web.address"),
          .port = static_cast<std::uint16_t>(configuration.integer("web.port")),
          .max_connections = static_cast<int>(configuration.integer("web.max_connections")),
          .max_connections_per_address =
              static_cast<int>(configuration.integer("web.max_connections_per_address"))};
}

std::string token_of(const config::Configuration& configuration) {
  const std::filesystem::path file = configuration.path("web.token_file");
  return file.empty() ? std::string() : web::read_token(file);
}

std::string server_address(const web::ServerOptions& server, std::uint16_t port) {
  const bool v6 = server.address.find(':') != std::string::npos;
  return fmt::format("http://{}{}{}:{}/", v6 ? "[" : "", server.address, v6 ? "]" : "", port);
}

void warn_if_open(const web::ServerOptions& server) {
  if (!server.address.starts_with("127.") && server.address != "::1" &&
      server.address != "localhost")
    spdlog::warn("{} can be reached by others: they see everything on record, without an account",
                 server.address);
}

}  // namespace alisio::apps
