#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "prov/ask/find.hpp"

/// Which of some files may enter, by how they were made.
namespace alisio::prov {

/// One term of a selection. It holds for a file if it holds for something that the file came from,
/// by however many steps: an activity, or a file.
struct SelectionTerm {
  std::string text;     ///< as given: "parameter=CalibrationRun=11219"
  FindRequest request;  ///< what the activity or file must meet; empty for the term on gates
  std::string gates;    ///< "passed" or "failed"; empty: the term is not on gates
};

/// Read NAME=VALUE, where NAME is a condition of `alisio prov find` without its dashes (parameter
/// and configuration: NAME=KEY=VALUE), or gates: `gates=passed` holds if no quality gate of what
/// the file came from, or of what was made with that, failed; `gates=failed` otherwise.
/// @throws Error(usage) naming the conditions that there are.
[[nodiscard]] SelectionTerm selection_term(const std::string& text);

/// Return for each file why it may not enter: the first term that does not hold, or that nothing is
/// on record of it. Empty: it may enter.
[[nodiscard]] std::vector<std::string> unmet_terms(Store& store,
                                                   const std::vector<std::filesystem::path>& files,
                                                   const std::vector<SelectionTerm>& terms);

}  // namespace alisio::prov
