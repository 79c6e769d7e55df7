#pragma once
#include <optional>
#include <vector>

#include "lib/night/catalogue.hpp"
#include "lib/night/decision.hpp"
#include "lib/night/plan.hpp"
#include "lib/night/table.hpp"

/// Raw files that are expected and have not come, or that cannot be read.
namespace alisio::night {

/// Return the subruns that the run summary expects of a data run and that have neither raw files
/// nor products, ascending. What operators vetoed or discarded is not expected.
[[nodiscard]] std::vector<int> absent_subruns(const RunEntry& entry, const NightPlan& plan,
                                              const std::vector<Decision>& decisions);

/// Return the same as a trouble of the night, which is not complete without them; nothing if there
/// are none.
[[nodiscard]] std::optional<Trouble> trouble_of_absent(const RunEntry& entry, const NightPlan& plan,
                                                       const std::vector<Decision>& decisions);

/// Return the subruns with raw files of a run whose type nobody knows (ERROR), ascending: none of
/// them is processed, though all but one may be whole. What operators vetoed or discarded is left
/// out.
[[nodiscard]] std::vector<int> unreadable_subruns(const RunEntry& entry,
                                                  const std::vector<Decision>& decisions);

/// Return the same as a trouble of the night, with what to do; nothing if there are none.
[[nodiscard]] std::optional<Trouble> trouble_of_unreadable(const RunEntry& entry,
                                                           const std::vector<Decision>& decisions);

}  // namespace alisio::night
