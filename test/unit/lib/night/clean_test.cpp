// What of a closed night may go, what a pass makes of what is gone, and interruption.
#include "lib/night/clean.hpp"

#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"
#include "lib/base/part_file.hpp"
#include "lib/night/cleaned.hpp"
#include "lib/night/status.hpp"
#include "test/unit/lib/night/night_fixture.hpp"

namespace alisio::night {
namespace {

class CleanTest : public NightTest {
 protected:
  void reopen() {
    CloseRequest request{.reopen = true, .reason = "late data"};
    ASSERT_EQ(close(request), 0) << out_.str();
  }
  CleanRequest request() {
    return {.key = key(),
            .products = folder_,
            .log_trees = {folder_},
            .scratch = folder_ / "scratch",
            .policy = {.intermediate_days = 0,
                       .logs_days = 0,
                       .intermediate = {"dl1_subrun", "dl2_subrun"}},
            .author = "crew",
            .hash = [](const fs::path& file) { return hash_file(file); },
            .why_not_again = [this](const fs::path&) { return obstacle_; },
            .record = [this](const Invalidation& one) { told_.push_back(one); }};
  }
  CleanPlan plan_it(const CleanRequest& request) {
    State state = State::open(folder_ / "state");
    return plan_cleaning(state, request);
  }
  CleanPlan clean_it(const CleanRequest& request) {
    State state = State::open(folder_ / "state");
    CleanPlan plan = plan_cleaning(state, request);
    clean(state, request, plan);
    return plan;
  }
  static int count(const CleanPlan& plan, CleanKind kind) {
    return static_cast<int>(
        std::count_if(plan.items.begin(), plan.items.end(),
                      [&](const CleanItem& item) { return item.kind == kind; }));
  }
  void closed() {
    ASSERT_NE(run(), 6) << out_.str();
    ASSERT_EQ(close(), 0) << out_.str();
    calls();
  }

