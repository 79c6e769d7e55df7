#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lib/io/zfits/buffer.hpp"

/// The transforms that undo what a zfits writer did to a column. All check every read against the
/// end of their input and throw Damage, never read or write outside.
namespace alisio::zfits {

/// The ids that block headers use.
enum class Process : std::uint16_t {
  raw = 0x00,
  smoothing = 0x01,
  huffman16 = 0x02,
  diff = 0x03,
  double_diff = 0x04,
  split16 = 0x05,
  zlib = 0x07,
  lzo = 0x09,
  rice = 0x0a,
  halfman16 = 0x0c,
  split32 = 0x0e,
  offset128 = 0x10,
  same_values = 0x11,
  lossy_floats = 0x12,
  sparse_values = 0x13,
  lossy_int16 = 0x15,
  lossy_int32 = 0x16,
  zstd = 0x17
};

/// Return a process's name as the enumerator spells it, or its number if it has none.
[[nodiscard]] std::string process_name(std::uint16_t id);

/// Damaged input of one codec: what is wrong, and at which byte of that codec's input.
struct Damage {
  std::string what;
  std::size_t at = 0;
};

/// A table of Huffman codes for 16-bit symbols, ready for decoding; reusable.
class HuffmanTable {
 public:
  /// Look-up width: codes of LST waveforms are 5 to 7 bits long, so that mostly two symbols fit
  /// into one look-up, while the tables leave room in a first-level cache of 32 KiB.
  static constexpr unsigned lookup_bits = 12;
  /// Width of the second look-up, for the rare longer codes.
  static constexpr unsigned long_bits = 10;

  /// Build from `count` code entries (symbol, number of bits, code bits) at the start of `bytes`.
  /// @return the bytes that the entries take. @throws Damage.
  std::size_t build(std::span<const std::byte> bytes, std::uint64_t count);

  /// What the next lookup_bits bits of a stream begin with. `lengths` holds the number of bits of
  /// one or two whole codes (bits 0-4) and how many these are (bits 6-7), `symbols` their symbols,
  /// the first in the lower half. Where `lengths` is 0 no code is that short, and `symbols` says
  /// where in long_lookup() the entries for the next long_bits bits start.
  struct Lookup {
    std::array<std::uint32_t, std::size_t{1} << lookup_bits> symbols;
    std::array<std::uint8_t, std::size_t{1} << lookup_bits> lengths;
  };
  [[nodiscard]] const Lookup& lookup() const noexcept { return lookup_; }
  /// The second look-up: a symbol (16 bits) and its length in bits; the length is 0 for yet longer
  /// codes and for none.
  [[nodiscard]] const std::uint32_t* long_lookup() const noexcept { return long_.data(); }

  struct Symbol {
    std::uint16_t value = 0;
    unsigned bits = 0;  ///< 0: no code starts here or the stream ends within one.
  };
  /// Decode one symbol of any length at a bit position of a stream; `end` is its length in bits.
  [[nodiscard]] Symbol step(const std::byte* stream, std::size_t position, std::size_t end) const;

 private:
  struct Node {
    std::int32_t child[2] = {-1, -1};
    std::int32_t symbol = -1;
  };
  /// Take a code; false if it begins another or another begins it. `pattern` are its first bits.
  bool add_short(std::uint16_t symbol, unsigned length, std::size_t pattern);
  bool add_long(std::uint16_t symbol, unsigned length, std::size_t pattern, const std::byte* bits);
  bool add_to_tree(std::uint16_t symbol, unsigned length, const std::byte* bits);
  void join_codes();
  [[nodiscard]] Symbol step_in_tree(const std::byte* stream, std::size_t position,
                                    std::size_t end) const;

  Lookup lookup_;
  std::vector<std::uint32_t> single_;      ///< A symbol and its length by pattern, or 0.
  std::vector<std::uint32_t> long_start_;  ///< Where in long_ a pattern goes on, or 0.
  std::vector<std::uint32_t> long_;
  std::vector<Node> nodes_;  ///< Of the codes that are longer than both look-ups.
};

/// What decoding a Huffman stream needs; kept from call to call.
struct HuffmanWorkspace {
  HuffmanTable table;
  std::vector<std::uint16_t> words;  ///< Decoded words on their way to the output.
};

/// Undo huffman16 (and, in the same pass, smoothing): the payload of process 2 with its length
/// word.
void undo_huffman16(std::span<const std::byte> in, bool smoothing, std::size_t limit, Buffer& out,
                    HuffmanWorkspace& work);
/// Undo halfman16: two huffman16 payloads.
void undo_halfman16(std::span<const std::byte> in, std::size_t limit, Buffer& out, Buffer& scratch,
                    HuffmanWorkspace& work);

/// Undo smoothing: a[j] += (a[j-1] + a[j-2]) / 2 on 16-bit words, the quotient truncated to zero.
/// Works in place.
void undo_smoothing(std::uint16_t* words, std::size_t count);
/// The same word by word: the definition, against which the fast one is tested.
void undo_smoothing_scalar(std::uint16_t* words, std::size_t count);
/// Undo smoothing from one buffer to another. `out[-1]` and `out[-2]` must be the words before.
/// @param more_follow  words at the end, fewer than most_left_to_smooth, may be left to be done
/// with those that follow
/// @return how many words were done.
std::size_t undo_smoothing(const std::uint16_t* in, std::uint16_t* out, std::size_t count,
                           bool more_follow);
inline constexpr std::size_t most_left_to_smooth = 1152;

void undo_diff(Buffer& data);
void undo_offset128(Buffer& data);
void undo_split16(std::span<const std::byte> in, Buffer& out);
void undo_split32(std::span<const std::byte> in, Buffer& out);

/// Decompressors. `expected` is a guess of the output size, `limit` an upper bound for it.
void undo_lzo(std::span<const std::byte> in, std::size_t expected, std::size_t limit, Buffer& out);
void undo_rice(std::span<const std::byte> in, std::size_t limit, Buffer& out);
void undo_same_values(std::span<const std::byte> in, std::size_t limit, Buffer& out);
void undo_sparse_values(std::span<const std::byte> in, std::size_t limit, Buffer& out);
/// Rows of (int32 bytes, int32 hundredths...) become rows of (int32 bytes, float32...).
void undo_lossy_floats(std::span<const std::byte> in, std::size_t rows, Buffer& out);

/// zlib and zstd with their contexts kept from call to call.
class Inflater {
 public:
  Inflater();
  ~Inflater();
  void undo_zlib(std::span<const std::byte> in, std::size_t expected, std::size_t limit,
                 Buffer& out);
  void undo_zstd(std::span<const std::byte> in, std::size_t expected, std::size_t limit,
                 Buffer& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace alisio::zfits
