#include <fmt/format.h>

#include <iostream>

#include "apps/command_line.hpp"
#include "apps/job.hpp"
#include "apps/prov_command.hpp"
#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "prov/graph.hpp"

namespace alisio::apps {

namespace po = boost::program_options;
namespace fs = std::filesystem;

int prov_graph_command(const std::vector<std::string>& arguments, const Program&) {
  po::options_description options("Options");
  options.add_options()("document", po::value<std::string>(), "PROV-JSON document")(
      "output,o", po::value<std::string>(), "file to write: .svg, .pdf or .dot");
  po::positional_options_description positional;
  positional.add("document", 1);
  const auto values =
      parse_arguments(arguments,
                      {.name = "prov graph",
                       .synopsis = "FILE.json -o FILE.svg|FILE.pdf|FILE.dot",
                       .text = "Draw a provenance document: data flows from left to right.",
                       .examples = "  alisio prov graph r0_to_dl1_02008_prov.json -o run.svg"},
                      options, positional);
  if (!values) return 0;
  const std::string document = read_text_file(required_option(*values, "document", "prov graph"));
  const fs::path output = required_option(*values, "output", "prov graph");
  const std::string form = output.extension().string();
  if (form == ".dot") {
    write_file_atomically(output, prov::graph_description(document));
    return 0;
  }
  if (form != ".svg" && form != ".pdf")
    throw Error(ErrorKind::usage, fmt::format("cannot draw a '{}' file", form), output.string(),
                "choose .svg, .pdf or .dot");
  const prov::Drawing drawing = prov::draw(document, form == ".svg", form == ".pdf");
  const std::string& picture = form == ".svg" ? drawing.svg : drawing.pdf;
  if (picture.empty())
    throw Error(ErrorKind::resource, "Graphviz is not there or cannot draw this", output.string(),
                "install the packages libgvc6 and graphviz");
  write_file_atomically(output, picture);
  return 0;
}

}  // namespace alisio::apps
