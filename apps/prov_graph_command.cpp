#include <fmt/format.h>

#include <algorithm>

#include "apps/checked_options.hpp"
#include "apps/command_line.hpp"
#include "apps/job.hpp"
#include "apps/prov_command.hpp"
#include "apps/prov_filter.hpp"
#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "prov/graph.hpp"

namespace alisio::apps {

namespace po = boost::program_options;
namespace fs = std::filesystem;

int prov_graph_command(const std::vector<std::string>& arguments, const Program&) {
  po::options_description options("Options");
  options.add_options()("document", po::value<std::string>(), "PROV-JSON document")(
      "output,o", po::value<std::string>(), "file to write: .svg or .pdf")(
      "nodes", po::value<int>()->default_value(200),
      "most nodes to draw: above this, those of one kind become one")(
      "width", po::value<int>()->default_value(2000),
      "most pixels in width: a wider drawing is made smaller")(
      "server", po::value<std::string>()->default_value(""),
      "address of an `alisio web`, whose pages the nodes lead to");
  options.add(filter_options());
  po::positional_options_description positional;
  positional.add("document", 1);
  const auto values = parse_arguments(
      arguments,
      {.name = "prov graph",
       .synopsis = "FILE.json -o FILE.svg|FILE.pdf [options]",
       .text = "Draw a provenance document: data flow from left to right, from raw files to\n"
               "products; the facts of each node are in its tooltip.",
       .examples = "  alisio prov graph dl1_to_dl2_02008_prov.json -o run.svg\n"
                   "  alisio prov graph night_20221215_prov.json -o night.pdf --short"},
      options, positional);
  if (!values) return 0;
  const fs::path input = required_option(*values, "document", "prov graph");
  const fs::path output = required_option(*values, "output", "prov graph");
  const std::string form = output.extension().string();
  if (form != ".svg" && form != ".pdf")
    throw Error(ErrorKind::usage, fmt::format("cannot draw a '{}' file", form), output.string(),
                "choose .svg or .pdf");
  refuse_own_input(output, input);
  std::string document = read_text_file(input);
  if (const prov::Filter filter = filter_of(*values, "prov graph"); !filter.passes_all())
    document = prov::filtered(document, filter);
  prov::DrawOptions drawing_options;
  drawing_options.most_nodes = number_option(*values, "nodes", 1);
  drawing_options.most_width = std::max(200, number_option(*values, "width", 1));
  if (std::string server = (*values)["server"].as<std::string>(); !server.empty()) {
    if (server.ends_with('/')) server.pop_back();
    drawing_options.link = [server](const std::string& kind, const std::string& id) {
      return kind == "agent"
                 ? std::string()
                 : fmt::format("{}/{}/{}", server, kind, id.starts_with("id:") ? id.substr(3) : id);
    };
  }
  try {
    const prov::Drawing drawing =
        prov::draw(document, form == ".svg", form == ".pdf", drawing_options);
    write_file_atomically(output, form == ".svg" ? drawing.svg : drawing.pdf);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_input || !error.where().empty()) throw;
    throw Error(error.kind(), error.problem(), input.string(), error.remedy());
  }
  return 0;
}

}  // namespace alisio::apps
