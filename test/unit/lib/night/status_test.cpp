// How a night stands, read from the state alone.
#include "lib/night/status.hpp"

#include <iterator>
#include <nlohmann/json.hpp>

#include "lib/base/json_text.hpp"
#include "lib/night/advice.hpp"
#include "lib/night/lstosa_table.hpp"
#include "lib/night/status_text.hpp"
#include "test/unit/lib/night/night_fixture.hpp"

namespace alisio::night {
namespace {

class StatusTest : public NightTest {
 protected:
  NightKey key() const { return {1, options_.date, options_.prod_id}; }
  std::optional<NightStatus> status() {
    std::optional<State> state = State::open_read_only(folder_ / "state");
    return state ? read_status(*state, key()) : std::nullopt;
  }
};

const JobStatusView& job_of(const NightStatus& status, const std::string& stage, int run,
                            int subrun) {
  const JobKey key{stage, run, subrun};
  for (const JobStatusView& job : status.jobs)
    if (job.key == key) return job;
  throw std::out_of_range(stage);
}

TEST_F(StatusTest, ANightThatNobodyProcessedIsUnknown) {
  EXPECT_FALSE(status());
  ASSERT_EQ(run(), 0);
  EXPECT_TRUE(status());
  options_.prod_id = "another_v00";
  EXPECT_FALSE(status());
}

TEST_F(StatusTest, ALogThatIsNoTextStopsNothing) {
  order("r0_to_dl1_00101.0001", "garble 5");
  options_.pass = options_.json = true;
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(run(), 7);
  EXPECT_TRUE(fs::exists(product("dl2", 102, 1)));
  EXPECT_TRUE(nlohmann::json::accept(out_.str())) << out_.str();
  const std::optional<NightStatus> now = status();
  ASSERT_TRUE(now);
  const JobStatusView& failed = job_of(*now, "r0_to_dl1", 101, 1);
  EXPECT_EQ(failed.message,
            "fichero da\xEF\xBF\xBD"
            "ado \xEF\xBF\xBD  [31mrojo");
  EXPECT_EQ(failed.log_tail.find('\x1B'), std::string::npos) << failed.log_tail;
}

TEST_F(StatusTest, WhatThePastLeftInTheStateStopsNothing) {
  ASSERT_EQ(run(), 0);
  State::open(folder_ / "state")
      .database()
      .run("UPDATE job SET status = 'failed', exit_code = 5, message = CAST(X'6FFF6B' AS TEXT)");
  fs::remove(product("dl1", 101, 0));
  options_.pass = true;
  EXPECT_NO_THROW(run());
  EXPECT_NO_THROW(static_cast<void>(json_text(status_json(*status()))));
}

TEST_F(StatusTest, TellsWhatIsDoneAndWhatFailed) {
  order("r0_to_dl1_00101.0001", "fail 5");
  EXPECT_EQ(run(), 7);
  const std::optional<NightStatus> now = status();
  ASSERT_TRUE(now);
  EXPECT_EQ(now->jobs.size(), 8U);
  EXPECT_EQ((now->counts.at({101, "r0_to_dl1"})), (StatusCounts{{"done", 1}, {"failed", 1}}));
  EXPECT_EQ((now->counts.at({101, "dl1_to_dl2"})), (StatusCounts{{"done", 1}, {"blocked", 1}}));
  const JobStatusView& failed = job_of(*now, "r0_to_dl1", 101, 1);
  EXPECT_EQ(failed.status, "failed");
  EXPECT_EQ(failed.last_end, "failed");
  EXPECT_EQ(failed.exit_code, 5);
  EXPECT_EQ(failed.attempts, 1);
  EXPECT_EQ(failed.message, "told to fail");
  EXPECT_NE(failed.log_tail.find("told to fail with 5"), std::string::npos);
  const JobStatusView& done = job_of(*now, "r0_to_dl1", 102, 0);
  EXPECT_EQ(done.events, 100);
  EXPECT_EQ(done.wall_s, 1.5);
  EXPECT_GE(done.max_rss_bytes, 1U << 20);
  EXPECT_EQ(job_of(*now, "dl1_to_dl2", 101, 1).attempts, 0);
  EXPECT_EQ(now->progress.jobs, 8);
  EXPECT_EQ(now->progress.done, 6);
  EXPECT_EQ(now->progress.in_trouble, 2);
  EXPECT_FALSE(now->progress.left_s);
  EXPECT_FALSE(now->complete());
  EXPECT_TRUE(failed.in_trouble);
  ASSERT_TRUE(failed.failure);
  EXPECT_EQ(failed.failure->kind, FailureClass::bad_input);
  EXPECT_FALSE(job_of(*now, "dl1_to_dl2", 101, 1).in_trouble) << "its trouble is that of its DL1";
  EXPECT_EQ(summary_json(parse_summary(summary_json(now->summary))), summary_json(now->summary));
  const nlohmann::json document = status_json(*now);
  EXPECT_EQ(document["date"], "2022-12-15");
  EXPECT_EQ(document["summary"]["complete"], false);
  EXPECT_EQ(document["jobs"].size(), 8U);
}

TEST_F(StatusTest, ANightThatGoesOnIsCompleteSoFarOnly) {
  const auto text = [&] {
    std::ostringstream shown;
    print_status(*status(), {}, shown);
    return shown.str().substr(0, shown.str().find('\n'));
  };
  EXPECT_EQ(run(), 0);
  EXPECT_FALSE(status()->goes_on) << "2022 is over";
  EXPECT_EQ(text().substr(text().rfind(": ")), ": complete");
  configure("closing:\n  earliest_hour: 1e6\n");
  EXPECT_EQ(run(), 0);
  EXPECT_TRUE(status()->goes_on);
  EXPECT_TRUE(status()->complete());
  EXPECT_EQ(status_json(*status())["goes_on"], true);
  EXPECT_NE(text().find(": complete so far (more raw files may come until "), std::string::npos)
      << text();
  EXPECT_EQ(close({.force = true, .reason = "wanted early"}), 0) << out_.str();
  EXPECT_FALSE(status()->goes_on) << "closed by hand";
}

TEST_F(StatusTest, TellsWhatRunsAndWhatIsLost) {
  order("r0_to_dl1_00101.0000", "sleep 30");
  options_.jobs = 1;
  const pid_t pass = run_apart();
  std::optional<NightStatus> now;
  ASSERT_TRUE(wait_for([&] {
    now = status();
    return now && !now->running.empty() && now->running.front().pid != 0;
  }));
  const RunningView& process = now->running.front();
  EXPECT_FALSE(process.lost);
  EXPECT_EQ(process.jobs.size(), 2U) << "DL2 goes with DL1";
  const JobStatusView& job = job_of(*now, "r0_to_dl1", 101, 0);
  EXPECT_EQ(job.status, "running");
  EXPECT_EQ(job.running_since, process.started_at);
  ::kill(pass, SIGKILL);
  wait_exit(pass);
  ASSERT_TRUE(wait_for([&] {
    now = status();
    return now && now->running.size() == 1 && now->running.front().lost;
  }));
  EXPECT_TRUE(job_of(*now, "r0_to_dl1", 101, 0).running_since.empty());
  std::ostringstream text;
  StatusScope scope;
  scope.night_words = "20221215 --config alisio.yaml";
  print_status(*now, scope, text);
  EXPECT_NE(text.str().find("do: the next pass takes up what was lost: `alisio night 20221215 "
                            "--config alisio.yaml`"),
            std::string::npos)
      << text.str();
}

JobStatusView job_with(int subrun, const char* status) {
  JobStatusView job;
  job.key = {"r0_to_dl1", 1, subrun};
  job.status = status;
  return job;
}

TEST_F(StatusTest, OneScreenSaysWhatIsMissingAndWhatToDo) {
  order("r0_to_dl1_00101.0001", "fail 5");
  EXPECT_EQ(run(), 7);
  std::ostringstream text;
  print_status(*status(), {}, text);
  const auto says = [&](const std::string& words) {
    EXPECT_NE(text.str().find(words), std::string::npos) << words << "\n" << text.str();
  };
  says("Night 2022-12-15 of LST-1, production test_v00: not complete\n6 of 8 jobs done, ");
  says("nobody works on it now");
  says("1 done, 1 failed");
  says("missing of 00101: DL1 0001; DL2 0001\n");
  says("00101.0001 r0_to_dl1: bad input: told to fail (tried 1 time, last 20");
  says("    do: mend or replace the file");
  EXPECT_EQ(text.str().find("told to fail with 5"), std::string::npos);
  print_status(
      *status(),
      {.run = 101, .subrun = {}, .why = true, .worker = "", .night_words = "", .pause = ""}, text);
  says("    | told to fail with 5\n");
  says("    0001  dl1_to_dl2      blocked: its DL1 is not there");
  EXPECT_EQ(text.str().find("00102.", text.str().find("0001  dl1_to_dl2")), std::string::npos);
}

TEST_F(StatusTest, TheTableOfLstosaHasItsColumns) {
  write(folder_ / "drive/Target_log_20221215.txt",
        "1671141600 TrackStart 83.63 22.01 Crab Nebula\n");
  configure("steps:\n  muons: true\n  data_check: true\n");
  order("r0_to_dl1_00102.0001", "die");
  EXPECT_EQ(run(), 7);
  State state = State::open(folder_ / "state");
  std::ostringstream text;
  print_lstosa_table(*read_status(state, key()), state, text);
  std::istringstream lines(text.str());
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    rows.emplace_back(std::istream_iterator<std::string>(words),
                      std::istream_iterator<std::string>());
    EXPECT_EQ(rows.back().size(), 19U) << line;
  }
  ASSERT_EQ(rows.size(), 4U) << text.str();
  using Words = std::vector<std::string>;
  EXPECT_EQ(rows[2],
            (Words{"LST1", "2", "1", "DATA", "101", "2", "Crab_Nebula", "Check", "1", "None",
                   "COMPLETED", "00:00:02", "0:0", "100", "100", "None", "None", "100", "100"}))
      << text.str();
  EXPECT_EQ(rows[3][10], "FAILED");
  EXPECT_EQ(rows[3][12], "0:9");
  EXPECT_EQ(rows[3][13], "50");
  EXPECT_EQ(rows[1][3], "PEDCALIB");
}

TEST_F(StatusTest, ANightIsMoreThanTheRunsThatAPassWasAskedFor) {
  options_.runs = {101};
  EXPECT_EQ(run(), 0) << "what was asked for is done";
  EXPECT_FALSE(status()->complete());
  const std::vector<Trouble> troubles = troubles_without_jobs(*status());
  ASSERT_EQ(troubles.size(), 1U);
  EXPECT_EQ(troubles[0].key.run, 102);
  EXPECT_EQ(troubles[0].reason, "the run has not been processed");
  order("r0_to_dl1_00102.0001", "fail 5");
  options_.runs = {102};
  EXPECT_EQ(run(), 7);
  options_.runs = {101};
  EXPECT_EQ(run(), 0);
  EXPECT_FALSE(status()->complete()) << "what another pass found of the other run stands";
  fs::remove(control_ / "r0_to_dl1_00102.0001");
  options_.runs = {102};
  EXPECT_EQ(run(), 0);
  const auto now = status();
  EXPECT_TRUE(now->complete());
  for (const RunLine& line : now->summary.runs)
    if (line.type == "DATA") {
      EXPECT_TRUE(line.processed) << line.run;
      EXPECT_EQ(line.stages.at("r0_to_dl1").done, 2) << line.run;
    }
}

TEST_F(StatusTest, NobodyOfLstosaWaitsForAVetoedRun) {
  State state = State::open(folder_ / "state");
  Decision veto;
  veto.run = 102;
  veto.reason = "clouds";
  veto.author = "crew";
  record_decision(state, key(), veto);
  EXPECT_EQ(run(), 0);
  std::ostringstream text;
  print_lstosa_table(*read_status(state, key()), state, text);
  EXPECT_NE(text.str().find("Veto"), std::string::npos) << text.str();
  EXPECT_EQ(text.str().find("PENDING"), std::string::npos) << text.str();
}

TEST(Status, AnAdviceCanBeRunAsItStands) {
  const JobKey job{"r0_to_dl1", 101, 1};
  const std::string night = "20221215 --config a.yaml";
  EXPECT_EQ(runnable_advice("copy it, else `alisio discard RUN.SUBRUN`", job, night),
            "copy it, else `alisio discard 00101.0001 20221215 --config a.yaml --reason \"…\"`");
  EXPECT_EQ(runnable_advice("`alisio discard` the subrun", job, night),
            "`alisio discard 00101.0001 20221215 --config a.yaml --reason \"…\"` the subrun");
  EXPECT_EQ(runnable_advice("wait, then `alisio retry`, or `df -h`", {"merge_dl1", 101}, night),
            "wait, then `alisio retry 00101 20221215 --config a.yaml`, or `df -h`");
  EXPECT_EQ(runnable_advice("`alisio reprocess --from r0_to_dl1`", job, night),
            "`alisio reprocess --from r0_to_dl1 20221215 --config a.yaml --run 101 --redo \"…\"`");
  EXPECT_EQ(runnable_advice("`alisio veto RUN`", job, ""), "`alisio veto 00101`");
  EXPECT_EQ(runnable_advice("`alisio discard RUN.SUBRUN`", {"merge_dl1", 101}, ""),
            "`alisio discard 00101.SUBRUN`");
}

TEST(Status, WhatIsLeftFollowsFromWhatIsDone) {
  JobStatusView done = job_with(0, "done"), open = job_with(1, "to run"),
                busy = job_with(2, "running");
  done.last_end = "done";
  done.wall_s = 10;
  busy.running_since = "2026-01-02T03:04:05.000000Z";
  RunningView process;
  process.jobs = {busy.key};
  process.started_at = busy.running_since;
  const std::string now = "2026-01-02T03:04:09.000000Z";
  NightProgress progress = progress_of({done, open, open, busy}, {process}, now);
  ASSERT_TRUE(progress.left_s);
  EXPECT_DOUBLE_EQ(*progress.left_s, 26);
  EXPECT_FALSE(progress.left_at_least);
  progress = progress_of({done, open, open, busy}, {process, process}, now);
  EXPECT_DOUBLE_EQ(progress.left_s.value_or(0), 16);
  open.key.stage = "cat_b";
  EXPECT_TRUE(progress_of({done, open, busy}, {process}, now).left_at_least);
  EXPECT_FALSE(progress_of({open, busy}, {process}, now).left_s) << "nothing is known yet";
  EXPECT_FALSE(progress_of({done, open}, {}, now).left_s) << "nothing runs";
}

}  // namespace
}  // namespace alisio::night
