#include "lib/base/expected_subruns.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace alisio {

std::vector<int> ExpectedSubruns::missing(const std::set<int>& there) const {
  const int end = std::max(number, there.empty() ? 0 : *there.rbegin() + 1);
  std::vector<int> absent;
  for (int subrun = 0; subrun < end; ++subrun)
    if (!there.contains(subrun) && !left_out.contains(subrun)) absent.push_back(subrun);
  return absent;
}

std::string ranges_of(const std::vector<int>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ", ", numbers[i]);
    if (last > i) text += fmt::format("-{}", numbers[last]);
    i = last + 1;
  }
  return text;
}

}  // namespace alisio
