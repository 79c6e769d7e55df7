// What operators decide, and that a night obeys.
#include "lib/night/decision.hpp"

#include <signal.h>

#include <nlohmann/json.hpp>

#include "lib/base/file.hpp"
#include "lib/night/decided.hpp"
#include "lib/night/discard.hpp"
#include "lib/night/followed.hpp"
#include "lib/night/instant.hpp"
#include "lib/night/status.hpp"
#include "test/unit/lib/night/night_fixture.hpp"

namespace alisio::night {
namespace {

class DecisionTest : public NightTest {
 protected:
  NightKey key() const { return {1, options_.date, options_.prod_id}; }
  void decide(DecisionKind kind, int run, int subrun = whole_run, const std::string& stage = "") {
    State state = State::open(folder_ / "state");
    Decision decision;
    decision.kind = kind;
    decision.run = run;
    decision.subrun = subrun;
    decision.stage = stage;
    decision.reason = "clouds";
    decision.author = "crew";
    record_decision(state, key(), decision);
  }
  int end(DecisionKind kind, int run, int subrun = whole_run) {
    State state = State::open(folder_ / "state");
    return static_cast<int>(
        end_decisions(state, key(), kind, run, subrun, "crew", "gone", {}).size());
  }
  void expect_said(const std::string& words) {
    EXPECT_NE(out_.str().find(words), std::string::npos) << words << "\n" << out_.str();
  }
};

TEST_F(DecisionTest, AVetoedRunIsLeftOutUntilItIsTakenBack) {
  decide(DecisionKind::veto, 101);
  EXPECT_NE(plan().find("r0_to_dl1  vetoed: vetoed by crew: clouds"), std::string::npos) << plan();
  EXPECT_EQ(run(), 0) << "the night is complete without it";
  EXPECT_EQ(calls(),
            "dl1_to_dl2 00102.0000; dl1_to_dl2 00102.0001; r0_to_dl1 00102.0000; r0_to_dl1 "
            "00102.0001");
  expect_said("0 done, 2 vetoed");
  expect_said("decision: 00101 vetoed by crew, 20");
  std::optional<State> state = State::open_read_only(folder_ / "state");
  const std::optional<NightStatus> status = read_status(*state, key());
  ASSERT_TRUE(status);
  EXPECT_TRUE(status->complete());
  EXPECT_EQ((status->counts.at({101, "r0_to_dl1"})), (StatusCounts{{"vetoed", 2}}));
  ASSERT_EQ(status->decisions.size(), 1U);
  EXPECT_EQ(status->decisions[0].author, "crew");

  EXPECT_EQ(end(DecisionKind::veto, 102), 0);
  EXPECT_EQ(end(DecisionKind::veto, 101), 1);
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls().find("00102"), std::string::npos);
  EXPECT_TRUE(fs::exists(product("dl2", 101, 1)));
  State all = State::open(folder_ / "state");
  ASSERT_EQ(all_decisions(all, key()).size(), 1U) << "what was decided stays on record";
  EXPECT_EQ(all_decisions(all, key())[0].ended_why, "gone");
}

TEST_F(DecisionTest, OnlyWhatIsDecidedChangesTheMark) {
  ASSERT_EQ(run(), 0);
  State state = State::open(folder_ / "state");
  EXPECT_EQ(decided_mark(state, options_.date), "");
  decide(DecisionKind::veto, 101);
  const std::string vetoed = decided_mark(state, options_.date);
  EXPECT_NE(vetoed, "");
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(decided_mark(state, options_.date), vetoed) << "a pass decides nothing";
  EXPECT_EQ(decided_mark(state, {2022, 12, 16}), "");
  end(DecisionKind::veto, 101);
  EXPECT_NE(decided_mark(state, options_.date), vetoed);
}

TEST_F(DecisionTest, WhatAPersonSaysIsKeptAsOneLineOfText) {
  State state = State::open(folder_ / "state");
  Decision decision;
  decision.run = 101;
  decision.reason = "calibraci\xF3n\n\x1B[2J" + std::string(100000, '!');
  decision.author = "Eve\n</td>";
  record_decision(state, key(), decision);
  EXPECT_EQ(run(), 0) << out_.str();
  Decision kept = standing_decisions(state, key()).at(0);
  EXPECT_TRUE(kept.reason.starts_with("calibraci\xEF\xBF\xBDn  [2J!!!")) << kept.reason;
  EXPECT_LT(kept.reason.size(), 510U);
  EXPECT_EQ(kept.author, "Eve </td>");
  EXPECT_EQ(
      end_decisions(state, key(), DecisionKind::veto, 101, whole_run, "a\nb", "c\xFF", {}).size(),
      1U);
  kept = all_decisions(state, key()).at(0);
  EXPECT_EQ(kept.ended_by, "a b");
  EXPECT_EQ(kept.ended_why, "c\xEF\xBF\xBD");
}

TEST_F(DecisionTest, WhatCannotBeWrittenIsNotDecided) {
  decide(DecisionKind::veto, 101);
  State state = State::open(folder_ / "state");
  const auto fails = [](const Decision&) { throw Error(ErrorKind::resource, "the disk is full"); };
  Decision hold;
  hold.kind = DecisionKind::hold;
  EXPECT_THROW(take_decision(state, key(), hold, fails), Error);
  EXPECT_THROW(end_decisions(state, key(), DecisionKind::veto, 101, whole_run, "crew", "", fails),
               Error);
  EXPECT_THROW(end_followed(state, key(), standing_decisions(state, key()).at(0), fails), Error);
  ASSERT_EQ(all_decisions(state, key()).size(), 1U);
  EXPECT_EQ(standing_decisions(state, key()).size(), 1U);
  std::vector<Decision> written;
  end_followed(state, key(), standing_decisions(state, key()).at(0),
               [&](const Decision& ended) { written.push_back(ended); });
  ASSERT_EQ(written.size(), 1U);
  EXPECT_EQ(written[0].ended_why, "it was followed");
  EXPECT_TRUE(standing_decisions(state, key()).empty());
}

TEST_F(DecisionTest, WhatWasMadeBeforeAVetoStands) {
  ASSERT_EQ(run(), 0);
  calls();
  decide(DecisionKind::veto, 101);
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "");
  expect_said("00101  DATA      2        2 done         2 done");
  write(folder_ / "models.forest", "other forest");
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "dl1_to_dl2 00102.0000; dl1_to_dl2 00102.0001");
}

