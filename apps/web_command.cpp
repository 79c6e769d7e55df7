#include "apps/web_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "apps/checked_options.hpp"
#include "apps/command_line.hpp"
#include "apps/prov_index.hpp"
#include "apps/site.hpp"
#include "lib/base/error.hpp"
#include "lib/base/interruption.hpp"
#include "lib/night/state.hpp"

namespace alisio::apps {

namespace po = boost::program_options;

int run_web_command(const std::vector<std::string>& arguments, const Program& program) {
  po::options_description options("Options");
  options.add_options()("address", po::value<std::string>(),
                        "address to listen at (default: web.address, 127.0.0.1); others than the "
                        "loopback are open to the network")(
      "port", po::value<int>(), "port (default: web.port, 8642); 0: any that is free")(
      "no-files", "do not send the recorded files themselves")(
      "nodes", po::value<int>()->default_value(2000), "most files and activities of a walk");
  options.add(index_options());
  const auto values = parse_arguments(
      arguments,
      {.name = "web",
       .synopsis = "[--address ADDRESS] [--port N] [--config FILE]",
       .text =
           "Serve all nights as pages: how far each is, its runs and subruns in a grid that\n"
           "follows the state by itself, failures with their logs, resources, report and\n"
           "significance; and the record of what was made (runs, files, activities, what each\n"
           "came from and what came from it), with drawings whose nodes lead on. Programs ask\n"
           "/api/v1/ (JSON; documented at /api/v1/openapi.yaml), /metrics (Prometheus),\n"
           "/healthz, and /provsap (IVOA ProvSAP), whose RESPONSEFORMAT is PROV-SVG (default),\n"
           "PROV-JSON, PROV-N, PROV-XML or PROV-VOTABLE. Says its address on standard output and\n"
           "serves until it is interrupted.\n"
           "\n"
           "The pages are read-only, unless web.token_file names a file with a token: whoever\n"
           "knows it may retry, veto and close, each recorded with author and reason.\n"
           "There are no accounts: on other addresses than the loopback, everybody who reaches it\n"
           "sees everything on record.",
       .examples = "  alisio web --config alisio.yaml\n"
                   "  curl http://127.0.0.1:8642/api/v1/nights\n"
                   "  curl 'http://127.0.0.1:8642/provsap?ID=dl2_LST-1.Run11220.0000.h5&"
                   "DEPTH=ALL&RESPONSEFORMAT=PROV-N'"},
      options);
  if (!values) return 0;
  const config::Configuration configuration = configuration_of(*values);
  web::ServerOptions server = server_options(configuration);
  if (values->count("address") != 0) server.address = (*values)["address"].as<std::string>();
  if (values->count("port") != 0) {
    const int port = (*values)["port"].as<int>();
    if (port < 0 || port > 65535)
      throw Error(ErrorKind::usage, fmt::format("{} is no port", port), "--port",
                  "give a number from 0 to 65535");
    server.port = static_cast<std::uint16_t>(port);
  }
  const SiteOptions served{
      .state_folder = configuration.path("paths.state"),
      .open_index = [&values, &program] { return open_index(*values, program); },
      .give_files = values->count("no-files") == 0,
      .most_nodes = static_cast<std::size_t>(number_option(*values, "nodes", 1)),
      .token = token_of(configuration),
      .config_file =
          configuration.files().empty() ? std::filesystem::path() : configuration.files().back()};
  // Whoever starts it learns at once that there is nothing to see, not the first visitor.
  if (!night::State::open_read_only(served.state_folder)) static_cast<void>(served.open_index());
  Site site(served, program);
  warn_if_open(server);
  const StopOnSignal signals;
  bool stopped = false;
  site.serve(
      server, [&](std::uint16_t taken) { std::cout << server_address(server, taken) << std::endl; },
      [&stopped] {
        try {
          throw_if_interrupted();
        } catch (const Error&) {
          // Being interrupted is how a server ends.
          stopped = true;
        }
        return stopped;
      });
  return 0;
}

}  // namespace alisio::apps
