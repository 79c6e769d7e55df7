#include "lib/night/holds.hpp"

namespace alisio::night {

std::vector<Trouble> troubles_of_holds(const std::vector<Decision>& decisions) {
  std::vector<Trouble> troubles;
  for (const Decision& decision : decisions) {
    if (decision.kind != DecisionKind::hold) continue;
    Trouble& trouble = troubles.emplace_back();
    trouble.key = {hold_stage, decision.run, decision.subrun};
    trouble.reason = decision.text();
  }
  return troubles;
}

void show_holds(const std::vector<Decision>& decisions, NightSummary& summary) {
  std::erase_if(summary.troubles,
                [](const Trouble& trouble) { return trouble.key.stage == hold_stage; });
  for (Trouble& trouble : troubles_of_holds(decisions))
    summary.troubles.push_back(std::move(trouble));
}

}  // namespace alisio::night