TEST_F(DecisionTest, ConstantsOfAVetoedRunArePassedOver) {
  write(folder_ / "calibration/calibration_filters_52.Run00080.0000.h5", "older");
  decide(DecisionKind::veto, 91);
  const std::string text = plan();
  EXPECT_NE(text.find("calibration_filters_52.Run00080.0000.h5"), std::string::npos) << text;
  EXPECT_NE(text.find("passed over: run 00091 (vetoed by crew: clouds)"), std::string::npos)
      << text;
}

TEST_F(DecisionTest, AHeldNightWaits) {
  decide(DecisionKind::hold, whole_night);
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls(), "");
  expect_said("decision: the night held by crew");
  EXPECT_EQ(end(DecisionKind::hold, whole_night), 1);
  decide(DecisionKind::hold, 102);
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls(),
            "dl1_to_dl2 00101.0000; dl1_to_dl2 00101.0001; r0_to_dl1 00101.0000; r0_to_dl1 "
            "00101.0001");
  EXPECT_NE(plan().find("r0_to_dl1  waiting: held by crew: clouds"), std::string::npos) << plan();
}

TEST_F(DecisionTest, APassUnderWayObeys) {
  order("r0_to_dl1_00101.0000", "sleep 1");
  order("r0_to_dl1_00101.0001", "sleep 1");
  options_.jobs = 2;
  const pid_t pass = run_apart();
  ASSERT_TRUE(wait_for([&] { return part_files() == 2; }));
  decide(DecisionKind::hold, whole_night);
  EXPECT_EQ(wait_exit(pass), 7);
  EXPECT_TRUE(fs::exists(product("dl1", 101, 0))) << "what ran, ran on";
  EXPECT_FALSE(fs::exists(product("dl1", 102, 0)));
}

TEST_F(DecisionTest, ARetryReachesAPassUnderWay) {
  order("r0_to_dl1_00101.0000", "fail 5");
  order("r0_to_dl1_00102.0001", "sleep 1");
  options_.pass = true;
  const pid_t pass = run_apart();
  ASSERT_TRUE(wait_for([&] {
    std::optional<State> state = State::open_read_only(folder_ / "state");
    return part_files() == 1 && state &&
           state->snapshot(key()).jobs[{"r0_to_dl1", 101, 0}].status == JobStatus::failed;
  }));
  fs::remove(control_ / "r0_to_dl1_00101.0000");
  decide(DecisionKind::retry, 101);
  EXPECT_EQ(wait_exit(pass), 0);
  EXPECT_TRUE(fs::exists(product("dl2", 101, 0)));
}

