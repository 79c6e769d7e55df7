#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/io/fits/byte_source.hpp"

namespace alisio::fits {

/// The cards of one header (FITS Standard 4.0, section 4). Of a repeated keyword the first counts.
class Header {
 public:
  /// Keep the card if it is of the form "KEYWORD = value"; ignore comments and the like.
  void add_card(std::string_view card);

  /// Return the value of a character-string card without quotes and trailing blanks.
  [[nodiscard]] std::optional<std::string> text(const std::string& key) const;
  /// Return the value of an integer card; empty if absent or no integer that fits.
  [[nodiscard]] std::optional<std::int64_t> integer(const std::string& key) const;
  /// Return the value of a floating-point or integer card.
  [[nodiscard]] std::optional<double> real(const std::string& key) const;
  /// Return the value of a logical card.
  [[nodiscard]] std::optional<bool> logical(const std::string& key) const;
  [[nodiscard]] bool has(const std::string& key) const { return values_.contains(key); }

 private:
  struct Value {
    std::string text;
    bool quoted = false;
  };
  std::unordered_map<std::string, Value> values_;
};

/// One header-and-data unit and where it lies in the file (bytes).
struct Hdu {
  Header header;
  std::uint64_t header_offset = 0;
  std::uint64_t data_offset = 0;
  std::uint64_t data_size = 0;  ///< Without the padding up to a multiple of 2880.
};

/// Walk over the headers of a FITS file; data units are skipped, not read.
/// @throws Error(bad_input) if it is no FITS file, is cut short or a size card makes no sense.
[[nodiscard]] std::vector<Hdu> read_hdus(const ByteSource& source);

/// FITS headers and data units are padded to a multiple of this many bytes.
inline constexpr std::uint64_t block_size = 2880;

}  // namespace alisio::fits
