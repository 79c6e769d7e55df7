#include "lib/io/zfits/codecs.hpp"

#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

namespace alisio::zfits {
namespace {

template <typename T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

template <typename T>
void store(std::byte* at, T value) {
  std::memcpy(at, &value, sizeof(T));
}

/// Make `out` larger for a decompressor that has filled it. @throws Damage at the limit.
void grow(Buffer& out, std::size_t limit, std::size_t at) {
  if (out.size() >= limit) throw Damage{"the block decodes to more than any tile holds", at};
  out.resize(std::min(limit, std::max<std::size_t>(2 * out.size(), 4096)));
}

/// The size to start with: the guess, unless the input cannot possibly hold as much.
std::size_t first_size(std::size_t in, std::size_t expected, std::size_t ratio, std::size_t limit) {
  return std::clamp<std::size_t>(std::min(expected, in * ratio + 64), 64,
                                 std::max<std::size_t>(limit, 64));
}

/// Reads an LZO1X stream and writes what it says, both within bounds.
class Lzo {
 public:
  Lzo(std::span<const std::byte> in, std::size_t limit, Buffer& out)
      : in_(in), limit_(limit), out_(out) {}

  /// LZO1X (format description: Linux kernel, Documentation/staging/lzo.rst). `state_` is the
  /// number of literals that the last instruction copied: 0 to 3, or 4 for a run of four and more.
  void run() {
    if (!in_.empty() && byte_at(0) > 17) {
      const std::size_t n = byte() - 17U;
      literals(n);
      state_ = n < 4 ? n : 4;
    }
    for (;;) {
      const unsigned code = byte();
      if (code < 16 && state_ == 0) {
        literals(3 + (code == 0 ? long_length(15) : code));
        state_ = 4;
        continue;
      }
      std::size_t distance = 0, length = 0;
      unsigned trailing = code & 3;
      if (code >= 64) {
        distance = 1 + ((code >> 2) & 7) + (std::size_t{byte()} << 3);
        length = (code >> 5) + 1;
      } else if (code >= 32) {
        length = 2 + ((code & 31) == 0 ? long_length(31) : code & 31);
        const unsigned pair = two_bytes();
        distance = 1 + (pair >> 2);
        trailing = pair & 3;
      } else if (code >= 16) {
        length = 2 + ((code & 7) == 0 ? long_length(7) : code & 7);
        const unsigned pair = two_bytes();
        distance = 16384 + ((code & 8) << 11) + (pair >> 2);
        trailing = pair & 3;
        if (distance == 16384) break;
      } else if (state_ == 4) {
        distance = 2049 + (code >> 2) + (std::size_t{byte()} << 2);
        length = 3;
      } else {
        distance = 1 + (code >> 2) + (std::size_t{byte()} << 2);
        length = 2;
      }
      match(distance, length);
      literals(trailing);
      state_ = trailing;
    }
    if (at_ != in_.size()) throw Damage{"bytes follow the end of the LZO stream", at_};
    out_.resize(done_);
  }

 private:
  unsigned byte_at(std::size_t at) const { return static_cast<unsigned>(in_[at]); }
  void need(std::size_t n) const {
    if (in_.size() - at_ < n) throw Damage{"the LZO stream is cut short", at_};
  }
  unsigned byte() {
    need(1);
    return byte_at(at_++);
  }
  unsigned two_bytes() {
    need(2);
    at_ += 2;
    return byte_at(at_ - 2) | byte_at(at_ - 1) << 8;
  }
  std::size_t long_length(std::size_t base) {
    unsigned last = byte();
    for (; last == 0; last = byte()) base += 255;
    return base + last;
  }
  void room(std::size_t n) {
    if (n > limit_ - done_) throw Damage{"the block decodes to more than any tile holds", at_};
    while (out_.size() - done_ < n) grow(out_, limit_, at_);
  }
  void literals(std::size_t n) {
    need(n);
    room(n);
    if (n > 0) std::memcpy(out_.data() + done_, in_.data() + at_, n);
    at_ += n;
    done_ += n;
  }
  void match(std::size_t distance, std::size_t n) {
    if (distance > done_) throw Damage{"the LZO stream refers to before its start", at_};
    room(n);
    std::byte* const to = out_.data() + done_;
    for (std::size_t i = 0; i < n; ++i) to[i] = to[i - distance];  // they may overlap
    done_ += n;
  }

