// Nights one after another.
#include "lib/night/reprocess.hpp"

#include <nlohmann/json.hpp>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "test/unit/lib/night/night_fixture.hpp"

namespace alisio::night {
namespace {

class ReprocessTest : public NightTest {
 protected:
  int reprocess_nights() {
    out_.str("");
    request_.options.config_file = options_.config_file;
    request_.options.jobs = 3;
    return reprocess(request_, config::Configuration::load({options_.config_file}), services_,
                     out_);
  }
  void expect_said(const std::string& words) {
    EXPECT_NE(out_.str().find(words), std::string::npos) << words << "\n" << out_.str();
  }
  ReprocessRequest request_;
};

TEST_F(ReprocessTest, ANightThatFailsDoesNotStopTheNext) {
  // The first night cannot be read, the second has no data.
  write(folder_ / "R0/20221213/LST-1.1.Run00050.0000.fits.fz", "raw");
  write(folder_ / "summary/RunSummary_20221213.ecsv", "nonsense\n");
  std::vector<NightDate> followed;
  request_.after_night = [&](const NightDate& date) { followed.push_back(date); };
  request_.dates = {{2022, 12, 13}, {2022, 12, 14}, {2022, 12, 15}};
  request_.options.prod_id = "again_v01";
  EXPECT_EQ(reprocess_nights(), 7);
  expect_said("2022-12-13  failed        ");
  expect_said("2022-12-14  no raw data\n");
  expect_said("2022-12-15  complete      4 jobs in ");
  EXPECT_TRUE(fs::exists(product("dl2", 102, 1, "again_v01")));
  EXPECT_EQ(followed, (std::vector<NightDate>{{2022, 12, 15}}));
  request_.dates = {{2022, 12, 14}};
  EXPECT_EQ(reprocess_nights(), 4);
}

TEST_F(ReprocessTest, AClosedNightIsDoneUnlessItIsToBeMadeAgain) {
  request_.dates = {{2022, 12, 15}};
  request_.options.prod_id = "test_v00";
  ASSERT_EQ(reprocess_nights(), 0);
  calls();
  State state = State::open(folder_ / "state");
  const NightKey key{1, {2022, 12, 15}, "test_v00"};
  ClosingRecord closing;
  closing.key = key;
  closing.started_at = utc_now_text();
  state.closing_starts(closing);
  state.closing_ends(key);
  EXPECT_EQ(reprocess_nights(), 0);
  expect_said("2022-12-15  closed ");
  request_.options.redo = Redo{.stage = "dl1_to_dl2", .reason = "new models", .author = "crew"};
  EXPECT_EQ(reprocess_nights(), 7);
  expect_said("2022-12-15  failed ");
  EXPECT_EQ(calls(), "");
}

TEST_F(ReprocessTest, ARunThatIsNotOfTheNightEndsAsItDoesForNight) {
  request_.dates = {{2022, 12, 15}};
  request_.options.prod_id = "test_v00";
  request_.options.runs = {99999};
  EXPECT_EQ(reprocess_nights(), 2);
  expect_said("2022-12-15  failed        run 99999 is not of this night");
}

TEST_F(ReprocessTest, AClosedNightThatLacksSomethingIsNotDone) {
  expect_absent_run();
  configure("closing:\n  auto: true\n");
  options_.pass = true;
  ASSERT_EQ(run(), 7);
  request_.dates = {{2022, 12, 15}};
  request_.options.prod_id = "test_v00";
  EXPECT_EQ(reprocess_nights(), 7);
  expect_said(
      "2022-12-15  closed        the night is closed without 00103.0000: there are no raw "
      "files (and 4 more): `alisio reopen` opens it");
}

TEST_F(ReprocessTest, ConstantsAsFoundAreSaidNotToBeMadeAgain) {
  for (int stream = 1; stream <= 4; ++stream) write(raw(90, 0, stream), "raw");
  request_.dates = {{2022, 12, 15}};
  request_.options.prod_id = "test_v00";
  ASSERT_EQ(reprocess_nights(), 0);
  EXPECT_EQ(out_.str().find("not made here"), std::string::npos) << out_.str();
  request_.options.redo = Redo{.stage = "drs4_pedestal", .reason = "doubts", .author = "crew"};
  for (const bool plan : {true, false}) {
    request_.options.plan = plan;
    EXPECT_EQ(reprocess_nights(), 0);
    expect_said("note: the DRS4 pedestal of run 00090 is as found and is not made here");
  }
}

TEST_F(ReprocessTest, FromAStageAllAfterItIsMadeAgainOnceForEachReason) {
  request_.dates = {{2022, 12, 15}};
  request_.options.prod_id = "test_v00";
  ASSERT_EQ(reprocess_nights(), 0);
  calls();
  request_.options.redo = Redo{.stage = "dl1_to_dl2", .reason = "new models", .author = "crew"};
  request_.options.runs = {102};
  request_.options.plan = true;
  EXPECT_EQ(reprocess_nights(), 0);
  expect_said("dl1_to_dl2 to run: to be made again by crew: new models");
  EXPECT_EQ(calls(), "");
  request_.options.plan = false;
  EXPECT_EQ(reprocess_nights(), 0);
  EXPECT_EQ(calls(), "dl1_to_dl2 00102.0000; dl1_to_dl2 00102.0001");
  EXPECT_EQ(reprocess_nights(), 0);
  EXPECT_EQ(calls(), "") << "the same command goes on, and there is nothing left";
  request_.options.redo->reason = "newer models";
  request_.options.json = true;
  EXPECT_EQ(reprocess_nights(), 0);
  EXPECT_EQ(calls(), "dl1_to_dl2 00102.0000; dl1_to_dl2 00102.0001");
  EXPECT_EQ(nlohmann::json::parse(out_.str())[0]["outcome"], "complete");
}

}  // namespace
}  // namespace alisio::night
