#pragma once
#include <boost/program_options.hpp>
#include <filesystem>

namespace alisio::apps {

/// Return the value of an option that is a number and has one. @throws Error(usage) if it is less.
[[nodiscard]] int number_option(const boost::program_options::variables_map& values,
                                const char* name, int least);

/// Refuse to write what is made of a file into that file, by whatever name. @throws Error(usage).
void refuse_own_input(const std::filesystem::path& output, const std::filesystem::path& input);

}  // namespace alisio::apps
