#include "lib/web/night_grid.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "lib/night/job.hpp"
#include "lib/web/night_view.hpp"

namespace alisio::web {
namespace {

using nlohmann::json;

night::NightStatus status_of(int runs, int subruns) {
  night::NightStatus status;
  status.summary.key.date = {2024, 1, 15};
  status.summary.key.prod_id = "v1";
  status.summary.notes = {"<note>"};
  status.updated_at = "2024-01-16T08:00:00.000000Z";
  for (int run = 1; run <= runs; ++run)
    for (int subrun = 0; subrun < subruns; ++subrun) {
      night::JobStatusView job;
      job.key = {"r0_to_dl1", run, subrun};
      job.status = run == 1 && subrun == 2 ? "failed" : "done";
      job.last_end = job.status;
      job.attempts = 1;
      job.wall_s = 10;
      job.max_rss_bytes = 1000;
      job.ended_at = "2024-01-16T07:30:00.000000Z";
      if (job.status == "failed") {
        job.in_trouble = true;
        job.failure = night::Failure{night::FailureClass::bad_input, "cut", "copy it again"};
      }
      status.jobs.push_back(job);
    }
  return status;
}

TEST(NightGrid, EveryStatusHasALetterOfItsOwn) {
  using night::StepStatus;
  std::string letters;
  for (const StepStatus status :
       {StepStatus::done, StepStatus::to_run, StepStatus::waiting, StepStatus::running,
        StepStatus::blocked, StepStatus::missing_input, StepStatus::vetoed, StepStatus::failed}) {
    const char letter = status_letter(night::to_string(status));
    EXPECT_NE(letter, '~') << night::to_string(status);
    EXPECT_EQ(letters.find(letter), std::string::npos);
    EXPECT_NE(status_letters.find(letter), std::string_view::npos);
    EXPECT_EQ(status_of_letter(letter), night::to_string(status));
    letters += letter;
  }
  for (const char* word : {"queued", "discarded", "held"}) {
    EXPECT_NE(status_letter(word), '~') << word;
    EXPECT_NE(status_letters.find(status_letter(word)), std::string_view::npos) << word;
    EXPECT_NE(grid_legend().find(word), std::string::npos) << word;
  }
  EXPECT_EQ(status_letter("something new"), '~');
}

TEST(NightGrid, FoldsStagesToTheGravest) {
  EXPECT_EQ(worst_of({"====", "=X.", "=>"}), "=X.=");
  EXPECT_EQ(worst_of({"__", "=_"}), "=_");
  EXPECT_EQ(worst_of({}), "");
}

TEST(NightGrid, ANightIsOneSmallDocument) {
  night::NightStatus status = status_of(20, 150);
  const json document = night_document(status);
  EXPECT_EQ(document["rows"]["1 r0_to_dl1"].get<std::string>().substr(0, 5), "==X==");
  EXPECT_EQ(document["rows"]["20 r0_to_dl1"].get<std::string>().size(), 150u);
  EXPECT_LT(document.dump().size(), 10000u);
  EXPECT_EQ(document["troubles"][0]["class"], "bad input");
  EXPECT_EQ(document["troubles"][0]["status"], "failed");
  EXPECT_EQ(document["more_troubles"], 0);
  EXPECT_EQ(document["resources"][0]["done"], 20 * 150 - 1);
  EXPECT_EQ(document["resources"][0]["failed"], 1);
  EXPECT_EQ(document["resources"][0]["jobs_last_hour"], 20 * 150 - 1);
}

TEST(NightGrid, HolesAndWholeRunsHaveTheirPlace) {
  night::NightStatus status = status_of(1, 1);
  status.jobs.front().key.subrun = 3;
  night::JobStatusView merge;
  merge.key = {"merge_dl1", 1, night::whole_run};
  merge.status = "to run";
  status.jobs.push_back(merge);
  const json document = night_document(status);
  EXPECT_EQ(document["rows"]["1 r0_to_dl1"], "___=");
  EXPECT_EQ(document["rows"]["1 merge_dl1"], ".");
  EXPECT_EQ(document["stages"], json({"r0_to_dl1", "merge_dl1"}));
}

TEST(NightView, OnlyRunsWithJobsAreLinked) {
  night::NightStatus status = status_of(1, 1);
  for (const int run : {1, 2}) {
    night::RunLine line;
    line.run = run;
    line.type = "DATA";
    status.summary.runs.push_back(line);
  }
  const auto folder = std::filesystem::path(testing::TempDir()) /
                      ("alisio_night_view_" + std::to_string(::getpid()));
  std::string grid;
  {
    night::State state = night::State::open(folder);
    grid = night_view(state, status, false).frame;
  }
  std::filesystem::remove_all(folder);
  EXPECT_NE(grid.find("<a href=\"/nights/20240115/v1/run/1\">Run 00001</a>"), std::string::npos);
  EXPECT_NE(grid.find("Run 00002"), std::string::npos);
  EXPECT_EQ(grid.find("/run/2"), std::string::npos) << "there is no such page";
}

TEST(NightView, RowsStandByTensInClassesOfTheirState) {
  EXPECT_EQ(grid_row("row-1", "a<b", "============X>"),
            "<div class=\"row\" id=\"row-1\"><span>a&lt;b</span><div class=\"cells\" role=\"img\" "
            "tabindex=\"0\" aria-label=\"a&lt;b: 1 failed (0012), 1 running, 12 done\">"
            "<b>==========</b><b>==<i class=f>X</i><i class=r>&gt;</i></b></div></div>");
}

}  // namespace
}  // namespace alisio::web
