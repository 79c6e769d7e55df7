#pragma once
#include <string>

namespace alisio::apps {

/// Return a word as a shell would take it: quoted if it holds what a shell reads otherwise.
[[nodiscard]] std::string shell_word(const std::string& word);

}  // namespace alisio::apps