TEST_F(DecisionTest, ARetryIsOneTryMore) {
  order("r0_to_dl1_00101.0000", "fail 5");
  options_.pass = true;
  EXPECT_EQ(run(), 7);
  calls();
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls(), "") << "what failed for good is left alone";
  decide(DecisionKind::retry, 102);
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls(), "");
  decide(DecisionKind::retry, 101, 0, "r0_to_dl1");
  options_.plan = true;
  out_.str("");
  run();
  options_.plan = false;
  expect_said("to run: to be tried again by crew: clouds; failed before: told to fail");
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls(), "r0_to_dl1 00101.0000");
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls(), "");
}

TEST_F(DecisionTest, ACopiedStateDoesNotSetAsideWhatItsOriginalMade) {
  ASSERT_EQ(run(), 0) << out_.str();
  decide(DecisionKind::discard, 101, 1);
  State state = State::open(folder_ / "state");
  int told = 0;
  const auto record = [&](const Invalidation&) { ++told; };
  EXPECT_THROW(set_aside_discarded(state, key(), folder_ / "copy", record), Error);
  EXPECT_TRUE(fs::exists(product("dl1", 101, 1)));
  EXPECT_EQ(told, 0);
}

TEST_F(DecisionTest, ADiscardedSubrunIsLeftOutAndItsProductsSetAside) {
  configure("steps:\n  muons: true\n  data_check: true\n  merge: true\n");
  ASSERT_EQ(run(), 0) << out_.str();
  calls();
  std::vector<Invalidation> told;
  services_.record_invalidation = [&](const Invalidation& one) { told.push_back(one); };
  const std::string content = read_text_file(product("dl1", 101, 1));
  std::map<std::string, ExpectedSubruns> asked;
  services_.check_constants = [&](const std::string& kind, const fs::path& file,
                                  const config::Configuration&, const ExpectedSubruns& expected) {
    if (kind == "dl1_datacheck_run") asked[file.filename().string()] = expected;
    return Verdict{};
  };
  decide(DecisionKind::discard, 101, 1);
  EXPECT_EQ(run(), 0) << out_.str();
  expect_said("1 of 2, 1 discarded");
  EXPECT_EQ(asked.at("datacheck_dl1_LST-1.Run00101.h5"),
            (ExpectedSubruns{.number = 2, .left_out = {1}}))
      << "its absence is no fault of the data";
  EXPECT_EQ(asked.at("datacheck_dl1_LST-1.Run00102.h5"), ExpectedSubruns{.number = 2});
  expect_said("decision: 00101.0001 discarded by crew");
  const std::string did = calls();
  EXPECT_EQ(did.find("00101.0001"), std::string::npos) << did;
  EXPECT_NE(did.find("merge_dl1 00101; merge_dl2 00101; merge_muons 00101"), std::string::npos)
      << did;
  EXPECT_EQ(did.find("00102"), std::string::npos) << did;
  EXPECT_FALSE(fs::exists(product("dl1", 101, 1)));
  ASSERT_EQ(told.size(), 4U) << "DL1, muons, data check, DL2";
  EXPECT_EQ(told[0].reason, "clouds");
  EXPECT_EQ(told[0].data_root, folder_);
  const auto dl1 = std::find_if(told.begin(), told.end(), [&](const Invalidation& one) {
    return one.file == product("dl1", 101, 1);
  });
  ASSERT_NE(dl1, told.end());
  EXPECT_EQ(read_text_file(dl1->kept_as), content);
  asked.clear();
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "");
  EXPECT_EQ(told.size(), 4U);
  EXPECT_TRUE(asked.empty()) << "what was said of a file holds while nothing changes";

  // Taken back, it is as it was: nothing is computed for it again.
  State state = State::open(folder_ / "state");
  const Decision discard = standing_decisions(state, key()).at(0);
  EXPECT_EQ(end(DecisionKind::discard, 101, 1), 1);
  const auto record = [&](const Invalidation& one) { told.push_back(one); };
  EXPECT_THROW(bring_back(state, key(), folder_ / "copy", discard, "", "", record), Error);
  EXPECT_EQ(bring_back(state, key(), folder_, discard, "was the moon", "crew", record).size(), 4U);
  ASSERT_EQ(told.size(), 8U);
  EXPECT_TRUE(told.back().taken_back);
  EXPECT_EQ(told.back().sha256, told[3].sha256);
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls().find("00101.0001"), std::string::npos);
  expect_said("00101  DATA      2        2 done");
  EXPECT_EQ(asked.at("datacheck_dl1_LST-1.Run00101.h5"), ExpectedSubruns{.number = 2});
}