  std::span<const std::byte> in_;
  std::size_t limit_;
  Buffer& out_;
  std::size_t at_ = 0, done_ = 0, state_ = 0;
};

/// Reads bits, the most significant of each byte first.
class BitsHighFirst {
 public:
  BitsHighFirst(std::span<const std::byte> in, std::size_t at) : in_(in), at_(at) {}
  unsigned take(unsigned n) {
    while (held_ < n) fill();
    held_ -= n;
    return static_cast<unsigned>(buffer_ >> held_) & ((1U << n) - 1U);
  }
  /// Count the zeros before the next one, and take them with it.
  unsigned zeros(unsigned at_most) {
    unsigned n = 0;
    while (take(1) == 0)
      if (++n > at_most) throw Damage{"a Rice code is longer than its values allow", at_};
    return n;
  }
  [[nodiscard]] std::size_t at() const { return at_; }

 private:
  void fill() {
    if (at_ >= in_.size()) throw Damage{"the Rice stream is cut short", at_};
    buffer_ = buffer_ << 8 | static_cast<unsigned>(in_[at_++]);
    held_ += 8;
  }
  std::span<const std::byte> in_;
  std::size_t at_;
  std::uint64_t buffer_ = 0;
  unsigned held_ = 0;
};

}  // namespace

std::string process_name(std::uint16_t id) {
  switch (static_cast<Process>(id)) {
    case Process::raw:
      return "raw";
    case Process::smoothing:
      return "smoothing";
    case Process::huffman16:
      return "huffman16";
    case Process::diff:
      return "diff";
    case Process::double_diff:
      return "double_diff";
    case Process::split16:
      return "split16";
    case Process::zlib:
      return "zlib";
    case Process::lzo:
      return "lzo";
    case Process::rice:
      return "rice";
    case Process::halfman16:
      return "halfman16";
    case Process::split32:
      return "split32";
    case Process::offset128:
      return "offset128";
    case Process::same_values:
      return "same_values";
    case Process::lossy_floats:
      return "lossy_floats";
    case Process::sparse_values:
      return "sparse_values";
    case Process::lossy_int16:
      return "lossy_int16";
    case Process::lossy_int32:
      return "lossy_int32";
    case Process::zstd:
      return "zstd";
  }
  return std::to_string(id);
}

void undo_diff(Buffer& data) {
  const std::size_t count = data.size() / 2;
  std::uint16_t sum = 0;
  for (std::size_t j = 0; j < count; ++j) {
    sum = static_cast<std::uint16_t>(sum + load<std::uint16_t>(data.data() + 2 * j));
    store(data.data() + 2 * j, sum);
  }
}

void undo_offset128(Buffer& data) {
  const std::size_t count = data.size() / 2;
  for (std::size_t j = 0; j < count; ++j)
    store(data.data() + 2 * j,
          static_cast<std::uint16_t>(load<std::uint16_t>(data.data() + 2 * j) - 128));
}

void undo_split16(std::span<const std::byte> in, Buffer& out) {
  if (in.size() % 2 != 0) throw Damage{"an odd number of bytes was split in two", in.size()};
  out.resize(in.size());
  const std::size_t half = in.size() / 2;
  const std::byte* const low = in.data();
  const std::byte* const high = low + half;
  std::byte* const to = out.data();
  for (std::size_t j = 0; j < half; ++j) {
    to[2 * j] = low[j];
    to[2 * j + 1] = high[j];
  }
}

void undo_split32(std::span<const std::byte> in, Buffer& out) {
  if (in.size() % 4 != 0) throw Damage{"the bytes split in halves are no 32-bit words", in.size()};
  out.resize(in.size());
  const std::size_t words = in.size() / 4;
  const std::byte* const low = in.data();
  const std::byte* const high = low + 2 * words;
  for (std::size_t j = 0; j < words; ++j) {
    std::memcpy(out.data() + 4 * j, low + 2 * j, 2);
    std::memcpy(out.data() + 4 * j + 2, high + 2 * j, 2);
  }
}

void undo_lzo(std::span<const std::byte> in, std::size_t expected, std::size_t limit, Buffer& out) {
  out.resize(first_size(in.size(), expected, 256, limit));
  Lzo(in, limit, out).run();
}

void undo_rice(std::span<const std::byte> in, std::size_t limit, Buffer& out) {
  // The Rice code of the FITS Standard 4.0, section 10.4.1, for 16-bit values in blocks of one:
  // a 4-bit code per value says how many low bits follow its unary part.
  constexpr unsigned code_bits = 4, code_max = 14, value_bits = 16;
  if (in.size() < 4) throw Damage{"the Rice stream is cut short", in.size()};
  const auto bytes = load<std::int32_t>(in.data());
  if (bytes < 0 || static_cast<std::size_t>(bytes) > limit || bytes % 2 != 0)
    throw Damage{"the Rice block claims " + std::to_string(bytes) + " bytes", 0};
  const std::size_t count = static_cast<std::size_t>(bytes) / 2;
  if (count == 0) {
    out.resize(0);
    return;
  }
  if (in.size() < 6 || count > (in.size() - 4) * 2)
    throw Damage{"the Rice block claims " + std::to_string(bytes) + " bytes", 0};
  out.resize(static_cast<std::size_t>(bytes));
  auto last =
      static_cast<std::uint16_t>(static_cast<unsigned>(in[4]) << 8 | static_cast<unsigned>(in[5]));
  BitsHighFirst bits(in, 6);
  for (std::size_t j = 0; j < count; ++j) {
    const unsigned code = bits.take(code_bits);
    unsigned mapped = 0;
    if (code == code_max + 1) {
      mapped = bits.take(value_bits);
    } else if (code > 0) {
      const unsigned low_bits = code - 1;
      const unsigned high = bits.zeros(1U << value_bits);
      mapped = high << low_bits | (low_bits > 0 ? bits.take(low_bits) : 0);
    }
    const unsigned difference = (mapped & 1) == 0 ? mapped >> 1 : ~(mapped >> 1);
    last = static_cast<std::uint16_t>(last + difference);
    store(out.data() + 2 * j, last);
  }
}

void undo_same_values(std::span<const std::byte> in, std::size_t limit, Buffer& out) {
  if (in.size() < 4) throw Damage{"the runs are cut short", in.size()};
  const std::size_t runs = load<std::uint32_t>(in.data());
  if (runs > (in.size() - 4) / 8) throw Damage{"the runs are cut short", 0};
  std::size_t words = 0;
  for (std::size_t r = 0; r < runs; ++r) {
    words += load<std::uint32_t>(in.data() + 4 + 8 * r);
    if (words > limit / 4) throw Damage{"the block decodes to more than any tile holds", 4 + 8 * r};
  }
  out.resize(4 * words);
  std::byte* to = out.data();
  for (std::size_t r = 0; r < runs; ++r) {
    const auto value = load<std::uint32_t>(in.data() + 8 + 8 * r);
    for (auto n = load<std::uint32_t>(in.data() + 4 + 8 * r); n > 0; --n, to += 4) store(to, value);
  }
}

void undo_sparse_values(std::span<const std::byte> in, std::size_t limit, Buffer& out) {
  if (in.size() < 8) throw Damage{"the sparse values are cut short", in.size()};
  const auto fill = load<std::int32_t>(in.data());
  const std::size_t items = load<std::uint32_t>(in.data() + 4);
  if (items > (in.size() - 8) / 4) throw Damage{"the sparse values are cut short", 4};
  std::size_t words = items / 2;
  for (std::size_t i = 0; i < items; i += 2) {
    const auto run = load<std::int32_t>(in.data() + 8 + 4 * i);
    if (run < 0) throw Damage{"a run of negative length", 8 + 4 * i};
    words += static_cast<std::size_t>(run);
    if (words > limit / 4) throw Damage{"the block decodes to more than any tile holds", 8 + 4 * i};
  }
  out.resize(4 * words);
  std::byte* to = out.data();
  for (std::size_t i = 0; i < items; ++i) {
    const auto item = load<std::int32_t>(in.data() + 8 + 4 * i);
    if (i % 2 == 0) {
      for (std::int32_t n = 0; n < item; ++n, to += 4) store(to, fill);
    } else {
      store(to, item);
      to += 4;
    }
  }
}

void undo_lossy_floats(std::span<const std::byte> in, std::size_t rows, Buffer& out) {
  out.resize(in.size());
  std::size_t at = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    if (in.size() - at < 4) throw Damage{"a row is cut short", at};
    const std::int64_t length = load<std::int32_t>(in.data() + at);
    const auto bytes = static_cast<std::size_t>(length < 0 ? -length : length);
    store(out.data() + at, static_cast<std::int32_t>(length));
    at += 4;
    if (bytes % 4 != 0 || bytes > in.size() - at) throw Damage{"a row is cut short", at - 4};
    for (const std::size_t end = at + bytes; at < end; at += 4)
      store(out.data() + at,
            static_cast<float>(static_cast<double>(load<std::int32_t>(in.data() + at)) * 0.01));
  }
  if (in.size() > at) std::memset(out.data() + at, 0, in.size() - at);
}

