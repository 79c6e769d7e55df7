#include "lib/io/fits/header.hpp"

#include <array>
#include <charconv>
#include <limits>

#include "lib/base/error.hpp"

namespace alisio::fits {
namespace {

constexpr std::size_t card_size = 80;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

Error bad_header(const ByteSource& source, std::uint64_t offset, const std::string& what) {
  return Error(ErrorKind::bad_input, what, source.name() + ", byte " + std::to_string(offset),
               "the file is damaged or is no FITS file: copy it again");
}

/// Read one header; return the offset just after it.
std::uint64_t read_header(const ByteSource& source, std::uint64_t offset, Header& header) {
  std::array<char, block_size> block;
  for (std::uint64_t at = offset;; at += block_size) {
    source.read(at, std::as_writable_bytes(std::span<char>(block)));
    for (std::size_t c = 0; c < block_size; c += card_size) {
      const std::string_view card(block.data() + c, card_size);
      if (trimmed(card.substr(0, 8)) == "END") return at + block_size;
      header.add_card(card);
    }
  }
}

/// Return the size of the data unit: |BITPIX|/8 * GCOUNT * (PCOUNT + NAXIS1 * ... * NAXISn).
std::uint64_t data_size(const ByteSource& source, std::uint64_t offset, const Header& header) {
  const auto card = [&](const std::string& key, std::int64_t fallback) -> std::uint64_t {
    const auto value = header.integer(key).value_or(fallback);
    if (value < 0) throw bad_header(source, offset, key + " makes no sense");
    return static_cast<std::uint64_t>(value);
  };
  const auto times = [&](std::uint64_t a, std::uint64_t b) {
    if (b != 0 && a > source.size() / b)
      throw bad_header(source, offset, "the data unit would be larger than the file");
    return a * b;
  };
  const auto axes = card("NAXIS", -1);
  if (axes > 999) throw bad_header(source, offset, "NAXIS makes no sense");
  if (axes == 0) return 0;
  std::uint64_t items = 1;
  bool empty = false;
  for (std::uint64_t axis = 1; axis <= axes; ++axis) {
    const auto length = card("NAXIS" + std::to_string(axis), -1);
    if (length == 0)
      empty = true;
    else
      items = times(items, length);
  }
  if (empty) items = 0;
  const auto heap = card("PCOUNT", 0);
  if (heap > source.size())
    throw bad_header(source, offset, "the data unit would be larger than the file");
  const auto bits = header.integer("BITPIX").value_or(0);
  if (bits != 8 && bits != 16 && bits != 32 && bits != 64 && bits != -32 && bits != -64)
    throw bad_header(source, offset, "BITPIX makes no sense");
  return times(times(items + heap, static_cast<std::uint64_t>(bits < 0 ? -bits : bits) / 8),
               card("GCOUNT", 1));
}

}  // namespace

void Header::add_card(std::string_view card) {
  if (card.size() < 10 || card.substr(8, 2) != "= ") return;
  const auto key = trimmed(card.substr(0, 8));
  auto rest = trimmed(card.substr(10));
  Value value;
  if (!rest.empty() && rest.front() == '\'') {
    value.quoted = true;
    for (std::size_t i = 1; i < rest.size(); ++i) {
      if (rest[i] == '\'') {
        if (i + 1 >= rest.size() || rest[i + 1] != '\'') break;
        ++i;
      }
      value.text += rest[i];
    }
    value.text.erase(value.text.find_last_not_of(' ') + 1);
  } else {
    value.text = trimmed(rest.substr(0, rest.find('/')));
  }
  values_.emplace(key, std::move(value));
}

std::optional<std::string> Header::text(const std::string& key) const {
  const auto found = values_.find(key);
  if (found == values_.end() || !found->second.quoted) return std::nullopt;
  return found->second.text;
}

std::optional<std::int64_t> Header::integer(const std::string& key) const {
  const auto found = values_.find(key);
  if (found == values_.end() || found->second.quoted) return std::nullopt;
  std::string_view text = found->second.text;
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> Header::real(const std::string& key) const {
  const auto found = values_.find(key);
  if (found == values_.end() || found->second.quoted) return std::nullopt;
  std::string text = found->second.text;
  for (char& c : text)
    if (c == 'D' || c == 'd') c = 'E';
  std::string_view view = text;
  if (view.starts_with('+')) view.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (error != std::errc{} || end != view.data() + view.size()) return std::nullopt;
  return value;
}

std::optional<bool> Header::logical(const std::string& key) const {
  const auto found = values_.find(key);
  if (found == values_.end() || found->second.quoted) return std::nullopt;
  if (found->second.text == "T") return true;
  if (found->second.text == "F") return false;
  return std::nullopt;
}

std::vector<Hdu> read_hdus(const ByteSource& source) {
  std::vector<Hdu> hdus;
  std::uint64_t offset = 0;
  while (offset < source.size()) {
    std::array<char, 9> start{};
    source.read(offset, std::as_writable_bytes(std::span<char>(start)));
    if (std::string_view(start.data(), 9) != (hdus.empty() ? "SIMPLE  =" : "XTENSION="))
      throw bad_header(source, offset,
                       hdus.empty() ? "is not a FITS file" : "no FITS extension starts here");
    Hdu hdu;
    hdu.header_offset = offset;
    hdu.data_offset = read_header(source, offset, hdu.header);
    hdu.data_size = data_size(source, offset, hdu.header);
    const auto left = source.size() - hdu.data_offset;
    if (hdu.data_size > left)
      throw Error(ErrorKind::bad_input,
                  "the data unit of HDU " + std::to_string(hdus.size()) + " (" +
                      hdu.header.text("EXTNAME").value_or("unnamed") + ") needs " +
                      std::to_string(hdu.data_size) + " bytes, the file has " +
                      std::to_string(left) + " left",
                  source.name() + ", byte " + std::to_string(hdu.data_offset),
                  "the file is cut short: copy it again");
    offset = hdu.data_offset + (hdu.data_size + block_size - 1) / block_size * block_size;
    hdus.push_back(std::move(hdu));
  }
  if (hdus.empty()) throw bad_header(source, 0, "is empty");
  return hdus;
}

}  // namespace alisio::fits
