#pragma once
#include <string>
#include <vector>

namespace alisio::night {

/// Run a program with a text on its standard input, for at most so long. Its output is read, not
/// shown. @param time_limit_s then it and what it started are killed
/// @throws Error(resource) if it cannot be run, fails or takes too long, with its last words.
void run_hook(const std::vector<std::string>& words, const std::string& input, double time_limit_s);

}  // namespace alisio::night
