#include "prov/graph.hpp"

#include <gtest/gtest.h>

#include <regex>

#include "lib/base/error.hpp"
#include "test/unit/prov/example_run.hpp"

#if defined(__SANITIZE_ADDRESS__)
/// Graphviz, Pango and fontconfig keep memory to the end of the process.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libgvc\nleak:libcgraph\nleak:libgvplugin\nleak:libfontconfig\nleak:libpango\n"
         "leak:libcairo\nleak:libglib\nleak:libgobject\nleak:libharfbuzz\nleak:libcdt\n";
}
#endif

namespace alisio::prov {
namespace {

std::string example_document(const fs::path& root, bool dry_run) {
  ExampleRun example{.root = root};
  example.dry_run = dry_run;
  if (dry_run) {
    Recorder recorder = example.recorder();
    example.process(recorder, 0);
  } else {
    process_eventful_run(example, 4);
  }
  return read_text_file(example.merge("r0_to_dl1").json);
}

TEST(Graph, ShowsStepsOnceAndFailuresInRed) {
  ScratchFolder folder;
  const std::string dot = graph_description(example_document(folder.path(), false));
  EXPECT_NE(dot.find("rankdir=LR"), std::string::npos);
  EXPECT_NE(dot.find("R0Collection \u00d716"), std::string::npos);
  EXPECT_NE(dot.find("r0_to_dl1\\nrun 01807 \u00d74"), std::string::npos);
  EXPECT_NE(dot.find("r0_to_dl1 failed \u00d72"), std::string::npos);
  EXPECT_NE(dot.find("r0_to_dl1 killed \u00d71"), std::string::npos);
  EXPECT_NE(dot.find("color=red"), std::string::npos);
  EXPECT_NE(dot.find("shape=house"), std::string::npos);
  const std::regex pedestal(R"re(label="PedestalFile)re");
  EXPECT_EQ(std::distance(std::sregex_iterator(dot.begin(), dot.end(), pedestal), {}), 1);
}

TEST(Graph, PlannedIsDashed) {
  ScratchFolder folder;
  EXPECT_NE(graph_description(example_document(folder.path(), true)).find("dashed"),
            std::string::npos);
}

TEST(Graph, RefusesWhatIsNoDocument) {
  for (const char* text : {"", "[]", "{\"entity\": {}}", "not JSON"})
    EXPECT_THROW(static_cast<void>(graph_description(text)), Error) << text;
}

TEST(Graph, DrawsTheSamePictureTwiceAtReadableWidth) {
  if (!graphviz_available()) GTEST_SKIP() << "Graphviz is not installed";
  ScratchFolder folder;
  const std::string document = example_document(folder.path(), false);
  const Drawing first = draw(document, true, true), second = draw(document, true, true);
  EXPECT_EQ(first.svg, second.svg);
  EXPECT_EQ(first.pdf, second.pdf);
  EXPECT_TRUE(first.pdf.starts_with("%PDF-"));
  std::smatch width;
  ASSERT_TRUE(std::regex_search(first.svg, width, std::regex(R"re(width="(\d+)pt")re")));
  EXPECT_LE(std::stoi(width[1]) * 96 / 72, 2000);
  EXPECT_NE(first.svg.find("<text"), std::string::npos);
  EXPECT_NE(first.svg.find("aria-label=\"Provenance of r0_to_dl1, run 01807\""), std::string::npos);
}

}  // namespace
}  // namespace alisio::prov