  std::string obstacle_;
  std::vector<Invalidation> told_;
};

TEST_F(CleanTest, AnOpenNightIsLeftAlone) {
  run();
  EXPECT_THROW(plan_it(request()), Error);
}

TEST_F(CleanTest, OnlyWhatIsAsRecordedAndCanBeMadeAgainGoes) {
  closed();
  CleanRequest request = this->request();
  request.policy.intermediate_days = request.policy.logs_days = 1;
  EXPECT_TRUE(plan_it(request).items.empty()) << "closed today";
  request.policy.intermediate_days = 0;
  EXPECT_EQ(count(plan_it(request), CleanKind::product), 8);
  EXPECT_EQ(count(plan_it(request), CleanKind::log), 0);
  write(product("dl1", 101, 0), "altered");
  const CleanPlan altered = plan_it(request);
  EXPECT_EQ(count(altered, CleanKind::product), 7);
  ASSERT_EQ(altered.kept.size(), 1U);
  EXPECT_EQ(altered.kept[0].why, "it is not as recorded");
  obstacle_ = "the lamp is gone";
  EXPECT_EQ(count(plan_it(request), CleanKind::product), 0);
  EXPECT_EQ(plan_it(request).kept.size(), 8U);
  request.policy.intermediate = {"dl2_subrun"};
  EXPECT_EQ(plan_it(request).kept.size(), 4U) << "DL1 is not asked about";
}

TEST_F(CleanTest, ACopiedStateDoesNotRemoveWhatItsOriginalMade) {
  closed();
  CleanRequest request = this->request();
  request.products = folder_ / "copy";
  request.log_trees = {request.products};
  const CleanPlan plan = clean_it(request);
  EXPECT_TRUE(plan.items.empty());
  ASSERT_EQ(plan.kept.size(), 8U);
  EXPECT_EQ(plan.kept[0].why, "it is of another tree than paths.products");
  EXPECT_TRUE(fs::exists(product("dl1", 101, 0)));
}

TEST_F(CleanTest, APartOfTheTreeMayBeALinkToAnotherDisk) {
  fs::create_directories(folder_ / "disk");
  fs::create_directory_symlink(folder_ / "disk", folder_ / "DL1");
  closed();
  EXPECT_EQ(count(plan_it(request()), CleanKind::product), 8);
  EXPECT_GT(count(plan_it(request()), CleanKind::log), 0);
}

TEST_F(CleanTest, WhatTheMergedFileHoldsNeedNotBeMadeAgain) {
  configure("steps:\n  muons: false\n  data_check: false\n  merge: true\n  report: false\n");
  closed();
  obstacle_ = "raw data are gone";
  CleanRequest request = this->request();
  const CleanPlan plan = plan_it(request);
  EXPECT_EQ(count(plan, CleanKind::product), 4) << "DL2; merged DL1 holds no images";
  EXPECT_EQ(plan.kept.size(), 4U);
  write(folder_ / "DL2/20221215/test_v00/dl2_LST-1.Run00101.h5", "altered");
  EXPECT_EQ(count(plan_it(request), CleanKind::product), 2);
}

TEST_F(CleanTest, AnotherProductionThatIsNotClosedKeepsWhatItUses) {
  closed();
  State state = State::open(folder_ / "state");
  state.database().run(
      fmt::format("INSERT INTO job (telescope, date, prod_id, stage, run, subrun, status) VALUES "
                  "(1, '20221215', 'other', 'dl1_to_dl2', 101, 0, 'done');"
                  "INSERT INTO job_file (job, output, port, path, sha256, data_hash) VALUES "
                  "(last_insert_rowid(), 0, 'dl1_subrun', '{}', '', '')",
                  product("dl1", 101, 0).string()));
  const CleanPlan plan = plan_cleaning(state, request());
  ASSERT_EQ(plan.kept.size(), 1U);
  EXPECT_EQ(plan.kept[0].why, "production other uses it and is not closed");
}

TEST_F(CleanTest, APassDoesNotMakeAgainWhatWasCleanedUnlessItIsNeeded) {
  closed();
  CleanRequest request = this->request();
  request.policy.intermediate = {"dl1_subrun"};
  const CleanPlan done = clean_it(request);
  EXPECT_EQ(count(done, CleanKind::product), 4);
  EXPECT_FALSE(fs::exists(product("dl1", 101, 0)));
  ASSERT_EQ(told_.size(), 4U);
  EXPECT_EQ(told_[0].action, "clean");
  EXPECT_TRUE(told_[0].kept_as.empty());
  EXPECT_EQ(told_[0].author, "crew");
  EXPECT_TRUE(plan_it(request).items.empty());

  State state = State::open(folder_ / "state");
  const std::optional<NightStatus> status = read_status(state, key());
  ASSERT_TRUE(status);
  EXPECT_NE(status->summary.notes.back().find("cleaned, last by crew"), std::string::npos);

  reopen();
  run();
  EXPECT_EQ(calls(), "") << out_.str();
  EXPECT_NE(plan().find("was cleaned"), std::string::npos) << plan();
  // DL2 must be made again, so that its DL1 must be there.
  fs::remove(product("dl2", 101, 0));
  EXPECT_NE(plan().find("was cleaned, and dl1_to_dl2 00101.0000 needs it"), std::string::npos)
      << plan();
  run();
  EXPECT_EQ(calls(), "dl1_to_dl2 00101.0000; r0_to_dl1 00101.0000");
  EXPECT_TRUE(fs::exists(product("dl2", 101, 0)));
  EXPECT_FALSE(fs::exists(product("dl1", 101, 1)));
  run();
  EXPECT_EQ(calls(), "");
  EXPECT_EQ(close(), 0) << "what is cleaned keeps no night open: " << out_.str();
  // What is lost without an order is made again as ever.
  reopen();
  fs::remove(product("dl1", 101, 0));
  run();
  EXPECT_EQ(calls(), "r0_to_dl1 00101.0000");
}

TEST_F(CleanTest, WhatIsNeededAndCannotBeMadeIsSaid) {
  closed();
  CleanRequest request = this->request();
  request.policy.intermediate = {"dl1_subrun"};
  clean_it(request);
  reopen();
  for (int stream = 1; stream <= 4; ++stream) fs::remove(raw(101, 0, stream));
  fs::remove(product("dl2", 101, 0));
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(calls(), "") << out_.str();
}

TEST_F(CleanTest, AChainOfCleanedProductsIsMadeAgainFromItsBeginning) {
  configure("steps:\n  dl1ab: true\n");
  closed();
  CleanRequest request = this->request();
  request.policy.intermediate = {"dl1_subrun", "dl1b_subrun"};
  clean_it(request);
  reopen();
  run();
  EXPECT_EQ(calls(), "") << out_.str();
  fs::remove(folder_ / "DL2/20221215/test_v00/tailcut84/dl2_LST-1.Run00101.0000.h5");
  run();
  EXPECT_EQ(calls(), "dl1_to_dl2 00101.0000; dl1ab 00101.0000; r0_to_dl1 00101.0000");
}

TEST_F(CleanTest, AnInterruptedCleaningIsFinishedAndToldAlike) {
  closed();
  CleanRequest request = this->request();
  int left = 3;
  request.record = [&](const Invalidation& one) {
    told_.push_back(one);
    if (--left == 0) throw Error(ErrorKind::interrupted, "killed");
  };
  EXPECT_THROW(clean_it(request), Error);
  EXPECT_EQ(told_.size(), 3U);
  EXPECT_TRUE(fs::exists(told_[2].file)) << "nothing goes before it is recorded";
  const Invalidation last = told_[2];
  told_.clear();
  request.author = "another";
  request.record = [&](const Invalidation& one) { told_.push_back(one); };
  clean_it(request);
  ASSERT_EQ(told_.size(), 6U);
  EXPECT_EQ(told_[0].at, last.at);
  EXPECT_EQ(told_[0].author, "crew") << "who began it";
  EXPECT_FALSE(fs::exists(last.file));
  reopen();
  run();
  EXPECT_EQ(calls(), "") << out_.str();
}

TEST_F(CleanTest, WhatCannotBeRecordedStaysAndStopsNothing) {
  closed();
  CleanRequest request = this->request();
  request.record = [&](const Invalidation& one) {
    if (told_.size() == 2) {
      told_.push_back(one);
      throw Error(ErrorKind::resource, "cannot be written", "the journal");
    }
    told_.push_back(one);
  };
  const CleanPlan plan = clean_it(request);
  EXPECT_EQ(count(plan, CleanKind::product), 7) << "what was removed";
  ASSERT_EQ(plan.failed.size(), 1U);
  EXPECT_EQ(plan.failed[0].file, told_[2].file);
  EXPECT_NE(plan.failed[0].why.find("cannot be written"), std::string::npos);
  EXPECT_TRUE(fs::exists(told_[2].file));
  EXPECT_TRUE(clean_it(this->request()).failed.empty());
  EXPECT_FALSE(fs::exists(told_[2].file)) << "the next call tries again";
}

TEST_F(CleanTest, LogsOfDoneJobsAndOldFragmentsGo) {
  order("r0_to_dl1_00102.0001", "fail 5");
  closed();
  const fs::path folder = folder_ / "DL1/20221215/test_v00";
  const fs::path dead = folder / ".a.h5.part-7ffffffe-0-0badc0de-1",
                 living = folder / part_name("b.h5"),
                 young = folder_ / "scratch/.c.part-7ffffffe-0-0badc0de-1";
  for (const fs::path& file : {dead, living, young}) write(file, "half");
  const auto old = fs::file_time_type::clock::now() - std::chrono::hours(24 * 8);
  fs::last_write_time(dead, old);
  fs::last_write_time(living, old);
  CleanRequest request = this->request();
  request.policy.intermediate.clear();
  const CleanPlan plan = clean_it(request);
  EXPECT_EQ(count(plan, CleanKind::fragment), 1);
  EXPECT_FALSE(fs::exists(dead));
  EXPECT_TRUE(fs::exists(living));
  EXPECT_TRUE(fs::exists(young));
  EXPECT_GT(count(plan, CleanKind::log), 0);
  EXPECT_TRUE(fs::exists(folder / "log/jobs/r0_to_dl1_00102.0001.log")) << "it tells what failed";
  EXPECT_FALSE(fs::exists(folder / "log/jobs/r0_to_dl1_00102.0000.log"));
  EXPECT_TRUE(told_.empty()) << "no products";
}

TEST_F(CleanTest, WhatWasSetAsideGoesWhenItWasMadeAnew) {
  closed();
  const fs::path made = product("dl1", 101, 0), other = product("dl1", 101, 1);
  const fs::path aside = made.string() + ".discarded-20240101T000000";
  const fs::path alone = other.string() + ".discarded-20240101T000000";
  write(aside, "as it was before");
  fs::rename(other, alone);
  CleanRequest request = this->request();
  request.policy.intermediate.clear();
  const CleanPlan plan = clean_it(request);
  EXPECT_EQ(count(plan, CleanKind::set_aside), 1);
  EXPECT_FALSE(fs::exists(aside));
  EXPECT_TRUE(fs::exists(alone)) << "nothing was made in its place";
  EXPECT_TRUE(fs::exists(made));
  ASSERT_EQ(told_.size(), 1U);
  EXPECT_EQ(told_[0].file, made);
  EXPECT_NE(told_[0].sha256, hash_file(made));
}

TEST_F(CleanTest, PoliciesNameWhatCanBeHadAgain) {
  configure("clean:\n  intermediate: [dl2_subrun]\n  logs_days: .inf\n");
  const CleanPolicy policy = clean_policy(config::Configuration::load({options_.config_file}));
  EXPECT_EQ(policy.intermediate, std::vector<std::string>{"dl2_subrun"});
  EXPECT_TRUE(std::isinf(policy.logs_days));
}

}  // namespace
}  // namespace alisio::night
