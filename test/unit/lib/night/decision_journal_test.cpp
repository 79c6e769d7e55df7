// Decisions outlive the state: in the journal of notes of their night.
#include "lib/night/decision_journal.hpp"

#include "prov/invalidation.hpp"
#include "prov/records.hpp"
#include "test/unit/lib/night/night_fixture.hpp"

namespace alisio::night {
namespace {

class DecisionJournalTest : public NightTest {
 protected:
  NightKey key() const { return {1, options_.date, "test_v00"}; }
  static Decision veto() {
    Decision decision;
    decision.kind = DecisionKind::veto;
    decision.run = 101;
    decision.subrun = 1;
    decision.reason = "the \"lamp\" was on";
    decision.author = "crew";
    decision.at = "2022-12-16T08:00:00.000000Z";
    return decision;
  }
  std::vector<Decision> told() {
    const fs::path notes = folder_ / "DL1/20221215/test_v00/log/journal" / prov::notes_journal_name;
    const prov::Journals journals = prov::read_journals({notes}, {});
    std::vector<Decision> decisions;
    for (const prov::Line& line : journals.lines)
      if (const auto decided = parse_decision(line.record)) {
        EXPECT_EQ(decided->first.date, key().date);
        EXPECT_EQ(decided->first.prod_id, key().prod_id);
        add_decision(decisions, decided->second);
      }
    return decisions;
  }
};

TEST_F(DecisionJournalTest, ADecisionAndItsEndAreToldAsTheyWere) {
  Decision decision = veto();
  append_decision(folder_, key(), decision, {});
  ASSERT_EQ(told().size(), 1U);
  EXPECT_EQ(told()[0], decision);
  decision.ended_at = "2022-12-16T09:00:00.000000Z";
  decision.ended_by = "expert";
  decision.ended_why = "it was not";
  append_decision(folder_, key(), decision, {});
  append_decision(folder_, key(), decision, {});
  ASSERT_EQ(told().size(), 1U) << "told twice, it is one";
  EXPECT_EQ(told()[0], decision);
  Decision again = veto();
  again.at = "2022-12-16T10:00:00.000000Z";
  append_decision(folder_, key(), again, {});
  EXPECT_EQ(told().size(), 2U);
}

TEST_F(DecisionJournalTest, TheStateGetsWhatItLacks) {
  State state = State::open(folder_ / "state");
  Decision kept = veto();
  kept.kind = DecisionKind::hold;
  record_decision(state, key(), kept);
  Decision ended = veto();
  ended.ended_at = "2022-12-16T09:00:00.000000Z";
  ended.ended_by = "expert";
  Decision now_ended = kept;
  now_ended.ended_at = ended.ended_at;
  for (int twice = 0; twice < 2; ++twice) {
    restore_decisions(state, key(), {kept, ended});
    EXPECT_EQ(all_decisions(state, key()).size(), 2U);
    ASSERT_EQ(standing_decisions(state, key()).size(), 1U);
    EXPECT_EQ(standing_decisions(state, key())[0].kind, DecisionKind::hold);
    EXPECT_EQ(all_decisions(state, key())[1].ended_by, "expert");
  }
  restore_decisions(state, key(), {now_ended});
  EXPECT_TRUE(standing_decisions(state, key()).empty());
}

TEST_F(DecisionJournalTest, WhatIsNoDecisionIsPassedOver) {
  EXPECT_FALSE(parse_decision(nlohmann::json::array()));
  EXPECT_FALSE(parse_decision({{"note_id", "1"}}));
  const nlohmann::json later{{"decision_id", "1"},
                             {"decision", "postpone"},
                             {"telescope", "LST-1"},
                             {"observation_date", "20221215"},
                             {"prod_id", "v1"}};
  EXPECT_FALSE(parse_decision(later)) << "of a later program";
  nlohmann::json odd = later;
  odd["decision"] = "veto";
  odd["run"] = "one";
  ASSERT_TRUE(parse_decision(odd));
  EXPECT_EQ(parse_decision(odd)->second.run, whole_night);
}

TEST_F(DecisionJournalTest, DocumentsThatTellAllAreNotMergedAgain) {
  services_.merge = [this](const MergeJob& job) {
    merges_.push_back(job);
    const fs::path document =
        job.output_folder / (job.run == whole_night
                                 ? "night_" + job.date.compact() + "_prov.json"
                                 : fmt::format("{}_{:05}_prov.json", job.stage, job.run));
    std::string activities;
    State state = State::open(folder_ / "state");
    for (const auto& [key, record] : state.snapshot(this->key()).jobs)
      activities += record.activity_id + '\n';
    write(document, "{}");
    write(fs::path(document).replace_extension(".log"), activities);
  };
  run();
  const std::size_t merges = merges_.size();
  ASSERT_GT(merges, 4U);
  State state = State::open(folder_ / "state");
  const auto configuration = config::Configuration::load({options_.config_file});
  state.database().run("DELETE FROM merge");
  take_over_documents(options_, configuration, services_, state);
  run();
  EXPECT_EQ(merges_.size(), merges);
  // A document that lacks an activity is made again.
  state.database().run("DELETE FROM merge");
  write(folder_ / "DL1/20221215/test_v00/log/r0_to_dl1_00101_prov.log", "");
  take_over_documents(options_, configuration, services_, state);
  run();
  EXPECT_EQ(merges_.size(), merges + 2) << "of the run, and of the night";
}

}  // namespace
}  // namespace alisio::night
