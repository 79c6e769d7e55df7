#include "lib/io/fits/checksum.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <vector>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "lib/io/fits/byte_source.hpp"
#include "lib/io/fits/header.hpp"

namespace alisio::fits {
namespace {

std::uint32_t folded(std::uint64_t sum) {
  while (sum >> 32 != 0) sum = (sum & 0xffffffffU) + (sum >> 32);
  return static_cast<std::uint32_t>(sum);
}

/// For each instruction set: the oldest has none that turns the bytes of several words.
[[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]] std::uint64_t sum_words(
    const std::byte* bytes, std::size_t size) {
  std::uint64_t total = 0;
  // A 64-bit total takes 2^32 words without overflow, more than any call brings.
  for (std::size_t at = 0; at + 4 <= size; at += 4) {
    std::uint32_t word;
    std::memcpy(&word, bytes + at, sizeof word);
    total += __builtin_bswap32(word);
  }
  return total;
}

/// Ones' complement has two zeros.
bool same_sum(std::uint32_t a, std::uint32_t b) {
  return a == b || (a + 1 <= 1 && b + 1 <= 1);
}

std::string place(const ByteSource& source, std::size_t number, const Hdu& hdu) {
  return source.name() + ", HDU " + std::to_string(number) + " (" +
         hdu.header.text("EXTNAME").value_or(number == 0 ? "primary" : "unnamed") + ")";
}

}  // namespace

std::uint32_t add_to_checksum(std::uint32_t sum, std::span<const std::byte> bytes) {
  return folded(sum + sum_words(bytes.data(), bytes.size()));
}

void RunningChecksum::add(std::span<const std::byte> bytes) {
  while (held_count_ > 0) {
    if (bytes.empty()) return;
    held_[held_count_++] = bytes.front();
    bytes = bytes.subspan(1);
    if (held_count_ == held_.size()) {
      sum_ = add_to_checksum(sum_, held_);
      held_count_ = 0;
    }
  }
  const std::size_t whole = bytes.size() / 4 * 4;
  sum_ = add_to_checksum(sum_, bytes.first(whole));
  for (const std::byte byte : bytes.subspan(whole)) held_[held_count_++] = byte;
}

std::uint32_t RunningChecksum::value() const {
  std::array<std::byte, 4> last{};
  for (std::size_t i = 0; i < held_count_; ++i) last[i] = held_[i];
  return add_to_checksum(sum_, last);
}

std::string encode_checksum(std::uint32_t sum) {
  // Each byte of the complement is split into four characters that add up to it, starting from '0';
  // pairs are shifted against each other until no punctuation is left.
  const std::uint32_t value = ~sum;
  std::array<char, 16> text{};
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned byte = value >> (24 - 8 * i) & 0xffU;
    std::array<unsigned, 4> parts;
    parts.fill(byte / 4 + '0');
    parts[0] += byte % 4;
    const auto punctuation = [](unsigned c) {
      return (c > '9' && c < 'A') || (c > 'Z' && c < 'a');
    };
    for (bool again = true; again;) {
      again = false;
      for (std::size_t k = 0; k < 4; k += 2)
        while (punctuation(parts[k]) || punctuation(parts[k + 1])) {
          ++parts[k];
          --parts[k + 1];
          again = true;
        }
    }
    for (std::size_t k = 0; k < 4; ++k) text[4 * k + i] = static_cast<char>(parts[k]);
  }
  // The string starts at column 12 of the card: rotate by one byte to fall on word boundaries.
  std::string rotated(16, '0');
  for (std::size_t i = 0; i < 16; ++i) rotated[(i + 1) % 16] = text[i];
  return rotated;
}

FitsHash hash_fits_file(const std::filesystem::path& path) {
  const auto source = ByteSource::open(path);
  const auto hdus = read_hdus(source);
  // Stays in the cache from the read to the hash to the sum.
  constexpr std::size_t buffer_size = block_size * 64;
  std::vector<std::byte> buffer(buffer_size);
  Hasher hasher;
  FitsHash result;

  std::uint64_t at = 0;
  // Sum over [at, end) of the file and hash it; what the file lacks of the last padding counts as
  // 0.
  const auto pass = [&](std::uint64_t end) {
    std::uint32_t sum = 0;
    while (at < end) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(buffer_size, end - at));
      const auto there =
          at < source.size()
              ? static_cast<std::size_t>(std::min<std::uint64_t>(n, source.size() - at))
              : 0;
      source.read(at, std::span(buffer).first(there));
      hasher.update(std::span<const std::byte>(buffer).first(there));
      std::memset(buffer.data() + there, 0, n - there);
      sum = add_to_checksum(sum, std::span<const std::byte>(buffer).first(n));
      at += n;
    }
    return sum;
  };

  for (std::size_t h = 0; h < hdus.size(); ++h) {
    const Hdu& hdu = hdus[h];
    const std::uint32_t header_sum = pass(hdu.data_offset);
    const std::uint32_t data_sum =
        pass(hdu.data_offset + (hdu.data_size + block_size - 1) / block_size * block_size);
    if (const auto card = hdu.header.text("DATASUM"); card && !card->empty()) {
      // Writers pad the number with blanks on the left.
      const auto first = card->find_first_not_of(' ');
      const std::string_view digits = std::string_view(*card).substr(first);
      std::uint32_t expected = 0;
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), expected);
      if (error != std::errc{} || end != digits.data() + digits.size())
        throw Error(ErrorKind::bad_input, "DATASUM '" + *card + "' is no number",
                    place(source, h, hdu), "the file is damaged: copy it again");
      if (!same_sum(expected, data_sum))
        throw Error(ErrorKind::bad_input, "the payload does not match its DATASUM",
                    place(source, h, hdu), "the file is damaged: copy the file again");
      result.datasum_verified = true;
    }
    if (const auto card = hdu.header.text("CHECKSUM"); card && !card->empty()) {
      if (!same_sum(folded(std::uint64_t{header_sum} + data_sum), 0xffffffffU))
        throw Error(ErrorKind::bad_input, "the header does not match its CHECKSUM",
                    place(source, h, hdu), "the file is damaged: copy the file again");
    }
  }
  pass(source.size());
  result.sha256 = hasher.finish();
  return result;
}

}  // namespace alisio::fits
