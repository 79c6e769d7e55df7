#pragma once
#include <span>
#include <vector>

namespace alisio {

/// Return the median as numpy.nanmedian does; `values` are destroyed. NaN if all are NaN.
[[nodiscard]] double nan_median(std::span<double> values);

/// Return the value in the middle, of an even number the larger one of the two; NaN for none.
/// @pre no value is NaN
[[nodiscard]] double upper_median(std::vector<double> values);

}  // namespace alisio
