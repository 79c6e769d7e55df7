#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/io/zfits/codecs.hpp"
#include "lib/io/zfits/writer.hpp"

/// The transforms that a zfits writer applies; codecs.hpp undoes them.
namespace alisio::zfits {

/// Return the processes of a scheme in the order in which the writer applies them.
[[nodiscard]] std::vector<Process> processes_of(Scheme scheme);

/// Apply one process. `data` holds a multiple of 4 bytes when the first process of a scheme starts.
/// @throws Error(bug) for processes that no scheme has.
void apply(Process process, std::vector<std::byte>& data);

}  // namespace alisio::zfits
