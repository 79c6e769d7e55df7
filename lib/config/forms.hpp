#pragma once
#include <optional>
#include <string>
#include <vector>

/// Values of options that are texts of a form of their own: when such a text is one, and what it
/// means.
namespace alisio::config {

/// A time of each day.
struct DayWindow {
  int start_s = 0,
      end_s = 0;  ///< s since midnight UTC; one that ends before it starts goes past it
};

/// Read "18:00-07:00", or several separated by commas; empty: none.
/// @return nothing for what is no such text.
[[nodiscard]] std::optional<std::vector<DayWindow>> parse_day_windows(const std::string& text);

/// How many subruns of a run may be missing.
struct MissingLimit {
  double value = 100;
  bool per_cent = true;

  /// Read "3" or "2.5 %", up to "100 %". @return nothing if it is neither.
  [[nodiscard]] static std::optional<MissingLimit> parse(const std::string& text);
  [[nodiscard]] bool allows(int missing, int expected) const;
  [[nodiscard]] std::string text() const;
};

/// True for one address as the head of a mail may hold it, and for none.
[[nodiscard]] bool is_mail_address(const std::string& text);

/// True for a word of a command in which braces enclose nothing but "date" or "telescope".
[[nodiscard]] bool is_word_of_night(const std::string& word);

}  // namespace alisio::config
