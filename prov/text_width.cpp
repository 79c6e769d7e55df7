#include "prov/text_width.hpp"

#include <array>
#include <cstdint>
#include <vector>

namespace alisio::prov {
namespace {

/// Widths of the characters from the space on, in thousandths of the size.
constexpr std::array<std::uint16_t, 95> kWidths{
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333,  278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667,  611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278,  556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500,  500, 334, 260, 334, 584};

/// Return the beginnings of the characters of a text, and its end.
std::vector<std::size_t> character_starts(std::string_view text) {
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < text.size(); ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) starts.push_back(i);
  starts.push_back(text.size());
  return starts;
}

}  // namespace

double text_width(std::string_view text, double size) {
  unsigned total = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F)
      total += kWidths[byte - 0x20U];
    else if (byte >= 0xE0)
      total += 1000;  // may be a letter of the widest scripts
    else if (byte >= 0xC0)
      total += 667;
  }
  return total * size / 1000;
}

std::string text_within(std::string_view text, double size, double width) {
  if (text_width(text, size) <= width) return std::string(text);
  const std::vector<std::size_t> starts = character_starts(text);
  std::size_t left = 0, right = starts.size() - 1;  // [0, left) and [right, end) are kept
  const double room = width - text_width("…", size);
  double used = 0;
  for (bool front = true; left < right; front = !front) {
    const std::size_t from = front ? left : right - 1;
    used += text_width(text.substr(starts[from], starts[from + 1] - starts[from]), size);
    if (used > room) break;
    front ? ++left : --right;
  }
  return std::string(text.substr(0, starts[left])) + "…" + std::string(text.substr(starts[right]));
}

}  // namespace alisio::prov
