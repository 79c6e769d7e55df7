#include "lib/night/agenda.hpp"

#include <gtest/gtest.h>

namespace alisio::night {
namespace {

std::size_t add(NightPlan& plan, JobKey key, StepStatus status, std::vector<std::size_t> needs) {
  const std::size_t position = plan.jobs.size();
  PlannedJob planned;
  planned.job.key = std::move(key);
  planned.step.status = status;
  for (const std::size_t need : needs) plan.jobs[need].serves.push_back(position);
  planned.needs = std::move(needs);
  plan.jobs.push_back(std::move(planned));
  return position;
}

TEST(Agenda, JobsStartWhenTheirInputsAreSettled) {
  NightPlan plan;
  const std::size_t dl1 = add(plan, {"dl1ab", 101, 0}, StepStatus::to_run, {});
  const std::size_t dl2 = add(plan, {"dl1_to_dl2", 101, 0}, StepStatus::to_run, {dl1});
  const std::size_t report = add(plan, {"night_report"}, StepStatus::to_run, {});
  plan.jobs[report].job.last = true;
  Agenda agenda(plan);
  EXPECT_EQ(agenda.ready(plan), std::vector<std::size_t>{dl1});
  EXPECT_EQ(agenda.to_start(), 3);
  EXPECT_TRUE(agenda.is_open(101));
  EXPECT_FALSE(agenda.is_open(102));

  plan.jobs[dl1].step.status = StepStatus::running;
  agenda.update(plan, {dl1, dl2});
  EXPECT_TRUE(agenda.ready(plan).empty());

  plan.jobs[dl1].step.status = StepStatus::done;
  agenda.update(plan, {dl1, dl2});
  EXPECT_EQ(agenda.ready(plan), std::vector<std::size_t>{dl2});

  plan.jobs[dl2].step.status = StepStatus::failed;
  agenda.update(plan, {dl2});
  EXPECT_EQ(agenda.ready(plan), std::vector<std::size_t>{report}) << "none other is left to run";
  EXPECT_FALSE(agenda.is_open(101));
}

TEST(Agenda, WhatWaitsForJobsUnderWayMayQueueBehindThem) {
  NightPlan plan;
  const std::size_t dl1 = add(plan, {"dl1ab", 101, 0}, StepStatus::running, {});
  const std::size_t dl2 = add(plan, {"dl1_to_dl2", 101, 0}, StepStatus::to_run, {dl1});
  const std::size_t merged = add(plan, {"merge_dl2", 101}, StepStatus::to_run, {dl2});
  const std::size_t tailcuts = add(plan, {"find_tailcuts", 101}, StepStatus::queued, {});
  const std::size_t other = add(plan, {"dl1ab", 101, 1}, StepStatus::to_run, {tailcuts});
  const std::size_t gated = add(plan, {"dl1_to_dl2", 101, 1}, StepStatus::to_run, {dl1});
  plan.jobs[gated].job.gate = {"dl1_datacheck", "check.h5"};
  Agenda agenda(plan);
  EXPECT_TRUE(agenda.ready(plan).empty());
  EXPECT_EQ(agenda.ready(plan, true), std::vector<std::size_t>{dl2})
      << "not behind what decides how it is made, nor behind what may forbid it";
  plan.jobs[dl2].step.status = StepStatus::queued;
  agenda.update(plan, {dl2, merged});
  EXPECT_EQ(agenda.ready(plan, true), std::vector<std::size_t>{merged});
  plan.jobs[dl1].step.status = StepStatus::failed;
  plan.jobs[dl2].step.status = StepStatus::blocked;
  agenda.update(plan, {dl1, dl2, merged, other});
  EXPECT_EQ(agenda.ready(plan, true), std::vector<std::size_t>{merged}) << "ready as it is";
}

TEST(Agenda, NothingStartsBeforeTheRunSummary) {
  NightPlan plan;
  const std::size_t summary = add(plan, {"run_summary"}, StepStatus::to_run, {});
  const std::size_t dl1 = add(plan, {"r0_to_dl1", 101, 0}, StepStatus::to_run, {});
  Agenda agenda(plan);
  EXPECT_EQ(agenda.ready(plan), std::vector<std::size_t>{summary});
  plan.jobs[summary].step.status = StepStatus::running;
  agenda.update(plan, {summary});
  EXPECT_TRUE(agenda.ready(plan).empty());
  plan.jobs[summary].step.status = StepStatus::done;
  agenda.update(plan, {summary});
  EXPECT_EQ(agenda.ready(plan), std::vector<std::size_t>{dl1});
}

}  // namespace
}  // namespace alisio::night
