#pragma once
#include <filesystem>
#include <vector>

namespace alisio::calib {

/// Return the files of all streams of a subrun, stream by stream, if the file's name is that of a
/// stream, LST-<t>.<s>.Run<r>.<subrun>….fits.fz; else the file alone.
/// @throws Error(missing_input) if there is a gap, or other subruns of the run have more streams.
[[nodiscard]] std::vector<std::filesystem::path> find_streams(const std::filesystem::path& file);

/// Return how the file of the same stream in the next subrun is called, whether or not it exists;
/// empty if the name has no subrun.
[[nodiscard]] std::filesystem::path next_subrun(const std::filesystem::path& file);

/// Return the files of the same stream in the subruns that follow, up to the first that is not
/// there.
[[nodiscard]] std::vector<std::filesystem::path> following_subruns(
    const std::filesystem::path& file);

}  // namespace alisio::calib
