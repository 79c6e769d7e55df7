#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "reco/dl3/events.hpp"

namespace alisio::dl3 {

/// Values of a column with which an event is kept, both ends included. NaN is never inside.
struct EventRange {
  std::string column;
  double low = 0, high = 0;  ///< in the unit of the column; may be infinite
};

/// Which events of a DL2 table an analysis takes, whatever their gammaness and direction.
struct EventRanges {
  std::vector<EventRange> ranges;   ///< all of them must hold
  std::vector<std::string> finite;  ///< columns that must be finite, where the table has them
};

/// Return the defaults of lstchain 0.12's EventSelector: r within 1 m, wl within [0.01, 1],
/// leakage_intensity_width_2 within [0, 1], event_type 32 (showers); finite intensity, length and
/// width.
[[nodiscard]] EventRanges standard_event_ranges();

/// Return the columns that the ranges need, then those of `finite`, each once.
[[nodiscard]] std::vector<std::string> columns_of(const EventRanges& selection);

/// Return the numbers of the rows that are kept, ascending, with the meaning of lstchain 0.12's
/// EventSelector (filter_events): every range is inclusive, infinity is not finite.
/// @throws Error(bad_input) if the table lacks the column of a range.
[[nodiscard]] std::vector<std::size_t> rows_inside(const Events& events,
                                                   const EventRanges& selection);

}  // namespace alisio::dl3
