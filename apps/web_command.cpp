#include "apps/web_command.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <iostream>

#include "apps/command_line.hpp"
#include "apps/prov_index.hpp"
#include "lib/base/error.hpp"
#include "lib/base/interruption.hpp"
#include "lib/web/provenance_pages.hpp"
#include "lib/web/server.hpp"

namespace alisio::apps {

namespace po = boost::program_options;

int run_web_command(const std::vector<std::string>& arguments, const Program& program) {
  po::options_description options("Options");
  options.add_options()("address", po::value<std::string>()->default_value("127.0.0.1"),
                        "address to listen at; others than the loopback are open to the network")(
      "port", po::value<int>()->default_value(8642), "port; 0: any that is free")(
      "no-files", "do not send the recorded files themselves")(
      "nodes", po::value<int>()->default_value(2000), "most files and activities of a walk");
  options.add(index_options());
  const auto values = parse_arguments(
      arguments,
      {.name = "web",
       .synopsis = "[--address ADDRESS] [--port N] [--config FILE]",
       .text = "Serve the record of all nights as pages, read-only: nights, runs, files and\n"
               "activities, what each came from and what came from it, with drawings whose nodes\n"
               "lead on. Programs ask /provsap (IVOA ProvSAP) for the same as PROV-JSON, PROV-N,\n"
               "PROV-XML, VOTable or SVG. Says its address on standard output and serves until it\n"
               "is interrupted. There are no accounts: on other addresses than the loopback,\n"
               "everybody who reaches it sees everything on record.",
       .examples = "  alisio web --config alisio.yaml\n"
                   "  curl 'http://127.0.0.1:8642/provsap?ID=dl2_LST-1.Run11220.0000.h5&"
                   "DEPTH=ALL&RESPONSEFORMAT=PROV-N'"},
      options);
  if (!values) return 0;
  const int port = (*values)["port"].as<int>();
  if (port < 0 || port > 65535)
    throw Error(ErrorKind::usage, fmt::format("{} is no port", port), "--port",
                "give a number from 0 to 65535");
  const web::ServerOptions server{.address = (*values)["address"].as<std::string>(),
                                  .port = static_cast<std::uint16_t>(port)};
  const auto definition = prov::Definition::load(program.cfg_folder / "provenance/definition.yaml");
  const web::ProvenanceSource source{
      .open = [&values, &program] { return open_index(*values, program); },
      .definition = &definition,
      .give_files = values->count("no-files") == 0,
      .most_nodes = static_cast<std::size_t>(std::max(1, (*values)["nodes"].as<int>()))};
  // Whoever starts it learns at once that there is no index, not the first visitor.
  static_cast<void>(source.open());
  if (!server.address.starts_with("127.") && server.address != "::1" &&
      server.address != "localhost")
    spdlog::warn("{} can be reached by others: they see everything on record, without an account",
                 server.address);
  const StopOnSignal signals;
  bool stopped = false;
  web::serve(
      web::provenance_pages(source), server,
      [&](std::uint16_t taken) {
        const bool v6 = server.address.find(':') != std::string::npos;
        std::cout << fmt::format("http://{}{}{}:{}/", v6 ? "[" : "", server.address, v6 ? "]" : "",
                                 taken)
                  << std::endl;
      },
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
