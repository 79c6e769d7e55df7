#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "lib/night/decision.hpp"
#include "prov/definition.hpp"

/// Decisions of operators in the journal of notes of their night, so that they outlive the state:
/// records {"decision_id", "decision", "telescope", "observation_date", "prod_id", "run", "subrun",
/// "stage", "reason", "author", "time"}, and of one that has ended "ended_at", "ended_by",
/// "ended_why" besides.
namespace alisio::night {

/// Append a decision, or its end, to the journal of notes of a night.
/// @param products root of the tree
/// @throws Error(resource) if it cannot be written.
void append_decision(const std::filesystem::path& products, const NightKey& night,
                     const Decision& decision, const prov::LoggerConfiguration& logger);

/// Return the decision that a record of a journal tells, and the night it is about; nothing if the
/// record is about something else, or of a later program.
[[nodiscard]] std::optional<std::pair<NightKey, Decision>> parse_decision(
    const nlohmann::json& record);

/// Put a decision among others: in the place of what was told of it before it ended.
void add_decision(std::vector<Decision>& decisions, const Decision& decision);

/// Return the decisions about a night that its journal of notes tells, those that ended too.
/// @param products root of the tree
[[nodiscard]] std::vector<Decision> read_decisions(const std::filesystem::path& products,
                                                   const NightKey& night,
                                                   const prov::LoggerConfiguration& logger);

/// Put decisions that journals tell into the state: those that it lacks, and the ends of those that
/// stand there still. @return how many it lacked.
int restore_decisions(State& state, const NightKey& night, const std::vector<Decision>& decisions);

}  // namespace alisio::night
