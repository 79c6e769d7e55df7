// Who is told of what, once; and hooks that fail or hang.
#include "lib/night/notify.hpp"

#include <chrono>
#include <nlohmann/json.hpp>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/night/decision.hpp"
#include "lib/night/hook.hpp"
#include "test/unit/lib/night/night_fixture.hpp"

namespace alisio::night {
namespace {

using nlohmann::json;

class NotifyTest : public NightTest {
 protected:
  /// Return the kinds of events that the hook was told since the last call.
  std::vector<std::string> told() {
    std::vector<std::string> kinds;
    std::ifstream in(folder_ / "told");
    for (std::string line; std::getline(in, line);) kinds.push_back(json::parse(line).at("event"));
    fs::remove(folder_ / "told");
    return kinds;
  }
  std::string hook() const { return "cat >> " + (folder_ / "told").string(); }
  void configure_hook(const std::string& command, const std::string& more = "") {
    configure("notify:\n  command: " + command + "\n" + more);
  }
};

using Kinds = std::vector<std::string>;

TEST_F(NotifyTest, EachEventIsToldOnce) {
  configure_hook(hook());
  order("r0_to_dl1_00101.0001", "fail 5");
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(told(), (Kinds{"job_failed", "night_incomplete"}));
  options_.pass = true;
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(told(), Kinds()) << "passes do not repeat it";
  options_.pass = false;
  order("r0_to_dl1_00102.0001", "fail 5");
  fs::remove(product("dl1", 102, 1));
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(told(), (Kinds{"job_failed", "night_incomplete"})) << "another job failed";
  fs::remove(control_ / "r0_to_dl1_00101.0001");
  fs::remove(control_ / "r0_to_dl1_00102.0001");
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(told(), (Kinds{"night_complete"}));
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(told(), Kinds());
}

TEST_F(NotifyTest, OnlyWhatIsWantedIsTold) {
  configure_hook(hook(), "  on: [night_complete]\n");
  order("r0_to_dl1_00101.0001", "fail 5");
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(told(), Kinds());
  configure_hook(hook(), "  on: [night_completed]\n");
  EXPECT_THROW(run(), Error);
}

TEST_F(NotifyTest, AHookThatFailsOrHangsStopsNothingAndIsTriedAgain) {
  configure_hook("'echo no; exit 3'");
  EXPECT_EQ(run(), 0);
  configure_hook("'sleep 30'", "  time_limit: 0.2\n");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(run(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(15));
  configure_hook(hook());
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(told(), (Kinds{"night_complete"}));
}

TEST_F(NotifyTest, MailGoesThroughSendmail) {
  const fs::path sendmail = folder_ / "sendmail";
  write(sendmail, "#!/bin/sh\necho \"$@\" > " + (folder_ / "mail").string() + "\ncat >> " +
                      (folder_ / "mail").string() + "\n");
  fs::permissions(sendmail, fs::perms::owner_all);
  configure("notify:\n  mail: crew@example.org\n  sendmail: " + sendmail.string() + "\n");
  order("r0_to_dl1_00101.0001", "fail 5");
  EXPECT_EQ(run(), 7);
  const std::string mail = read_text_file(folder_ / "mail");
  EXPECT_EQ(
      mail.find("-oi -t\nTo: crew@example.org\nSubject: [alisio] LST-1 2022-12-15, production"), 0U)
      << mail;
  configure("notify:\n  mail: \"a@b\\nBcc: c@d\"\n");
  EXPECT_THROW(run(), Error);
}

TEST_F(NotifyTest, AChannelThatFailsIsTriedAgainAlone) {
  const std::string mail = "  mail: crew@example.org\n  sendmail: " + (folder_ / "no").string();
  configure_hook(hook(), mail + "\n");
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(told(), (Kinds{"night_complete"}));
  write(folder_ / "no", "#!/bin/sh\ncat > " + (folder_ / "mail").string() + "\n");
  fs::permissions(folder_ / "no", fs::perms::owner_all);
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(told(), Kinds()) << "the hook was told already";
  EXPECT_NE(read_text_file(folder_ / "mail").find("complete"), std::string::npos);
}

TEST_F(NotifyTest, WhoHoldsANightIsTold) {
  configure_hook(hook());
  Decision hold;
  hold.kind = DecisionKind::hold;
  hold.author = "crew";
  hold.reason = "wait for the drive log";
  hold.at = utc_now_text();
  State state = State::open(folder_ / "state");
  record_decision(state, {1, {2022, 12, 15}, "test_v00"}, hold);
  options_.pass = true;
  static_cast<void>(run());
  const Kinds kinds = told();
  EXPECT_NE(std::find(kinds.begin(), kinds.end(), "night_held"), kinds.end());
  static_cast<void>(run());
  EXPECT_EQ(told(), Kinds());
}

TEST_F(NotifyTest, AClosingByHandIsTold) {
  configure_hook(hook(), "  on: [night_closed]\n");
  static_cast<void>(run());
  EXPECT_EQ(told(), Kinds());
  options_.close = CloseRequest{.force = true, .author = "crew", .reason = "one run is lost"};
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_EQ(told(), (Kinds{"night_closed"}));
}

/// Return the kinds of events of a night with one job done at an instant and one to run.
Kinds meanwhile(const std::string& ended_at, double now_unix_s) {
  NightStatus status;
  status.jobs.resize(2);
  status.jobs[0].status = "done";
  status.jobs[0].ended_at = ended_at;
  status.jobs[1].status = "to run";
  status.progress.jobs = 2;
  status.progress.to_run = 1;
  Kinds kinds;
  for (const NightEvent& event : events_meanwhile(status, 7200, now_unix_s))
    kinds.push_back(event.kind);
  return kinds;
}

TEST(NightEvents, ANightOnWhichNothingGoesOnIsStalled) {
  const double noon = 1671105600;  // 2022-12-15
  EXPECT_EQ(meanwhile("2022-12-15T11:00:00.000000Z", noon), Kinds());
  EXPECT_EQ(meanwhile("2022-12-15T09:30:00.000000Z", noon), (Kinds{"night_stalled"}));
  EXPECT_EQ(meanwhile("", noon), Kinds()) << "nothing has begun yet";
}

TEST(NightEvents, WhatIsTriedAgainIsNoFailureYet) {
  NightStatus status;
  status.jobs.resize(1);
  status.jobs[0].last_end = "failed";
  status.jobs[0].failure = Failure{};
  status.jobs[0].status = "to run";
  EXPECT_TRUE(events_meanwhile(status, 7200, 0).empty());
  status.jobs[0].status = "failed";
  EXPECT_EQ(events_meanwhile(status, 7200, 0).size(), 1U);
}

TEST(Hook, DoesNotKeepAnybodyWaiting) {
  RunningHook hook({"/bin/sleep", "60"}, "", 0.3);
  EXPECT_FALSE(hook.has_ended());
  EXPECT_THROW(while (!hook.has_ended()) std::this_thread::sleep_for(std::chrono::milliseconds(5)),
               Error);
}

void run_hook(const std::vector<std::string>& words, const std::string& input) {
  RunningHook hook(words, input, 10);
  while (!hook.has_ended()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

TEST(Hook, GetsItsInputAndSaysWhatIsWrong) {
  EXPECT_NO_THROW(run_hook({"/bin/sh", "-c", "test \"$(cat)\" = hello"}, "hello\n"));
  const std::string large(3 << 20, 'x');
  EXPECT_NO_THROW(run_hook({"/bin/true"}, large)) << "who does not read, is not waited for";
  try {
    run_hook({"/bin/sh", "-c", "echo no such channel >&2; exit 4"}, "");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("failed with code 4: no such channel"),
              std::string::npos)
        << error.what();
  }
  EXPECT_THROW(run_hook({"/no/such/program"}, ""), Error);
}

}  // namespace
}  // namespace alisio::night