struct Inflater::State {
  z_stream zlib{};
  bool zlib_ready = false;
  ZSTD_DCtx* zstd = nullptr;
  ~State() {
    if (zlib_ready) inflateEnd(&zlib);
    ZSTD_freeDCtx(zstd);
  }
};

Inflater::Inflater() : state_(std::make_unique<State>()) {}
Inflater::~Inflater() = default;

void Inflater::undo_zlib(std::span<const std::byte> in, std::size_t expected, std::size_t limit,
                         Buffer& out) {
  z_stream& z = state_->zlib;
  if (!state_->zlib_ready) {
    if (inflateInit(&z) != Z_OK) throw std::bad_alloc();
    state_->zlib_ready = true;
  } else {
    inflateReset(&z);
  }
  // One byte more than expected: inflate then ends in a single call.
  out.resize(first_size(in.size(), expected + 1, 1040, limit));
  z.next_in = reinterpret_cast<const Bytef*>(in.data());
  z.avail_in = static_cast<uInt>(in.size());
  std::size_t done = 0;
  for (;;) {
    z.next_out = reinterpret_cast<Bytef*>(out.data() + done);
    z.avail_out = static_cast<uInt>(out.size() - done);
    const int status = inflate(&z, Z_NO_FLUSH);
    done = out.size() - z.avail_out;
    if (status == Z_STREAM_END) break;
    const std::size_t at = in.size() - z.avail_in;
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    if (status != Z_OK && status != Z_BUF_ERROR)
      throw Damage{
          std::string("the zlib stream is damaged") + (z.msg ? std::string(": ") + z.msg : ""), at};
    if (z.avail_out > 0) throw Damage{"the zlib stream is cut short", at};
    grow(out, limit, at);
  }
  out.resize(done);
}

