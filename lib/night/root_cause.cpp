#include "lib/night/root_cause.hpp"

#include <algorithm>

namespace alisio::night {

bool waits_for_another(const PlannedJob& planned, const NightPlan& plan) {
  return std::any_of(planned.inputs.begin(), planned.inputs.end(), [&](const PortFile& input) {
    const auto maker = plan.makers.find(input.path);
    return maker != plan.makers.end() && !plan.jobs[maker->second].step.done();
  });
}

}  // namespace alisio::night
