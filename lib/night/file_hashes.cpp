#include "lib/night/file_hashes.hpp"

#include <set>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "lib/night/file_parts.hpp"
#include "lib/night/report.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

/// Return the hashes of a file, or nothing if its content is damaged.
std::optional<FileHashes> sound_hashes(const NightServices& services, const std::string& path) {
  if (!services.hash) return FileHashes{hash_file(path), ""};
  try {
    return services.hash(path);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_input) throw;
    return std::nullopt;
  }
}

}  // namespace

FileHashes hashes_of_file(const NightServices& services, const std::string& path) {
  const std::optional<FileHashes> hashes = sound_hashes(services, path);
  return hashes ? *hashes : FileHashes{hash_file(path), ""};
}

FileAccess disk_access(const NightServices& services) {
  return {[](const std::string& path) { return stamp_of(path); },
          [&services](const std::string& path) { return hashes_of_file(services, path); },
          part_reader()};
}

void hand_on_hashes(const NightPlan& plan, const fs::path& config_file, const fs::path& file,
                    State& state, const NightServices& services) {
  std::set<std::string> paths;
  for (const PlannedJob& planned : plan.jobs)
    for (const PortFile& input : planned.inputs)
      if (input.port != "r0_subrun" && input.port != "dl1_subrun" && input.port != "interleaved" &&
          !input.port.starts_with("dl1_datacheck") && !input.port.starts_with("muons") &&
          input.port != "dl2_subrun")
        paths.insert(input.path);
  if (!config_file.empty()) paths.insert(config_file.string());
  std::vector<FileStamp> known, fresh;
  for (const std::string& path : paths) {
    std::optional<FileStamp> stamp = stamp_of(path);
    if (!stamp) continue;
    if (const auto recorded = state.known_file(path);
        recorded && same_stamp(*recorded, *stamp) && !recorded->sha256.empty()) {
      known.push_back(*recorded);
      continue;
    }
    if (const auto hashes = sound_hashes(services, path)) {
      stamp->sha256 = hashes->sha256;
      stamp->data_hash = hashes->data_hash;
      fresh.push_back(*stamp);
    }
  }
  state.remember_files(fresh);
  known.insert(known.end(), fresh.begin(), fresh.end());
  write_known_hashes(file, known);
}

}  // namespace alisio::night
