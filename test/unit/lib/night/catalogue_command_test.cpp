// The site's program that knows the sources of runs: asked once, kept, never in the way.
#include "lib/night/catalogue_command.hpp"

#include "lib/base/file.hpp"
#include "test/unit/lib/night/night_fixture.hpp"

namespace alisio::night {
namespace {

const char* const head = "run_id,source_name,source_ra,source_dec\n";

class CatalogueCommandTest : public NightTest {
 protected:
  void SetUp() override {
    NightTest::SetUp();
    for (const char* line : {"dec_2276", "dec_6166"})
      write(folder_ / "sets/nsb_tuning_0.00" / (std::string(line) + ".forest"), line);
    script("");
  }
  /// Let the program count its calls, do something, and print the answer.
  void script(const std::string& before) {
    write(folder_ / "ask", "#!/bin/sh\necho \"$@\" >> " + (folder_ / "asked").string() + "\n" +
                               before + "\ncat " + (folder_ / "answer").string() + "\n");
    fs::permissions(folder_ / "ask", fs::perms::owner_all);
  }
  void answer(const std::string& rows) { write(folder_ / "answer", head + rows); }
  void configure_command(const std::string& more = "  catalogue_timeout: 10\n") {
    configure("night:\n  catalogue_command: [" + (folder_ / "ask").string() +
              ", \"{date}\", \"LST-{telescope}\"]\n" + more);
    // The fixture's section dl2 names a single set.
    std::string text = read_text_file(folder_ / "alisio.yaml");
    const std::string models = "models: models.forest\n";
    text.replace(text.find(models), models.size(),
                 "models: sets\n  choice: by_declination_and_nsb\n");
    write(folder_ / "alisio.yaml", text);
  }
  std::string asked() {
    const std::string text = fs::exists(folder_ / "asked") ? read_text_file(folder_ / "asked") : "";
    fs::remove(folder_ / "asked");
    return text;
  }
  fs::path kept() const {
    return folder_ / "state/jobs/run_catalogue/RunCatalog_LST-1_20221215.ecsv";
  }
  bool says(const std::string& words) const { return out_.str().find(words) != std::string::npos; }
};

TEST_F(CatalogueCommandTest, IsAskedOnceForANightAndRecorded) {
  answer("101,Crab,83.6,22.01\n102,CasA,350.8,58.8\n103,Crab,83.6,22.01\n");
  configure_command();
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_EQ(asked(), "2022-12-15 LST-1\n");
  const std::string notes = read_text_file(control_ / "notes");
  EXPECT_NE(notes.find("models=nearest line to declination 22.01 deg: 22.76 deg; night-sky level "
                       "0.00 for 0.00; pointing of Crab by RunCatalog_LST-1_20221215.ecsv"),
            std::string::npos)
      << notes;
  EXPECT_NE(notes.find("declination 58.80 deg: 61.66 deg"), std::string::npos) << notes;
  calls();
  const std::string before = read_text_file(kept());
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(asked(), "") << "all runs are known";
  EXPECT_EQ(calls(), "");
  EXPECT_EQ(read_text_file(kept()), before);
}

TEST_F(CatalogueCommandTest, AnAbsentOrSlowDatabaseChangesNothing) {
  answer("101,Crab,83.6,22.01\n102,CasA,350.8,58.8\n");
  configure_command();
  expect_absent_run();
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(asked(), "2022-12-15 LST-1\n");
  calls();
  // Run 103 of the summary is not known; the program is asked again, and is away.
  script("echo no route >&2; exit 6");
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(asked(), "2022-12-15 LST-1\n") << "once a pass";
  EXPECT_EQ(calls(), "");
  EXPECT_TRUE(says("failed with code 6: no route); what it answered before holds")) << out_.str();
  script("sleep 60");
  configure_command("  catalogue_timeout: 0.3\n");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(run(), 7);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  EXPECT_TRUE(says("took longer than 0.3 s")) << out_.str();
  EXPECT_EQ(calls(), "");
}

TEST_F(CatalogueCommandTest, WhatWasAnsweredHolds) {
  answer("101,Crab,83.6,22.01\n102,CasA,350.8,58.8\n");
  configure_command();
  expect_absent_run();
  EXPECT_EQ(run(), 7);
  calls();
  answer("101,CasA,350.8,58.8\n103,Crab,83.6,22.01\n");
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls(), "");
  EXPECT_TRUE(says("run 101: Crab at declination 22.01 deg was answered and holds")) << out_.str();
  EXPECT_EQ(read_run_catalogue(kept()).size(), 3u) << "the new run is kept too";
  // A catalogue by hand is believed first.
  write(folder_ / "by_hand.csv", std::string(head) + "101,CasA,350.8,58.8\n");
  std::string text = read_text_file(folder_ / "alisio.yaml");
  text.replace(text.find("dl2:\n"), 5, "dl2:\n  catalogue: by_hand.csv\n");
  write(folder_ / "alisio.yaml", text);
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls(), "dl1_to_dl2 00101.0000; dl1_to_dl2 00101.0001");
}

TEST_F(CatalogueCommandTest, BadAnswersAreToldAndNotKept) {
  configure_command();
  for (const char* rows :
       {"101,Crab,83.6\n", "x,Crab,83.6,22\n", "101,Crab,83.6,122\n", "-5,Crab,83.6,22\n"}) {
    answer(rows);
    static_cast<void>(run());
    EXPECT_TRUE(says("gives no run catalogue")) << rows << out_.str();
    EXPECT_FALSE(fs::exists(kept())) << rows;
  }
  answer("101,Crab,83.6,\n102,\"Cas, A\",350.8,58.8\n");
  static_cast<void>(run());
  EXPECT_TRUE(says("gives no declination of 1 run")) << out_.str();
  EXPECT_EQ(read_run_catalogue(kept()).at(102).source, "Cas_ A");
  write(kept(), "torn");
  answer("101,Crab,83.6,22.01\n102,CasA,350.8,58.8\n103,Crab,83.6,22\n");
  static_cast<void>(run());
  EXPECT_TRUE(says("the kept run catalogue is not used")) << out_.str();
  EXPECT_EQ(read_run_catalogue(kept()).size(), 3u);
}

TEST_F(CatalogueCommandTest, APlanAsksNobody) {
  answer("101,Crab,83.6,22.01\n");
  configure_command();
  EXPECT_NE(plan().find("declination of the pointing is not known"), std::string::npos);
  EXPECT_EQ(asked(), "");
  EXPECT_FALSE(fs::exists(kept()));
  configure("night:\n  catalogue_command: [ask, \"{run}\"]\n");
  EXPECT_THROW(static_cast<void>(run()), Error);
}

}  // namespace
}  // namespace alisio::night
