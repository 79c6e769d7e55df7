#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

namespace alisio::fits {

/// What one pass over a FITS file tells.
struct FitsHash {
  std::string sha256;  ///< Of the whole file, lower-case hexadecimal.
  /// True if at least one DATASUM was compared and all agreed; empty if no HDU carries one.
  std::optional<bool> datasum_verified;
};

/// Hash a FITS file and compare each HDU with its DATASUM and CHECKSUM cards (FITS Standard 4.0,
/// appendix J), reading every byte once.
/// @throws Error(missing_input) if the file cannot be opened, Error(bad_input) if it is no FITS
/// file, is cut short, or the bytes of an HDU do not match its cards.
[[nodiscard]] FitsHash hash_fits_file(const std::filesystem::path& path);

/// The 32-bit ones' complement sum of FITS checksums. `bytes` must hold a multiple of 4 bytes.
/// @param sum the sum so far, 0 at the start.
[[nodiscard]] std::uint32_t add_to_checksum(std::uint32_t sum, std::span<const std::byte> bytes);

/// The same over bytes that arrive in pieces of any size; the end counts as padded with zeros.
class RunningChecksum {
 public:
  void add(std::span<const std::byte> bytes);
  [[nodiscard]] std::uint32_t value() const;

 private:
  std::uint32_t sum_ = 0;
  std::array<std::byte, 4> held_{};
  std::size_t held_count_ = 0;
};

/// Return the 16 characters of a CHECKSUM card that make a whole HDU sum to zero (all ones).
/// @param sum  the sum of the HDU while its CHECKSUM card holds sixteen '0'.
[[nodiscard]] std::string encode_checksum(std::uint32_t sum);

}  // namespace alisio::fits
