#pragma once
#include <string>
#include <vector>

#include "lib/io/fits/table_writer.hpp"
#include "reco/dl3/observation.hpp"

namespace alisio::pipeline {

/// What the headers of a DL3 file say besides the observation itself.
struct Dl3Header {
  std::string creator;            ///< "alisio 0.1.0"
  std::string created;            ///< UTC, ISO
  std::vector<fits::Card> facts;  ///< how it was made: at the end of the header of EVENTS
};

/// Return the tables EVENTS, GTI and POINTING of an observation, as GADF 0.3 defines them and
/// lstchain 0.12 fills them. Where the two differ GADF counts: GTI, ONTIME and TELAPSE tell the
/// time with data before cuts, ONTIME is the sum of GTI, DEADC is LIVETIME / ONTIME, and 0 without
/// any. Times are seconds since 2018-10-01 UTC, leap seconds included.
[[nodiscard]] std::vector<fits::BinaryTable> observation_tables(const dl3::Observation& observation,
                                                                const Dl3Header& header);

/// Return seconds since 2018-10-01 UTC, leap seconds included, of a UTC unix time.
[[nodiscard]] double seconds_since_epoch(double time_unix_s);

/// Return "YYYY-MM-DD" and "hh:mm:ss.sss" of a UTC unix time.
struct DateAndTime {
  std::string date, time;
};
[[nodiscard]] DateAndTime date_and_time(double time_unix_s);

/// Return "dl3_LST-1.RunRRRRR.fits", or .fits.gz.
[[nodiscard]] std::string dl3_name(int telescope, int run, fits::Packing packing);

}  // namespace alisio::pipeline
