#pragma once
#include <vector>

#include "lib/sky/earth_orientation.hpp"
#include "reco/dl3/observation.hpp"

/// Events of a source-dependent analysis on their way to DL3. Each row is an event as seen from one
/// of the positions that were assumed for its source, and has these columns besides
/// event_list_columns(): `position` (its number), `expected_src_x` and `expected_src_y`
/// (of that position in the camera, m), `alpha` (deg).
namespace alisio::dl3 {

/// Return the names of these columns.
[[nodiscard]] const std::vector<std::string>& assumed_position_columns();

/// Return of each event the row with the greatest gammaness, of equal ones the first, as lstchain
/// 0.12's remove_duplicated_events: an event counts for one position only.
/// @param events rows of one event stand together, those of positions in their order: lstchain has
/// them by name, so that off comes before on
[[nodiscard]] std::vector<std::size_t> rows_without_copies(const Events& events);

/// Return where in the sky the assumed position of a row is.
/// @param focal_length the effective one that the positions were computed with, m. (lstchain takes
/// the nominal 28 m, which sets the source 5 % of its offset from the pointing aside.)
[[nodiscard]] sky::Equatorial assumed_place(const Events& events, std::size_t row,
                                            double focal_length, const sky::Site& site,
                                            const sky::EarthOrientationTable& table);

/// Return the event list of some rows with every event at its assumed position, as lstchain 0.12's
/// fill_reco_altaz_w_expected_pos: the cut in alpha has been applied, so a region on or off holds
/// all the events of its position. The place is that of the position's first event; in the sky it
/// stays while the telescope follows its target. Rows whose energy is not finite are left out.
/// @param selected events after all cuts, @param rows those of them that are wanted, ascending
/// @param focal_length as of assumed_place()
[[nodiscard]] EventList event_list_at_assumed_positions(const Events& selected,
                                                        const std::vector<std::size_t>& rows,
                                                        double focal_length, const sky::Site& site,
                                                        const sky::EarthOrientationTable& table);

}  // namespace alisio::dl3
