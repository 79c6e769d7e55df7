#pragma once
#include <filesystem>
#include <string>
#include <vector>

/// The file of the state database: copies of it, the way back to one, and whether it is sound.
namespace alisio::night {

/// Return <folder>/alisio.sqlite.
[[nodiscard]] std::filesystem::path state_file(const std::filesystem::path& folder);

/// Copy the database whole, while others read and write it, to a file that is not there yet. An
/// empty target: beside the database, named by its schema and the time.
/// @return the copy
/// @throws Error(missing_input) if there is no state, Error(usage) if the target is there.
std::filesystem::path back_up_state(const std::filesystem::path& folder,
                                    std::filesystem::path target = {});

/// Return the copies beside the database, the oldest first.
[[nodiscard]] std::vector<std::filesystem::path> list_state_backups(
    const std::filesystem::path& folder);

/// What going back did.
struct StateRollback {
  std::filesystem::path restored;  ///< the copy that is the state now
  std::filesystem::path aside;     ///< what was the state; empty: there was none
  /// Nights of which only the latter knows all that was done, "20240215 v1".
  std::vector<std::string> forgotten;
};

/// Go back to a copy; what was the state is kept under another name.
/// @param to the copy; empty: beside the database, the last one of another schema than its own
/// (made
///        before an upgrade), or the last one if there is none
/// @throws Error(missing_input) if there is no copy, Error(bad_input) if it is damaged or no state,
/// Error(resource) if a night is being processed.
StateRollback roll_back_state(const std::filesystem::path& folder,
                              const std::filesystem::path& to = {});

/// Put a database that cannot be read out of the way, so that a new one can be made.
/// @return its new name; empty: it can be read, or there is none
std::filesystem::path put_damaged_state_aside(const std::filesystem::path& folder);

/// Return what is wrong with the database, one line each: damage, dangling references, another
/// schema than this program's. @throws Error(missing_input) if there is none.
[[nodiscard]] std::vector<std::string> check_state(const std::filesystem::path& folder);

}  // namespace alisio::night
