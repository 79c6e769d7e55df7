#pragma once
#include <span>

namespace alisio {

/// Return the median as numpy.nanmedian does; `values` are destroyed. NaN if all are NaN.
[[nodiscard]] double nan_median(std::span<double> values);

}  // namespace alisio
