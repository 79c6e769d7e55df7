#pragma once
#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace alisio::config {

/// What kind of value an option takes.
enum class OptionKind {
  integer,
  integer_or_null,  ///< null leaves the number to the data
  number,           ///< finite, or .inf where no greatest value is set
  number_or_null,   ///< null switches the step off
  range,            ///< [low, high], both inclusive, may be infinite
  ranges,   ///< a block of names, each with such a range; given, it replaces the whole block
  numbers,  ///< a block of names, each with a number
  words,    ///< a list of words
  boolean,
  boolean_or_null,  ///< null leaves the decision to the data
  text,
  name,  ///< part of a file or folder name: letters, digits, '.', '_', '-', '+'; may be empty
  path   ///< relative paths are taken from the folder of the file that says them
};

/// Least and greatest value of a number, both inclusive.
struct Limits {
  double low = 0, high = std::numeric_limits<double>::infinity();
};

/// What a text, or each word of a list, must be where no list of words tells it.
struct TextForm {
  bool (*fits)(const std::string& text) = nullptr;  ///< nullptr: anything
  const char* expected = "";                        ///< "must be ...", with an example
};

/// One configuration key: the single source of defaults, validation and help.
struct Option {
  std::string key;  ///< dotted path, for example "tailcut.picture_thresh"
  OptionKind kind;
  nlohmann::json default_value;
  std::string unit;  ///< empty if dimensionless
  std::string description;
  Limits limits = {};  ///< of integers and numbers; what may be negative says so, and what cannot
                       ///< be counted without end
  std::vector<std::string> names = {};  ///< that a text may be, or a list or a block of names may
                                        ///< hold; empty: any
  TextForm form = {};
};

/// Return every option of the program, in the order of the help. Blocks that cta-lstchain's JSON
/// configuration has too carry its names; what else such a file holds is in peers.hpp.
[[nodiscard]] std::span<const Option> options();

/// Return the option table as text, two or three lines an option, for `alisio config --help-keys`;
/// before it, how lstchain's files are read.
[[nodiscard]] std::string options_as_text();

}  // namespace alisio::config
