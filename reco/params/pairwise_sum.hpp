#pragma once
#include <cstddef>

namespace alisio::params {

/// Sum `term(first)` … `term(first + n - 1)` in type T in the order of numpy's add.reduce: eight
/// interleaved partial sums per block of up to 128 terms, blocks joined pairwise. Rounding is then
/// that of the peers, and the error grows with log n only.
template <class T, class Term>
[[nodiscard]] T pairwise_sum(std::size_t first, std::size_t n, const Term& term) {
  constexpr std::size_t lanes = 8, block = 128;
  if (n < lanes) {
    T sum = n == 0 ? T{0} : static_cast<T>(term(first));
    for (std::size_t i = 1; i < n; ++i) sum += static_cast<T>(term(first + i));
    return sum;
  }
  if (n <= block) {
    T part[lanes];
    for (std::size_t k = 0; k < lanes; ++k) part[k] = static_cast<T>(term(first + k));
    std::size_t i = lanes;
    for (; i + lanes <= n; i += lanes) {
      for (std::size_t k = 0; k < lanes; ++k) part[k] += static_cast<T>(term(first + i + k));
    }
    T sum =
        ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
    for (; i < n; ++i) sum += static_cast<T>(term(first + i));
    return sum;
  }
  const std::size_t half = n / 2 - n / 2 % lanes;
  return pairwise_sum<T>(first, half, term) + pairwise_sum<T>(first + half, n - half, term);
}

}  // namespace alisio::params
