#include "prov/graph.hpp"

#include <gtest/gtest.h>

#include <regex>

#include "lib/base/error.hpp"
#include "prov/text_width.hpp"
#include "test/unit/prov/example_run.hpp"

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

std::string svg_of_document(const std::string& document, const DrawOptions& options = {}) {
  return draw(document, true, false, options).svg;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

struct Box {
  std::string label;
  double left, top, width, height, text;
};

/// The nodes of a drawing: their boxes, and how long their labels are told to be.
std::vector<Box> boxes(const std::string& svg) {
  const std::regex node(
      R"re(<rect x="([-\d.]+)" y="([-\d.]+)" width="([\d.]+)" height="([\d.]+)"[^>]*/>(?:<rect[^>]*/>)?<text [^>]*textLength="([\d.]+)"[^>]*>([^<]*)</text>)re");
  std::vector<Box> result;
  for (std::sregex_iterator at(svg.begin(), svg.end(), node), end; at != end; ++at)
    result.push_back({(*at)[6], std::stod((*at)[1]), std::stod((*at)[2]), std::stod((*at)[3]),
                      std::stod((*at)[4]), std::stod((*at)[5])});
  return result;
}

double width_of_svg(const std::string& svg) {
  std::smatch width;
  EXPECT_TRUE(std::regex_search(svg, width, std::regex(R"re(<svg [^>]* width="([\d.]+)")re")));
  return std::stod(width[1]);
}

/// A chain of so many steps, each making one file of the file before.
std::string chain(int n, bool circle = false) {
  std::string entities, activities, used, made;
  for (int i = 0; i < n; ++i) {
    const char* comma = i == 0 ? "" : ",";
    entities += fmt::format(R"({}"id:e{}": {{"prov:label": "product number {}"}})", comma, i, i);
    activities += fmt::format(R"({}"id:a{}": {{"prov:label": "step_{}"}})", comma, i, i);
    made += fmt::format(R"({}"_:m{}": {{"prov:entity": "id:e{}", "prov:activity": "id:a{}"}})",
                        comma, i, i, i);
    if (const int from = i > 0 ? i - 1 : n - 1; i > 0 || circle)
      used += fmt::format(R"({}"_:u{}": {{"prov:entity": "id:e{}", "prov:activity": "id:a{}"}})",
                          used.empty() ? "" : ",", i, from, i);
  }
  return fmt::format(
      R"({{"entity": {{{}}}, "activity": {{{}}}, "used": {{{}}}, "wasGeneratedBy": {{{}}}}})",
      entities, activities, used, made);
}

TEST(Graph, ShowsStepsOnceAndFailuresInRed) {
  ScratchFolder folder;
  const std::string svg = svg_of_document(example_document(folder.path(), false));
  for (const char* label :
       {">R0 01807 ×16<", ">r0_to_dl1 01807 ×4, 1 failed<", ">r0_to_dl1 failed 01807 ×2<",
        ">r0_to_dl1 killed 01807<", ">charge calibration 01809<", ">DL1 01807 ×4<"})
    EXPECT_NE(svg.find(label), std::string::npos) << label << " in " << svg;
  EXPECT_EQ(count(svg, ">pedestal 01804<"), 1U);
  // The raw files of attempts are those of the run, but for the subrun that never went through.
  for (const char* of : {">R0 01807.0000", ">R0 01807.0001", ">R0 01807.0002"})
    EXPECT_EQ(count(svg, of), 0U) << of;
  EXPECT_EQ(count(svg, ">R0 01807.0004 ×4<"), 1U);
  EXPECT_NE(svg.find("stroke=\"#d50000\""), std::string::npos);
  EXPECT_NE(svg.find("aria-label=\"Provenance of r0_to_dl1, run 01807\""), std::string::npos);
  EXPECT_NE(svg.find("the tile is cut short"), std::string::npos) << "told by the tooltip";
  // Data levels, from left to right.
  const std::size_t raw = svg.find(">R0</text>"), dl1 = svg.find(">DL1</text>");
  ASSERT_NE(raw, std::string::npos);
  EXPECT_LT(raw, dl1);
}

TEST(Graph, PlannedIsDashed) {
  ScratchFolder folder;
  EXPECT_NE(svg_of_document(example_document(folder.path(), true)).find("stroke-dasharray=\"5 3\""),
            std::string::npos);
}

TEST(Graph, MissingOrAlteredIsHatched) {
  for (const char* fact : {R"("status": "missing")", R"("status": "mismatch")",
                           R"("prov:type": "ReplacedFile")", R"("prov:type": "Lost")"})
    EXPECT_EQ(count(svg_of_document(fmt::format(R"({{"entity": {{"id:e": {{{}}}}}}})", fact)),
                    "fill=\"url(#hatch)\""),
              2U)
        << fact << ": the node and the legend";
  EXPECT_EQ(svg_of_document(R"({"entity": {"id:e": {}}})").find("fill=\"url(#hatch)\""),
            std::string::npos);
}

TEST(Graph, SaysWhereAWalkWasCut) {
  const std::string svg = svg_of_document(
      R"({"entity": {"id:e": {"prov:label": "DL1SubrunDataset", "cut_here": true}}})");
  EXPECT_NE(svg.find(">DL1 …<"), std::string::npos);
  EXPECT_NE(svg.find("more behind this"), std::string::npos);
}

TEST(Graph, RefusesWhatIsNoDocument) {
  for (const char* text : {"", "[]", "not JSON", R"({"entity": 1})"})
    EXPECT_THROW(static_cast<void>(draw(text, true, false)), Error) << text;
}

TEST(Graph, DrawsTheSamePictureTwiceInBothFormats) {
  ScratchFolder folder;
  const std::string document = example_document(folder.path(), false);
  const Drawing first = draw(document, true, true), second = draw(document, true, true);
  EXPECT_EQ(first.svg, second.svg);
  EXPECT_EQ(first.pdf, second.pdf);
  EXPECT_TRUE(first.pdf.starts_with("%PDF-"));
  EXPECT_NE(first.pdf.find("(r0_to_dl1 01807 \\3274, 1 failed) Tj"), std::string::npos);
  EXPECT_LE(width_of_svg(first.svg), 2000);
}

TEST(Graph, EachNodeLeadsToWhereItIsTold) {
  DrawOptions options;
  options.link = [](const std::string& kind, const std::string& id) {
    return "/" + kind + "?a=1&id=" + id;
  };
  const std::string document =
      R"({"entity": {"id:e": {"prov:label": "\"<&>\""}}, "activity": {"id:a": {}},
          "agent": {"id:g": {"prov:label": "observer"}},
          "used": {"_:1": {"prov:activity": "id:a", "prov:entity": "id:e", "prov:role": "<x>"}}})";
  const Drawing drawing = draw(document, true, true, options);
  for (const char* part :
       {"<a href=\"/entity?a=1&amp;id=id:e\" target=\"_top\">",
        "<a href=\"/activity?a=1&amp;id=id:a\"", "<a href=\"/agent?a=1&amp;id=id:g\"",
        ">&quot;&lt;&amp;&gt;&quot;<", "used as &lt;x&gt;"})
    EXPECT_NE(drawing.svg.find(part), std::string::npos) << part;
  EXPECT_NE(drawing.pdf.find("/URI (/entity?a=1&id=id:e)"), std::string::npos);
}