void Inflater::undo_zstd(std::span<const std::byte> in, std::size_t expected, std::size_t limit,
                         Buffer& out) {
  if (!state_->zstd) {
    state_->zstd = ZSTD_createDCtx();
    if (!state_->zstd) throw std::bad_alloc();
  }
  ZSTD_DCtx_reset(state_->zstd, ZSTD_reset_session_only);
  // A window as large as the largest block: more would only let damaged frames ask for memory.
  ZSTD_DCtx_setParameter(state_->zstd, ZSTD_d_windowLogMax, std::bit_width(limit));
  out.resize(first_size(in.size(), expected + 1, 4096, limit));
  ZSTD_inBuffer input{in.data(), in.size(), 0};
  std::size_t done = 0;
  for (;;) {
    ZSTD_outBuffer output{out.data(), out.size(), done};
    const std::size_t status = ZSTD_decompressStream(state_->zstd, &output, &input);
    const bool stuck = output.pos == done && output.pos < output.size && input.pos == input.size;
    done = output.pos;
    if (ZSTD_isError(status))
      throw Damage{std::string("the zstd frame is damaged: ") + ZSTD_getErrorName(status),
                   input.pos};
    if (status == 0) break;
    if (done == out.size())
      grow(out, limit, input.pos);
    else if (stuck)
      throw Damage{"the zstd frame is cut short", input.pos};
  }
  out.resize(done);
}

}  // namespace alisio::zfits
