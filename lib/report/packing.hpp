#pragma once
#include <span>
#include <string>

namespace alisio::report {

/// Return base64 text of some bytes, with padding (RFC 4648).
[[nodiscard]] std::string base64(std::span<const unsigned char> bytes);

/// Return numbers as text that the page's script unpacks. The first character tells the kind:
/// - 'c': whole numbers below 2^53, none negative, if packing them so is possible: variable-length
///   integers, low 7 bits first; after a zero comes the number of zeros that follow it. Histograms
///   are mostly zeros.
/// - 'd': 8-byte floating point, if `exact`: times.
/// - 'f': 4-byte floating point, which keeps seven digits.
/// All little-endian, then base64.
[[nodiscard]] std::string pack(std::span<const double> values, bool exact = false);

}  // namespace alisio::report