TEST(Graph, NoLabelLeavesItsBoxAndNoBoxesOverlap) {
  ScratchFolder folder;
  std::string long_names = R"({"entity": {)";
  for (int i = 0; i < 30; ++i)
    long_names += fmt::format(R"({}"id:{}": {{"prov:label": "{} {}"}})", i == 0 ? "" : ",", i,
                              std::string(static_cast<std::size_t>(40 + i * 5), 'W'), i);
  long_names += "}}";
  for (const std::string& document :
       {example_document(folder.path(), false), chain(12), chain(60), chain(9, true), long_names}) {
    const std::vector<Box> all = boxes(svg_of_document(document));
    EXPECT_GE(all.size(), 10U);
    for (std::size_t i = 0; i < all.size(); ++i) {
      const Box& box = all[i];
      EXPECT_LE(box.text, box.width - 10) << box.label;
      EXPECT_LE(std::abs(text_width(box.label, 12) - box.text), 40) << box.label;
      for (std::size_t k = 0; k < i; ++k) {
        const Box& other = all[k];
        const bool apart = box.left >= other.left + other.width ||
                           other.left >= box.left + box.width ||
                           box.top >= other.top + other.height || other.top >= box.top + box.height;
        EXPECT_TRUE(apart) << box.label << " and " << other.label;
      }
    }
  }
}

TEST(Graph, IsNeverWiderThanAsked) {
  for (const int n : {1, 10, 30, 90}) EXPECT_LE(width_of_svg(svg_of_document(chain(n))), 2000) << n;
  DrawOptions narrow;
  narrow.most_width = 900;
  EXPECT_LE(width_of_svg(svg_of_document(chain(20), narrow)), 900);
}

TEST(Graph, DrawsACircleAndSaysSo) {
  EXPECT_NE(svg_of_document(chain(5, true)).find("the record runs in a circle"), std::string::npos);
  EXPECT_EQ(svg_of_document(chain(5)).find("circle"), std::string::npos);
}

TEST(Graph, FoldsOrCutsWhatIsTooMuchAndSaysSo) {
  std::string entities, used;
  constexpr int kFiles = 100000;
  for (int i = 0; i < kFiles; ++i) {
    entities += fmt::format(
        R"({}"id:{}": {{"prov:label": "DL1SubrunDataset", "filepath": "dl1.Run{:05d}.h5"}})",
        i == 0 ? "" : ",", i, i % 90000);
    used += fmt::format(R"({}"_:{}": {{"prov:entity": "id:{}", "prov:activity": "id:a{}"}})",
                        i == 0 ? "" : ",", i, i, i % 3000);
  }
  const std::string alike = fmt::format(
      R"({{"entity": {{{}}}, "used": {{{}}}, "activity": {{"id:a0": {{}}}}}})", entities, used);
  const std::string svg = svg_of_document(alike);
  EXPECT_NE(svg.find(">DL1 ×100000<"), std::string::npos);
  EXPECT_LT(svg.size(), 200000U);

  DrawOptions few;
  few.most_nodes = 50;
  const std::string cut = svg_of_document(chain(2000, true), few);
  EXPECT_NE(cut.find("cut here: 3950 more are not drawn"), std::string::npos);
  EXPECT_LE(count(cut, "class=\"node\""), 50U);
}

TEST(TextWidth, IsThatOfHelvetica) {
  EXPECT_DOUBLE_EQ(text_width("Wi", 10), 9.44 + 2.22);
  EXPECT_EQ(text_within("short", 12, 100), "short");
  const std::string cut = text_within("a_very_long_name_of_something", 12, 80);
  EXPECT_LE(text_width(cut, 12), 80);
  EXPECT_TRUE(cut.starts_with("a_v") && cut.ends_with("ing")) << cut;
  EXPECT_NE(cut.find("…"), std::string::npos);
  EXPECT_LE(text_width(text_within("ββββββββββββββββ", 12, 60), 12), 60);
}

}  // namespace
}  // namespace alisio::prov
