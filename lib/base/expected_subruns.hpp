#pragma once
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace alisio {

/// The subruns that a run should have.
struct ExpectedSubruns {
  int number = 0;               ///< they count from 0; 0: not known, then only gaps are missing
  std::set<int> left_out = {};  ///< vetoed or discarded by operators: nobody misses them

  bool operator==(const ExpectedSubruns&) const = default;
  /// Return those that are neither there nor left out, below `number` or, if that is more, below
  /// the greatest that is there: gaps are lost subruns whatever else is known.
  [[nodiscard]] std::vector<int> missing(const std::set<int>& there) const;
};

/// Return numbers as text, neighbours joined: "0-3, 7". Empty for none.
/// @param text how one of them is written
[[nodiscard]] std::string ranges_of(
    const std::vector<int>& numbers, const std::function<std::string(int)>& text = [](int number) {
      return std::to_string(number);
    });

}  // namespace alisio