TEST(OwedRetry, IsOwedToWhatGathersARunWhenASubrunIsDiscarded) {
  Decision discard;
  discard.kind = DecisionKind::discard;
  discard.run = 101;
  discard.subrun = 1;
  discard.at = "2024-01-16T08:00:00";
  JobRecord merge;
  merge.key = {"merge_dl1", 101, whole_run};
  merge.ended_at = "2024-01-16T07:00:00";
  EXPECT_NE(owed_retry({discard}, merge), nullptr);
  merge.ended_at = "2024-01-16T09:00:00";
  EXPECT_EQ(owed_retry({discard}, merge), nullptr) << "it was tried since";
  merge.ended_at = "2024-01-16T07:00:00";
  merge.key.run = 102;
  EXPECT_EQ(owed_retry({discard}, merge), nullptr);
  merge.key = {"r0_to_dl1", 101, 2};
  EXPECT_EQ(owed_retry({discard}, merge), nullptr);
}

TEST_F(DecisionTest, ASubrunDiscardedInTheMakingIsSetAsideWhenItEnds) {
  order("r0_to_dl1_00101.0000", "sleep 1");
  const pid_t pass = run_apart();
  ASSERT_TRUE(wait_for([&] { return part_files() == 1; }));
  decide(DecisionKind::discard, 101, 0);
  EXPECT_EQ(wait_exit(pass), 0);
  EXPECT_FALSE(fs::exists(product("dl1", 101, 0)));
  EXPECT_FALSE(fs::exists(product("dl2", 101, 0)));
  EXPECT_TRUE(fs::exists(product("dl2", 101, 1)));
}

TEST_F(DecisionTest, WhatIsToBeMadeAgainIsMadeOnceAndTheOldStaysUntilThen) {
  ASSERT_EQ(run(), 0);
  calls();
  decide(DecisionKind::redo, whole_night, whole_run, "dl1_to_dl2");
  EXPECT_NE(plan().find("dl1_to_dl2 to run: to be made again by crew: clouds"), std::string::npos)
      << plan();
  const std::string before = read_text_file(product("dl2", 101, 0));
  order("dl1_to_dl2_00101.0000", "fail 5");
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls(),
            "dl1_to_dl2 00101.0000; dl1_to_dl2 00101.0001; dl1_to_dl2 00102.0000; dl1_to_dl2 "
            "00102.0001");
  EXPECT_EQ(read_text_file(product("dl2", 101, 0)), before) << "a failing redo harms nothing";
  fs::remove(control_ / "dl1_to_dl2_00101.0000");
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "dl1_to_dl2 00101.0000");
  EXPECT_NE(read_text_file(product("dl2", 101, 0)), before);
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "");
  EXPECT_NE(read_text_file(control_ / "notes")
                .find("dl1_to_dl2 00102.0000 dl1_subrun=to be made again by crew: clouds"),
            std::string::npos)
      << read_text_file(control_ / "notes");
}

TEST_F(DecisionTest, AClockThatWasAheadForAWhileLosesNoDecision) {
  EXPECT_EQ(run(), 0);
  calls();
  State::open(folder_ / "state")
      .database()
      .run("UPDATE job SET ended_at = '2099-12-31T23:59:59.999999Z'");
  decide(DecisionKind::redo, 101);
  EXPECT_EQ(run(), 0);
  EXPECT_NE(calls().find("r0_to_dl1 00101.0000"), std::string::npos) << "it is obeyed";
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "") << "once";
}

TEST(Instant, WhatComesLaterSortsLater) {
  EXPECT_EQ(utc_now_after("2099-12-31T23:59:59.999999Z"), "2100-01-01T00:00:00.000000Z");
  EXPECT_EQ(utc_now_after("2099-12-31T23:59:59.000009Z"), "2099-12-31T23:59:59.000010Z");
  const std::string before = utc_now_text();
  EXPECT_GT(utc_now_after(before), before);
  EXPECT_GE(utc_now_after(""), before);
}

TEST_F(DecisionTest, ARedoOfARunTakesWhatFollowsWithIt) {
  ASSERT_EQ(run(), 0);
  calls();
  decide(DecisionKind::redo, 101, whole_run, "r0_to_dl1");
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(),
            "dl1_to_dl2 00101.0000; dl1_to_dl2 00101.0001; r0_to_dl1 00101.0000; r0_to_dl1 "
            "00101.0001");
}

}  // namespace
}  // namespace alisio::night
