#pragma once
#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace alisio {

/// One subrun of one telescope: about 10 s of data, one file per stream.
struct SubrunId {
  int telescope = 1;
  int run = 0;
  int subrun = 0;
  auto operator<=>(const SubrunId&) const = default;
};

/// Return "RRRRR", the run number as the observatory writes it.
[[nodiscard]] std::string run_text(int run);
/// Return "SSSS", the subrun number as the observatory writes it.
[[nodiscard]] std::string subrun_text(int subrun);
/// Return "RRRRR.SSSS".
[[nodiscard]] std::string run_subrun_text(const SubrunId& id);
/// Return "LST-<telescope>".
[[nodiscard]] std::string telescope_text(int telescope);

/// Refuse what cannot name a production: the name becomes a folder. @throws Error(usage) unless it
/// is_file_name_part() (lib/base/file_name.hpp).
void check_prod_id(std::string_view prod_id);

/// A night, named by the (UTC) date of its evening.
struct NightDate {
  int year = 0, month = 0, day = 0;
  auto operator<=>(const NightDate&) const = default;

  /// Parse YYYYMMDD or YYYY-MM-DD. @throws Error(usage) if it is neither or no calendar date.
  static NightDate parse(std::string_view text);
  /// As parse(), but return nothing for what is no date.
  static std::optional<NightDate> try_parse(std::string_view text);
  /// Return the night that a UTC instant belongs to: nights run from noon to noon.
  static NightDate of_unix_utc(double unix_utc_s);

  [[nodiscard]] std::string compact() const;  ///< YYYYMMDD, as in folder names.
  [[nodiscard]] std::string iso() const;      ///< YYYY-MM-DD.
};

}  // namespace alisio
