// Closing a night: completeness, seal, chain, flags, interruption.
#include "lib/night/closing.hpp"

#include <signal.h>

#include <chrono>

#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"
#include "lib/night/decision.hpp"
#include "lib/night/lstosa_flags.hpp"
#include "lib/night/open_nights.hpp"
#include "lib/night/seal_check.hpp"
#include "lib/night/status.hpp"
#include "test/unit/lib/night/night_fixture.hpp"

namespace alisio::night {
namespace {

constexpr const char* private_key =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n";

class ClosingTest : public NightTest {
 protected:
  std::vector<fs::path> seals() { return list_seals(seal_folder(folder_, 1, "test_v00")); }
  SealCheck check(const fs::path& seal, const std::string& key = "") {
    return check_seal({.seal = seal, .public_key = key});
  }
  std::optional<ClosingRecord> closing() {
    return State::open(folder_ / "state").closing({1, options_.date, "test_v00"});
  }
  void decide_veto(int run) {
    State state = State::open(folder_ / "state");
    Decision decision;
    decision.run = run;
    decision.reason = "it was a test";
    decision.author = "crew";
    record_decision(state, key(), decision);
  }
  fs::path finished() const { return folder_ / "OSA/Closer/20221215/test_v00/NightFinished.txt"; }
};

TEST_F(ClosingTest, SealsEveryProductAndThenLeavesTheNightAlone) {
  ASSERT_EQ(run(), 0) << out_.str();
  EXPECT_EQ(close(), 0) << out_.str();
  ASSERT_EQ(seals().size(), 1u);
  const Seal seal = parse_seal(read_text_file(seals()[0]), seals()[0]);
  EXPECT_EQ(seal.products.size(), 8u);
  EXPECT_TRUE(seal.found.complete());
  for (const SealedFile& product : seal.products)
    EXPECT_EQ(product.hashes.sha256, hash_file(folder_ / product.path)) << product.path;
  EXPECT_EQ(seal.used.size(), 6u) << "constants, models, drive log, run summary";
  EXPECT_FALSE(seal.documents.empty());
  EXPECT_TRUE(check(seals()[0]).holds());
  EXPECT_TRUE(fs::exists(finished()));
  calls();
  fs::remove(product("dl1", 101, 0));
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(calls(), "") << "closed";
  EXPECT_NE(out_.str().find("is closed since"), std::string::npos) << out_.str();
  EXPECT_EQ(close(), 0) << "closing twice does no harm";
  EXPECT_EQ(seals().size(), 1u);
}

TEST_F(ClosingTest, NamesWhatIsMissing) {
  expect_absent_run();
  order("r0_to_dl1_00101.0001", "fail 5");
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(close(), 0) << out_.str();
  const Seal seal = parse_seal(read_text_file(seals()[0]), seals()[0]);
  ASSERT_EQ(seal.found.runs.size(), 3u);
  ASSERT_EQ(seal.found.runs[0].missing.size(), 1u);
  EXPECT_EQ(seal.found.runs[0].missing[0].subrun, 1);
  EXPECT_EQ(seal.found.runs[0].missing[0].stage, "r0_to_dl1");
  EXPECT_NE(seal.found.runs[0].missing[0].reason.find("told to fail"), std::string::npos);
  EXPECT_EQ(seal.found.runs[2].missing.size(), 5u) << "a run without files";
  EXPECT_NE(read_text_file(finished()).find("missing 00101.0001 r0_to_dl1"), std::string::npos);
}

TEST_F(ClosingTest, IsNotBegunWithAProductThatIsNotAsRecorded) {
  ASSERT_EQ(run(), 0);
  const fs::path altered = product("dl1", 101, 0);
  const auto time = fs::last_write_time(altered);
  std::string content = read_text_file(altered);
  content.back() = '!';
  { std::ofstream(altered, std::ios::in) << content; }
  fs::last_write_time(altered, time);
  EXPECT_EQ(close({.verify_content = true}), 7);
  EXPECT_NE(out_.str().find("is not as recorded"), std::string::npos) << out_.str();
  EXPECT_FALSE(closing()) << "nothing is begun";
  configure("closing:\n  auto: true\n");
  options_.pass = true;
  calls();
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_EQ(calls(), "r0_to_dl1 00101.0000") << "what was found by reading is made again";
  ASSERT_EQ(seals().size(), 1U);
  EXPECT_TRUE(check_seal({.seal = seals()[0], .read_all = true}).holds());
}

TEST_F(ClosingTest, NightsThatAreOpenStillAreKnown) {
  const auto open = [&](const NightDate& last, const std::string& more) {
    configure("prod_id: test_v00\n" + more);
    return open_nights_before(last, config::Configuration::load({options_.config_file}));
  };
  const std::string by_itself = "closing:\n  auto: true\n";
  using Nights = std::vector<NightDate>;
  EXPECT_EQ(open({2022, 12, 16}, by_itself), Nights()) << "no state yet";
  order("r0_to_dl1_00101.0001", "fail 5");
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(open({2022, 12, 16}, ""), Nights{options_.date});
  EXPECT_EQ(open({2022, 12, 15}, ""), Nights()) << "not itself";
  EXPECT_EQ(open({2022, 12, 22}, ""), Nights{options_.date});
  EXPECT_EQ(open({2022, 12, 23}, ""), Nights()) << "too long ago";
  fs::remove(control_ / "r0_to_dl1_00101.0001");
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(open({2022, 12, 16}, ""), Nights()) << "complete, and closed by hand";
  EXPECT_EQ(open({2022, 12, 16}, by_itself), Nights{options_.date}) << "to be closed";
  EXPECT_EQ(close(), 0) << out_.str();
  EXPECT_EQ(open({2022, 12, 16}, by_itself), Nights());
}

TEST_F(ClosingTest, AHeldNightStaysOpenAndIsNotComplete) {
  ASSERT_EQ(run(), 0);
  {
    State state = State::open(folder_ / "state");
    Decision hold;
    hold.kind = DecisionKind::hold;
    hold.reason = "disk in repair";
    hold.author = "crew";
    record_decision(state, key(), hold);
    EXPECT_FALSE(read_status(state, key())->complete());
  }
  EXPECT_EQ(close(), 7);
  EXPECT_NE(out_.str().find("the night held by crew"), std::string::npos) << out_.str();
  EXPECT_NE(out_.str().find("alisio release"), std::string::npos) << out_.str();
  EXPECT_EQ(run(), 7) << out_.str();
  State state = State::open(folder_ / "state");
  end_decisions(state, key(), DecisionKind::hold, whole_night, whole_run, "crew", "mended", {});
  EXPECT_TRUE(read_status(state, key())->complete());
  EXPECT_EQ(close(), 0) << out_.str();
}

TEST_F(ClosingTest, ADecisionMeanwhileIsHeededOrRefused) {
  ASSERT_EQ(run(), 0);
  Decision discard;
  discard.kind = DecisionKind::discard;
  discard.run = 101;
  discard.subrun = 1;
  discard.author = "crew";
  bool decided = false;
  // The products are being read for the seal.
  services_.hash = [&](const fs::path& file) {
    State state = State::open(folder_ / "state");
    if (!std::exchange(decided, true)) take_decision(state, key(), discard, {});
    return FileHashes{hash_file(file), ""};
  };
  EXPECT_EQ(close({.verify_content = true}), 7) << out_.str();
  EXPECT_NE(out_.str().find("decided meanwhile: 00101.0001 discarded"), std::string::npos)
      << out_.str();
  EXPECT_TRUE(seals().empty());
  EXPECT_FALSE(closing()) << "nothing is begun";

  ClosingRecord begun;
  begun.key = key();
  begun.author = "crew";
  begun.started_at = begun.step = "begun";
  State state = State::open(folder_ / "state");
  state.closing_starts(begun);
  int written = 0;
  const auto write = [&](const Decision&) { ++written; };
  EXPECT_THROW(take_decision(state, key(), discard, write), Error);
  EXPECT_THROW(end_decisions(state, key(), DecisionKind::discard, 101, 1, "crew", "", write),
               Error);
  EXPECT_EQ(written, 0);
  EXPECT_EQ(standing_decisions(state, key()).size(), 1U);
}

TEST_F(ClosingTest, ANightBegunUnderAnotherNameIsOpenStill) {
  order("r0_to_dl1_00101.0001", "fail 5");
  EXPECT_EQ(run(), 7);
  configure("prod_id: new_v01\n");
  EXPECT_EQ(open_nights_before({2022, 12, 16}, config::Configuration::load({options_.config_file})),
            std::vector{options_.date});
}

TEST_F(ClosingTest, BothSealsOfAClosingAreOnRecord) {
  ASSERT_EQ(run(), 0);
  State state = State::open(folder_ / "state");
  ClosingRecord begun;
  begun.key = key();
  begun.author = "crew";
  state.closing_starts(begun);
  state.closing_is_sealed(key(), 1, "seal_000001", "one");
  state.closing_is_sealed(key(), 1, "seal_000001", "one");
  state.closing_is_sealed(key(), 2, "seal_000002", "two");
  const std::vector<ClosingRecord> closings = state.closings(key());
  ASSERT_EQ(closings.size(), 2U);
  EXPECT_EQ(closings[0].seal_number, 1);
  EXPECT_EQ(closings[0].reopen_reason, "sealed again");
  EXPECT_EQ(closings[1].seal_number, 2);
  EXPECT_EQ(closings[1].author, "crew");
  EXPECT_EQ(state.closing(key())->seal_number, 2);
}

TEST_F(ClosingTest, WithoutAnyDl1ItWaitsForAPerson) {
  for (const auto& entry : fs::directory_iterator(folder_ / "calibration")) fs::remove(entry);
  configure("closing:\n  auto: true\n");
  options_.pass = true;
  EXPECT_EQ(run(), 7);
  EXPECT_FALSE(closing());
  EXPECT_NE(out_.str().find("nothing could be made of any data run"), std::string::npos)
      << out_.str();
  std::optional<State> state = State::open_read_only(folder_ / "state");
  const auto notes = read_status(*state, key())->summary.notes;
  EXPECT_TRUE(std::any_of(notes.begin(), notes.end(), [](const std::string& note) {
    return note.starts_with("the night is not closed: nothing could be made");
  }));
  EXPECT_EQ(close({.force = true, .author = "crew", .reason = "clouds"}), 0) << out_.str();
}

TEST_F(ClosingTest, WhatIsWrongWithItIsSaidBeforeTheWorkOrKeepsItOpen) {
  configure("closing:\n  allowed_missing_subruns: all\n");
  EXPECT_THROW(run(), Error);
  EXPECT_EQ(calls(), "");
  configure("closing:\n  auto: true\n  key: absent.pem\nnotify:\n  command: cat >> " +
            (folder_ / "told").string() + "\n");
  options_.pass = true;
  EXPECT_EQ(run(), 7) << "all is done, but it cannot be signed";
  EXPECT_NE(out_.str().find("stays open"), std::string::npos) << out_.str();
  EXPECT_NE(out_.str().find("absent.pem"), std::string::npos) << out_.str();
  EXPECT_TRUE(fs::exists(folder_ / "told")) << "those who are to know are told";
  EXPECT_FALSE(closing() && closing()->closed());
}

TEST_F(ClosingTest, AMergeThatFailedIsNamedThoughASubrunFailedToo) {
  configure("steps:\n  muons: true\n  data_check: true\n  merge: true\n");
  order("r0_to_dl1_00101.0001", "fail 5");
  order("merge_dl1_00101", "fail 2");
  options_.pass = true;
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(run(), 7) << "blocked by its own failure, not by that of the subrun";
  EXPECT_NE(out_.str().find("00101 merge_dl1: told to fail"), std::string::npos) << out_.str();
  EXPECT_EQ(close(), 0);
  const Seal seal = parse_seal(read_text_file(seals()[0]), seals()[0]);
  EXPECT_TRUE(std::any_of(seal.found.unfinished.begin(), seal.found.unfinished.end(),
                          [](const OpenJob& job) {
                            return job.key == JobKey{"merge_dl1", 101, whole_run};
                          }));
}

TEST_F(ClosingTest, WaitsForRawFilesThatAreLate) {
  for (int stream = 1; stream <= 4; ++stream) fs::remove(raw(102, 1, stream));
  expect_absent_run();
  configure("closing:\n  auto: true\n  incomplete_hour: 1e9\n");
  options_.pass = true;
  EXPECT_EQ(run(), 7);
  EXPECT_NE(out_.str().find("00103 r0_to_dl1: there are no whole raw files of subruns 0000-0004"),
            std::string::npos)
      << out_.str();
  EXPECT_NE(out_.str().find("00102 r0_to_dl1: there are no whole raw files of subrun 0001"),
            std::string::npos);
  EXPECT_FALSE(closing()) << "raw files may be late";
  std::optional<State> state = State::open_read_only(folder_ / "state");
  EXPECT_FALSE(read_status(*state, key())->complete());
  configure("closing:\n  auto: true\n");
  EXPECT_EQ(run(), 7);
  EXPECT_TRUE(closing()) << "not for ever";
}

TEST_F(ClosingTest, ARunOfNoKnownTypeIsMissing) {
  expect_absent_run();
  const fs::path summary = folder_ / "summary" / "RunSummary_20221215.ecsv";
  std::string text = read_text_file(summary);
  const std::string data = "102,2,DATA";
  ASSERT_NE(text.find(data), std::string::npos) << text;
  write(summary, text.replace(text.find(data), data.size(), "102,2,ERROR"));
  configure("closing:\n  auto: true\n  incomplete_hour: 1e9\n");
  options_.pass = true;
  EXPECT_EQ(run(), 7);
  EXPECT_NE(out_.str().find("00102 r0_to_dl1: the run summary calls the run ERROR"),
            std::string::npos)
      << out_.str();
  EXPECT_FALSE(closing()) << "it may be mended";
  State state = State::open(folder_ / "state");
  EXPECT_FALSE(read_status(state, key())->complete());
  configure("closing:\n  auto: true\n");
  EXPECT_EQ(run(), 7);
  ASSERT_TRUE(closing()) << "not for ever";
  const Seal seal = parse_seal(read_text_file(seals()[0]), seals()[0]);
  const auto& runs = seal.found.runs;
  const auto sealed =
      std::find_if(runs.begin(), runs.end(), [](const auto& one) { return one.run == 102; });
  ASSERT_NE(sealed, runs.end());
  EXPECT_FALSE(sealed->missing.empty());
}

TEST_F(ClosingTest, WhatOperatorsLeaveOutIsNotWaitedFor) {
  expect_absent_run();
  configure("closing:\n  auto: true\n  incomplete_hour: 1e9\n");
  options_.pass = true;
  decide_veto(103);
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_TRUE(closing());
}

TEST_F(ClosingTest, RawFilesThatWereMadeIntoProductsAreNotMissing) {
  ASSERT_EQ(run(), 0);
  for (int stream = 1; stream <= 4; ++stream) fs::remove(raw(102, 1, stream));
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_EQ(close(), 0);
  EXPECT_TRUE(parse_seal(read_text_file(seals()[0]), seals()[0]).found.complete());
}

TEST_F(ClosingTest, WhoeverComesLaterIsToldWhatIsMissing) {
  expect_absent_run();
  configure("closing:\n  auto: true\n");
  options_.pass = true;
  ASSERT_EQ(run(), 7);
  ASSERT_TRUE(closing());
  const auto told = [&] {
    return out_.str().find("without 00103.0000: there are no raw files") != std::string::npos;
  };
  EXPECT_EQ(run(), 7);
  EXPECT_TRUE(told()) << out_.str();
  options_.pass = false;
  EXPECT_EQ(run(), 7);
  EXPECT_TRUE(told()) << out_.str();
  EXPECT_EQ(close(), 0) << "it is closed, as was asked";
  EXPECT_TRUE(told()) << out_.str();
  fs::remove_all(folder_ / "seals");
  EXPECT_EQ(run(), 7) << "without the seal, by what was shown";
  EXPECT_NE(out_.str().find("without 00103"), std::string::npos) << out_.str();
}

TEST_F(ClosingTest, ReopeningSaysWhetherTheSealIsThere) {
  ASSERT_EQ(run(), 0);
  ASSERT_EQ(close(), 0);
  ASSERT_EQ(close({.reopen = true, .reason = "late data"}), 0);
  EXPECT_NE(out_.str().find("is open again; its seal is kept"), std::string::npos) << out_.str();
  ASSERT_EQ(close(), 0);
  fs::remove_all(folder_ / "seals");
  ASSERT_EQ(close({.reopen = true, .reason = "late data"}), 0);
  EXPECT_NE(out_.str().find(".json is gone"), std::string::npos) << out_.str();
  EXPECT_EQ(out_.str().find("is kept"), std::string::npos) << out_.str();
}

TEST_F(ClosingTest, APlanOfAClosedNightSaysThatItIsClosed) {
  ASSERT_EQ(run(), 0);
  EXPECT_EQ(plan().find("is closed"), std::string::npos);
  ASSERT_EQ(close(), 0);
  fs::remove(product("dl2", 101, 0));
  const std::string said = plan();
  EXPECT_NE(said.find("1 job to run\n"), std::string::npos) << said;
  EXPECT_NE(said.find("`alisio reopen 20221215` opens it"), std::string::npos) << said;
}

TEST_F(ClosingTest, TellsOfRawFilesThatCameAfterIt) {
  expect_absent_run();
  configure("closing:\n  auto: true\nnotify:\n  on: [raw_files_late]\n  command: cat >> " +
            (folder_ / "told").string() + "\n");
  options_.pass = true;
  EXPECT_EQ(run(), 7);
  ASSERT_TRUE(closing());
  EXPECT_EQ(run(), 7) << "closed, and nothing came, but a run is missing";
  EXPECT_EQ(out_.str().find("came after the closing"), std::string::npos) << out_.str();
  calls();
  for (int stream = 1; stream <= 4; ++stream) write(raw(103, 2, stream), "late");
  for (int time = 0; time < 2; ++time) {
    EXPECT_EQ(run(), 7);
    EXPECT_NE(out_.str().find("raw files of 1 subrun came after the closing (run 00103: 0002): "
                              "`alisio reopen 20221215`"),
              std::string::npos)
        << out_.str();
    EXPECT_EQ(calls(), "");
  }
  std::optional<State> state = State::open_read_only(folder_ / "state");
  const auto notes = [&] { return read_status(*state, key())->summary.notes; };
  const auto is_late = [](const std::string& note) {
    return note.find("came after the closing") != std::string::npos;
  };
  const auto shown = notes();
  EXPECT_EQ(std::count_if(shown.begin(), shown.end(), is_late), 1);
  const std::string told = read_text_file(folder_ / "told");
  EXPECT_EQ(std::count(told.begin(), told.end(), '\n'), 1) << told;
  EXPECT_NE(told.find(R"("late":[{"run":103,"subruns":[2]}])"), std::string::npos) << told;
  decide_veto(103);
  EXPECT_EQ(run(), 7) << "its seal says that the run is missing";
  const auto after = notes();
  EXPECT_EQ(std::count_if(after.begin(), after.end(), is_late), 0);
}

TEST_F(ClosingTest, TellsOfRawFilesThatWereBadAndHaveChangedSince) {
  configure("closing:\n  auto: true\n");
  order("r0_to_dl1_00101.0001", "fail 5");
  options_.pass = true;
  EXPECT_EQ(run(), 7);
  ASSERT_EQ(close({.force = true, .author = "crew", .reason = "half copied"}), 0) << out_.str();
  EXPECT_EQ(run(), 7) << "closed, and nothing changed";
  EXPECT_EQ(out_.str().find("came after the closing"), std::string::npos) << out_.str();
  const auto taken = fs::last_write_time(raw(101, 1, 1));
  write(raw(101, 1, 1), "raw");
  fs::last_write_time(raw(101, 1, 1), taken);
  EXPECT_EQ(run(), 7);
  EXPECT_NE(out_.str().find("raw files of 1 subrun came after the closing (run 00101: 0001)"),
            std::string::npos)
      << out_.str();
}

TEST_F(ClosingTest, LateRawFilesOpenANightThatIsToldTo) {
  expect_absent_run();
  configure("closing:\n  auto: true\n  reopen_for_late_raw: true\n");
  options_.pass = true;
  EXPECT_EQ(run(), 7);
  ASSERT_TRUE(closing());
  calls();
  for (int stream = 1; stream <= 4; ++stream) write(raw(103, 2, stream), "late");
  options_.pass = false;
  EXPECT_EQ(run(), 7) << "only scheduled passes do";
  EXPECT_EQ(calls(), "");
  options_.pass = true;
  run();
  EXPECT_NE(out_.str().find("is open again"), std::string::npos) << out_.str();
  EXPECT_TRUE(fs::exists(product("dl1", 103, 2))) << out_.str();
  EXPECT_EQ(seals().size(), 2u) << "closed again, with what came";
  const auto closings = State::open(folder_ / "state").closings(key());
  ASSERT_EQ(closings.size(), 2u);
  EXPECT_EQ(closings[0].reopen_reason,
            "raw files of 1 subrun came after the closing (run 00103: 0002)");
  EXPECT_TRUE(closings[1].closed());
  run();
  EXPECT_EQ(seals().size(), 2u) << "nothing is late any more";
}

TEST_F(ClosingTest, ADiscardedSubrunKeepsNoNightOpen) {
  ASSERT_EQ(run(), 0) << out_.str();
  {
    State state = State::open(folder_ / "state");
    Decision discard;
    discard.kind = DecisionKind::discard;
    discard.run = 101;
    discard.subrun = 1;
    record_decision(state, {1, options_.date, "test_v00"}, discard);
  }
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_EQ(close(), 0) << out_.str();
  const Seal seal = parse_seal(read_text_file(seals()[0]), seals()[0]);
  EXPECT_EQ(seal.products.size(), 6u);
  ASSERT_EQ(seal.not_sealed.size(), 2u);
  EXPECT_NE(seal.not_sealed[0].find("00101.0001 was discarded"), std::string::npos)
      << seal.not_sealed[0];
}

TEST_F(ClosingTest, StaysOpenByPolicyAndWithWorkLeft) {
  EXPECT_EQ(close(), 7) << out_.str();
  EXPECT_NE(out_.str().find("8 jobs can still run"), std::string::npos) << out_.str();
  EXPECT_EQ(calls(), "");
  configure("closing:\n  auto: false\n  allowed_missing_subruns: 0\n");
  order("r0_to_dl1_00101.0001", "fail 5");
  EXPECT_EQ(run(), 7);
  EXPECT_EQ(close(), 7);
  EXPECT_NE(out_.str().find("run 00101 lacks 1 of its 2 subruns (0001)"), std::string::npos)
      << out_.str();
  EXPECT_FALSE(closing());
  EXPECT_FALSE(fs::exists(finished()));
  EXPECT_EQ(close({.force = true, .author = "crew", .reason = "hopeless"}), 0);
  EXPECT_EQ(closing()->author, "crew");
  EXPECT_NE(read_text_file(finished()).find("hopeless"), std::string::npos);
}

TEST_F(ClosingTest, PassesCloseByThemselves) {
  configure("closing:\n  auto: true\n");
  options_.runs = {101};
  options_.pass = true;
  EXPECT_EQ(run(), 0);
  EXPECT_FALSE(closing()) << "not for some runs";
  options_.runs.clear();
  EXPECT_EQ(run(), 0);
  ASSERT_TRUE(closing());
  EXPECT_TRUE(closing()->closed());
  // Nothing closes while the telescope observes.
  fs::remove_all(folder_ / "state");
  const auto tomorrow = std::chrono::system_clock::now() + std::chrono::hours(24);
  const auto day = std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(tomorrow));
  const NightDate future{int(day.year()), int(unsigned(day.month())), int(unsigned(day.day()))};
  EXPECT_FALSE(may_close_by_itself({}, future, true));
  EXPECT_TRUE(may_close_by_itself({}, {2022, 12, 15}, false));
}

TEST_F(ClosingTest, ChainsSealsAndFindsWhatWasTamperedWith) {
  write(folder_ / "key.pem", private_key);
  configure("closing:\n  auto: false\n  key: key.pem\n");
  ASSERT_EQ(run(), 0);
  ASSERT_EQ(close(), 0) << out_.str();
  ASSERT_EQ(close({.reopen = true, .author = "crew", .reason = "late data"}), 0);
  EXPECT_FALSE(fs::exists(finished())) << "LSTOSA must not take it for closed";
  EXPECT_FALSE(closing());
  ASSERT_EQ(close(), 0);
  ASSERT_EQ(seals().size(), 2u) << "the old seal is kept";
  const Seal second = parse_seal(read_text_file(seals()[1]), seals()[1]);
  ASSERT_TRUE(second.previous && second.replaces);
  EXPECT_EQ(second.previous->sha256, hash_file(seals()[0]));
  EXPECT_EQ(second.replaces->number, 1);
  EXPECT_TRUE(check(seals()[0]).holds());
  EXPECT_TRUE(check(seals()[1]).holds());
  EXPECT_EQ(check(seals()[1]).signed_with.size(), 64u);

  write(product("dl2", 102, 1), "forged");
  const SealCheck altered = check(seals()[1]);
  ASSERT_EQ(altered.faults.size(), 1u);
  EXPECT_EQ(altered.faults[0].where, "DL2/20221215/test_v00/dl2_LST-1.Run00102.0001.h5");

  // A seal that says what was forged does not have the signature, nor the place in the chain.
  std::string forged = read_text_file(seals()[0]);
  forged.replace(forged.find(hash_file(product("dl1", 101, 0))), 4, "0000");
  write(seals()[0], forged);
  EXPECT_FALSE(check(seals()[0]).holds());
  const SealCheck chain = check(seals()[1]);
  EXPECT_EQ(chain.faults.front().problem, "altered: the seal after it names another content");
}

TEST_F(ClosingTest, TakesNoOtherKey) {
  write(folder_ / "key.pem", private_key);
  configure("closing:\n  auto: false\n  key: key.pem\n");
  EXPECT_EQ(run(), 0);
  ASSERT_EQ(close(), 0) << out_.str();
  const std::string other =
      "-----BEGIN PUBLIC KEY-----\n"
      "MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n"
      "-----END PUBLIC KEY-----\n";
  const SealCheck found = check(seals()[0], other);
  ASSERT_EQ(found.faults.size(), 1u);
  EXPECT_NE(found.faults[0].problem.find("signed with another key"), std::string::npos);
  fs::remove(signature_file(seals()[0]));
  EXPECT_FALSE(check(seals()[0]).holds());
  configure("closing:\n  auto: false\n  key: absent.pem\n");
  ASSERT_EQ(close({.reopen = true, .reason = "again"}), 0);
  EXPECT_THROW(close(), Error);
  EXPECT_TRUE(closing()->under_way());
}

/// Stops the process when the seal is made: before its name, or after.
struct Killer : StageObserver {
  explicit Killer(bool before_publishing) : before(before_publishing) {}
  void started(const ActivityNote&) override {}
  void used(const ActivityNote&, const FileNote&) override {}
  void generated(const ActivityNote&, const FileNote&) override {
    if (before) ::raise(SIGKILL);
  }
  void finished(const ActivityNote&, const OutcomeNote&) override { ::raise(SIGKILL); }
  bool before;
};

TEST_F(ClosingTest, GoesOnAfterAnInterruption) {
  ASSERT_EQ(run(), 0);
  for (const bool before : {true, false}) {
    const pid_t child = ::fork();
    if (child == 0) {
      services_.recorder = [&](const fs::path&, const fs::path&, const fs::path&) {
        return std::make_unique<Killer>(before);
      };
      ::_exit(close());
    }
    EXPECT_EQ(wait_exit(child), 128 + SIGKILL);
    EXPECT_EQ(seals().size(), before ? 0u : 1u);
    ASSERT_TRUE(closing());
    EXPECT_TRUE(closing()->under_way());
    EXPECT_FALSE(fs::exists(finished()));
  }
  // Killed once more, between the record of the seal and the flags.
  write(folder_ / "OSA", "in the way");
  EXPECT_THROW(close(), Error);
  EXPECT_EQ(closing()->seal_number, 1);
  fs::remove(folder_ / "OSA");
  EXPECT_EQ(run(), 0) << out_.str();
  EXPECT_TRUE(closing()->closed()) << "the next pass ends it";
  EXPECT_EQ(seals().size(), 1u) << "the seal that was made is taken over";
  EXPECT_EQ(closing()->seal_sha256, hash_file(seals()[0]));
  EXPECT_TRUE(fs::exists(finished()));
  EXPECT_TRUE(check(seals()[0]).holds());
}

TEST_F(ClosingTest, KeepsTheFlagsThatLSTOSALooksFor) {
  const fs::path working = folder_ / "running_analysis/20221215/test_v00";
  write(working / "sequence_LST1_00102.closed", "by another");
  ASSERT_EQ(run(), 0);
  ASSERT_EQ(close(), 0);
  EXPECT_NE(out_.str().find("sequence_LST1_00102.closed is not ours"), std::string::npos);
  EXPECT_TRUE(fs::exists(working / "sequence_LST1_00101.closed"));
  const fs::path link = working / "dl2_LST-1.Run00101.0001.h5";
  ASSERT_TRUE(fs::is_symlink(link));
  EXPECT_TRUE(fs::read_symlink(link).is_relative());
  EXPECT_TRUE(fs::equivalent(link, product("dl2", 101, 1)));
  ASSERT_EQ(close({.reopen = true, .reason = "again"}), 0);
  EXPECT_FALSE(fs::exists(working / "sequence_LST1_00101.closed"));
  EXPECT_EQ(read_text_file(working / "sequence_LST1_00102.closed"), "by another");
}

TEST_F(ClosingTest, TellsAlteredProductsByTheirContent) {
  ASSERT_EQ(run(), 0);
  const fs::path altered = product("dl1", 101, 0);
  const auto time = fs::last_write_time(altered);
  std::string content = read_text_file(altered);
  content[0] ^= 1;
  std::ofstream(altered) << content;
  fs::last_write_time(altered, time);
  EXPECT_EQ(close({.verify_content = true}), 7);
  EXPECT_NE(
      out_.str().find("dl1_LST-1.Run00101.0000.h5 of r0_to_dl1 00101.0000 is not as recorded"),
      std::string::npos)
      << out_.str();
}

}  // namespace
}  // namespace alisio::night
