#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/signature.hpp"
#include "lib/night/completeness.hpp"
#include "lib/night/state.hpp"

/// The seal of a closed night: a manifest in JSON that names every product with its hashes, the
/// seal before it by its hash, and whoever signs it. The bytes of the file are what is signed and
/// what the next seal names, so that `sha256sum` and `openssl pkeyutl -verify -rawin` can check it.
namespace alisio::night {

/// A file that a seal vouches for.
struct SealedFile {
  std::string path;  ///< below the root of the products, or absolute
  std::uint64_t size = 0;
  FileHashes hashes;
  JobKey job;  ///< of a product: what made it
  std::string port;
  std::string activity_id;
  bool shared = false;  ///< other productions make it too: equal data under another hash will do
};

/// A seal that another one names.
struct SealReference {
  std::int64_t number = 0;
  std::string file;  ///< name within the folder of seals
  std::string sha256;
};

/// What a seal says.
struct Seal {
  std::int64_t number = 0;  ///< in the chain of this telescope and production, from 1
  NightKey key;
  std::string closing_id;  ///< the activity that closed the night
  std::string closed_at, author, reason;
  bool forced = false;
  std::string program;                    ///< name, version and commit
  std::filesystem::path root;             ///< that paths are below
  std::optional<SealReference> previous;  ///< in the chain
  std::optional<SealReference> replaces;  ///< an earlier seal of the same night
  std::string public_key, fingerprint;    ///< of the signer; empty: it is not signed
  Completeness found;
  std::vector<SealedFile> products;     ///< of the night's jobs
  std::vector<SealedFile> documents;    ///< provenance: documents and journals
  std::vector<SealedFile> used;         ///< constants, models and the like that no job here made
  std::vector<std::string> not_sealed;  ///< recorded products that do not stand, and why
};

[[nodiscard]] std::string to_text(const Seal& seal);
/// @throws Error(bad_input) if the text is no seal of a version known here.
[[nodiscard]] Seal parse_seal(const std::string& text, const std::filesystem::path& file);

/// Return the folder of the seals of a telescope and production.
[[nodiscard]] std::filesystem::path seal_folder(const std::filesystem::path& products,
                                                int telescope, const std::string& prod_id);
/// Return "seal_000012_20240215.json".
[[nodiscard]] std::string seal_name(std::int64_t number, const NightDate& date);
/// Return the file of a seal's signature.
[[nodiscard]] std::filesystem::path signature_file(const std::filesystem::path& seal);

/// Return the seals of a folder by ascending number; other files are passed over.
[[nodiscard]] std::vector<std::filesystem::path> list_seals(const std::filesystem::path& folder);
/// Return the number in a seal's name, 0 if it is none.
[[nodiscard]] std::int64_t seal_number(const std::filesystem::path& file);

}  // namespace alisio::night
