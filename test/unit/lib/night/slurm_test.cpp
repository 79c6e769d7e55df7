#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "lib/base/error.hpp"
#include "lib/night/slurm_client.hpp"
#include "lib/night/slurm_task.hpp"

namespace alisio::night {
namespace {

namespace fs = std::filesystem;

class SlurmTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              fmt::format("alisio_slurm_{}_{}", ::getpid(),
                          testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// A stand-in for one of Slurm's programs.
  void program(const std::string& name, const std::string& script) const {
    std::ofstream(folder_ / name) << "#!/bin/sh\n" << script << '\n';
    fs::permissions(folder_ / name, fs::perms::owner_all);
  }
  SlurmClient client() const { return SlurmClient({.programs = folder_}); }

  /// A task file whose tasks run shell scripts, one process each.
  fs::path tasks(const std::vector<std::vector<std::string>>& scripts) const {
    TaskFile file{.program = "/bin/sh", .submission = {.name = "test"}, .tasks = {}};
    for (const auto& task : scripts) {
      file.tasks.emplace_back();
      for (const std::string& script : task) {
        JobRequest request;
        request.jobs = {{"r0_to_dl1", 101, 0}};
        request.arguments = {"-c", script};
        request.report_file = folder_ / "report.json";
        request.log_file = folder_ / "log";
        file.tasks.back().push_back(std::move(request));
      }
    }
    write_task_file(folder_ / "tasks.json", file);
    return folder_ / "tasks.json";
  }

  fs::path folder_;
};

TEST_F(SlurmTest, ATaskRunsItsProcessesAndTellsHowTheyEnded) {
  const fs::path file = tasks({{"exit 0"}, {"echo first; exit 0", "kill -9 $$", "exit 5"}});
  EXPECT_EQ(run_task(file, 0, "12_0"), 0);
  EXPECT_EQ(run_task(file, 1, "12_1"), 1);
  const auto journal = read_task_journal(journal_of_task(file, 1));
  ASSERT_TRUE(journal);
  EXPECT_EQ(journal->job, "12_1");
  ASSERT_EQ(journal->steps.size(), 3u) << "one that fails does not stop those behind it";
  EXPECT_EQ(journal->steps[0].end->exit_code, 0);
  EXPECT_EQ(journal->steps[1].end->signal, 9);
  EXPECT_EQ(journal->steps[2].end->exit_code, 5);
  EXPECT_GT(journal->steps[0].end->max_rss_bytes, 0u);
}

TEST_F(SlurmTest, OfTwoJobsOnlyTheFirstDoesATask) {
  const fs::path file = tasks({{"echo done >> " + (folder_ / "calls").string()}});
  EXPECT_EQ(run_task(file, 0, "12_0"), 0);
  EXPECT_EQ(run_task(file, 0, "13_0"), 0);
  EXPECT_EQ(run_task(file, 0, "12_0"), 0) << "the same job again does only what is left";
  std::ifstream in(folder_ / "calls");
  const std::string calls((std::istreambuf_iterator<char>(in)), {});
  EXPECT_EQ(calls, "done\n");
}

TEST_F(SlurmTest, ATaskThatWasTakenBackIsLeftAlone) {
  const fs::path file = tasks({{"echo done >> " + (folder_ / "calls").string()}, {"exit 0"}});
  EXPECT_TRUE(withdraw_task(file, 0));
  EXPECT_EQ(run_task(file, 0, "12_0"), 1) << "what waits for it must not begin";
  EXPECT_FALSE(fs::exists(folder_ / "calls"));
  EXPECT_TRUE(withdraw_task(file, 0)) << "it is so already";
  EXPECT_EQ(run_task(file, 1, "12_1"), 0);
  EXPECT_FALSE(withdraw_task(file, 1)) << "that one has begun";
}

TEST_F(SlurmTest, AJournalThatIsBeingWrittenIsReadAsFarAsItGoes) {
  std::ofstream(folder_ / "journal") << "{\"job\":\"12_0\",\"host\":\"cp15\"}\n{\"step\":0}\n{\"st";
  const auto journal = read_task_journal(folder_ / "journal");
  ASSERT_TRUE(journal);
  EXPECT_EQ(journal->host, "cp15");
  ASSERT_EQ(journal->steps.size(), 1u);
  EXPECT_TRUE(journal->steps[0].begun);
  EXPECT_FALSE(journal->steps[0].end);
  EXPECT_FALSE(read_task_journal(folder_ / "nothing"));
}

TEST_F(SlurmTest, WordsReachTheProgramAsTheyAre) {
  const fs::path file = tasks({{"exit 0"}});
  EXPECT_THROW(static_cast<void>(run_task(file, 3, "12_3")), Error);
  std::ofstream(folder_ / "broken.json") << "{";
  EXPECT_THROW(static_cast<void>(read_task_file(folder_ / "broken.json")), Error);
  program("sbatch", "for word in \"$@\"; do echo \"$word\"; done > " +
                        (folder_ / "words").string() + "; echo '12;cluster'");
  SlurmSubmission asked{.name = "name",
                        .comment = "a 'night'; $(touch x)",
                        .command = {"run-task.sh", "a b"},
                        .log_folder = folder_,
                        .indices = {0, 1, 2},
                        .processors = 2,
                        .memory_bytes = 1'500'000'001,
                        .time_s = 61};
  const SubmissionAnswer answer = client().submit(asked);
  EXPECT_EQ(answer.end, SubmissionEnd::accepted);
  EXPECT_EQ(answer.job, "12");
  std::ifstream in(folder_ / "words");
  const std::string words((std::istreambuf_iterator<char>(in)), {});
  for (const char* word : {"--array=0-2\n", "--mem=1501M\n", "--time=2\n", "--no-requeue\n",
                           "--comment=a 'night'; $(touch x)\n", "run-task.sh\na b\n"})
    EXPECT_NE(words.find(word), std::string::npos) << word << " in " << words;
}

TEST_F(SlurmTest, AnswersThatAreNoneAreToldApart) {
  const auto end_for = [&](const std::string& said) {
    program("sbatch", "echo '" + said + "' >&2; exit 1");
    return client().submit({.name = "x", .log_folder = folder_}).end;
  };
  EXPECT_EQ(end_for("sbatch: error: Batch job submission failed: Socket timed out on send/recv"),
            SubmissionEnd::unknown);
  EXPECT_EQ(end_for("sbatch: error: Unable to contact slurm controller (connect failure)"),
            SubmissionEnd::unknown);
  EXPECT_EQ(end_for("sbatch: error: Requested node configuration is not available"),
            SubmissionEnd::refused);
  EXPECT_EQ(end_for("sbatch: error: Job violates accounting/QOS policy"), SubmissionEnd::not_now);
  program("sbatch", "echo 'garbage 12345'");
  EXPECT_EQ(client().submit({.name = "x", .log_folder = folder_}).end, SubmissionEnd::unknown);
  fs::remove(folder_ / "sbatch");
  EXPECT_EQ(client().submit({.name = "x", .log_folder = folder_}).end, SubmissionEnd::not_now);
}

TEST_F(SlurmTest, WhatWaitsSaysForWhat) {
  program("sbatch", "echo \"$@\" > " + (folder_ / "words").string() + "; echo 14");
  const SlurmSubmission asked{
      .name = "x", .log_folder = folder_, .indices = {3, 5, 6}, .dependency = "aftercorr:12"};
  EXPECT_EQ(client().submit(asked).job, "14");
  std::ifstream in(folder_ / "words");
  const std::string words((std::istreambuf_iterator<char>(in)), {});
  for (const char* word :
       {"--array=3,5-6 ", "--dependency=aftercorr:12 ", "--kill-on-invalid-dep=yes"})
    EXPECT_NE(words.find(word), std::string::npos) << word << " in " << words;
  program("sbatch", "echo 'Batch job submission failed: Job dependency problem' >&2; exit 1");
  EXPECT_EQ(client().submit(asked).end, SubmissionEnd::too_late);
}

TEST_F(SlurmTest, WhoseMakerFailedIsToldFromWhomSomebodyCancels) {
  program("squeue",
          "echo '12|0|CANCELLED|DependencyNeverSatisfied|1795910519|a';"
          "echo '12|1|CANCELLED|None|1795910519|a'");
  const auto queue = client().queue();
  ASSERT_TRUE(queue);
  EXPECT_EQ(queue->tasks.at("12_0").state, SlurmState::displaced);
  EXPECT_EQ(queue->tasks.at("12_1").state, SlurmState::cancelled);
  program("sacct",
          "echo '4_[0-1,7%2]|CANCELLED|1795910519|Dependency';"
          "echo '4_3|CANCELLED by 1000|1795910519|Dependency';"
          "echo '4_4|COMPLETED|1795910519|Dependency'");
  const auto tasks = client().accounting({"4"});
  ASSERT_EQ(tasks.size(), 5u);
  for (const char* element : {"4_0", "4_1", "4_7"})
    EXPECT_EQ(tasks.at(element).state, SlurmState::displaced) << element;
  EXPECT_EQ(tasks.at("4_3").state, SlurmState::cancelled);
  EXPECT_EQ(tasks.at("4_4").state, SlurmState::completed);
}

TEST_F(SlurmTest, TheQueueIsReadAndNoAnswerIsNone) {
  program("squeue",
          "echo '12|0|RUNNING|None|NONE|alisio_a'; echo '12|1|CANCELLED|None|1705388400|"
          "alisio_a'; echo '13|N/A|PENDING|Priority|N/A|other'");
  const auto queue = client().queue();
  ASSERT_TRUE(queue);
  EXPECT_EQ(queue->tasks.at("12_0").state, SlurmState::running);
  EXPECT_EQ(queue->tasks.at("12_1").state, SlurmState::cancelled);
  EXPECT_EQ(queue->job_of_name.at("alisio_a"), "12");
  program("squeue", "echo 'Unable to contact slurm controller' >&2; exit 1");
  EXPECT_FALSE(client().queue());
  program("sacct", "echo '12_1|CANCELLED by 1000|1705388400|None'; echo 'nonsense|PENDING'");
  const auto accounts = client().accounting({"12"});
  ASSERT_EQ(accounts.size(), 1u);
  EXPECT_EQ(accounts.at("12_1").state, SlurmState::cancelled);
  program("scontrol", "echo 'MaxArraySize            = 4001'");
  EXPECT_EQ(client().array_limit(), 4001);
}

TEST(SlurmState, WordsOfSlurmAreKnown) {
  EXPECT_EQ(slurm_state("CANCELLED by 1000"), SlurmState::cancelled);
  EXPECT_EQ(slurm_state("CANCELLED+"), SlurmState::cancelled);
  EXPECT_EQ(slurm_state("OUT_OF_MEMORY"), SlurmState::out_of_memory);
  EXPECT_EQ(slurm_state("NODE_FAIL"), SlurmState::displaced);
  EXPECT_EQ(slurm_state("PREEMPTED"), SlurmState::displaced);
  EXPECT_EQ(slurm_state("COMPLETING"), SlurmState::running);
  EXPECT_EQ(slurm_state("SOMETHING_NEW"), SlurmState::running) << "unknown words end nothing";
}

}  // namespace
}  // namespace alisio::night
