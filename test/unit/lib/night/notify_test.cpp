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

TEST(Hook, GetsItsInputAndSaysWhatIsWrong) {
  EXPECT_NO_THROW(run_hook({"/bin/sh", "-c", "test \"$(cat)\" = hello"}, "hello\n", 10));
  const std::string large(3 << 20, 'x');
  EXPECT_NO_THROW(run_hook({"/bin/true"}, large, 10)) << "who does not read, is not waited for";
  try {
    run_hook({"/bin/sh", "-c", "echo no such channel >&2; exit 4"}, "", 10);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("failed with code 4: no such channel"),
              std::string::npos)
        << error.what();
  }
  EXPECT_THROW(run_hook({"/no/such/program"}, "", 10), Error);
}

}  // namespace
}  // namespace alisio::night
