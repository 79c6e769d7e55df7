#pragma once
#include <filesystem>
#include <string>

#include "lib/base/ids.hpp"

namespace alisio::pipeline {

/// How DL2 came about, as far as the provenance document beside it tells; empty where it does not.
struct Dl2Origin {
  std::string calibration_file, calibration_sha256;  ///< of the charges, Cat-A
  std::string pedestal_file;                         ///< of the DRS4 chips
  std::string software;                              ///< version that made DL1 and DL2
  std::string gates;  ///< "passed", or what the gates of constants and data checks say
};

/// Read log/dl1_to_dl2_RRRRR_prov.json in the folder of a DL2 file, if it is there. A document that
/// cannot be understood is warned of and tells nothing.
[[nodiscard]] Dl2Origin origin_of_dl2(const std::filesystem::path& dl2, const SubrunId& id);

}  // namespace alisio::pipeline
