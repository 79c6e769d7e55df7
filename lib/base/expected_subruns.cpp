#include "lib/base/expected_subruns.hpp"

#include <algorithm>

namespace alisio {

std::vector<int> ExpectedSubruns::missing(const std::set<int>& there) const {
  const int end = std::max(number, there.empty() ? 0 : *there.rbegin() + 1);
  std::vector<int> absent;
  for (int subrun = 0; subrun < end; ++subrun)
    if (!there.contains(subrun) && !left_out.contains(subrun)) absent.push_back(subrun);
  return absent;
}

std::string ranges_of(const std::vector<int>& numbers,
                      const std::function<std::string(int)>& text) {
  std::string ranges;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    if (!ranges.empty()) ranges += ", ";
    ranges += text(numbers[i]);
    if (last > i) ranges += '-' + text(numbers[last]);
    i = last + 1;
  }
  return ranges;
}

}  // namespace alisio
