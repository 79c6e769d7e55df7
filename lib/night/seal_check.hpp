#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "lib/night/seal.hpp"
#include "prov/definition.hpp"

namespace alisio::night {

/// How a seal is looked at.
struct SealCheckRequest {
  std::filesystem::path seal;        ///< the file
  std::filesystem::path root = {};   ///< where the products are; empty: where they were sealed
  std::string recorded_sha256 = {};  ///< of the seal, as the state knows it; empty: not known
  std::string public_key = {};       ///< PEM that must have signed it; empty: the one in the seal
  /// Read files whose size is as sealed and that were not modified since the seal was made.
  bool read_all = true;
  /// Hash of a file's data alone, for products that several productions make; empty: nobody tells.
  std::function<FileHashes(const std::filesystem::path&)> hash = {};
  bool chain = true;                      ///< compare it with the seals before and after it
  bool files = true;                      ///< compare the files that it names
  prov::LoggerConfiguration logger = {};  ///< of the notes that tell what was removed
};

/// What is not as the seal says.
struct SealFault {
  std::string where;    ///< a file
  std::string problem;  ///< "content differs", "missing", …
};

struct SealCheck {
  Seal seal;
  std::int64_t files = 0, read = 0;       ///< compared; of them read
  std::uint64_t bytes = 0;                ///< read
  std::int64_t chain = 0;                 ///< earlier and later seals that were compared
  std::string signed_with;                ///< fingerprint of the key; empty: not signed
  std::vector<SealFault> faults;          ///< products, documents, chain, signature
  std::vector<SealFault> removed;         ///< files that alisio clean took away, and why
  std::vector<SealFault> changed_inputs;  ///< files that were used and are not what they were

  [[nodiscard]] bool holds() const { return faults.empty(); }
};

/// Compare a seal with its signature, its chain, and every file that it names. A file that is not
/// there is no fault if the night's notes tell that it was removed, by whom and why.
/// @throws Error(missing_input) if there is no such seal, Error(bad_input) if it is none.
[[nodiscard]] SealCheck check_seal(const SealCheckRequest& request);

/// Return faults as JSON: an array of {"file", "problem"}.
[[nodiscard]] nlohmann::ordered_json fault_list(const std::vector<SealFault>& faults);

/// Print the result. @return the exit code: 0 if the seal holds, 7 if it does not
int print_seal_check(const SealCheck& check, bool as_json, std::ostream& out);

}  // namespace alisio::night
