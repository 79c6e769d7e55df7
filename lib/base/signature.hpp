#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace alisio {

/// A private key for Ed25519 signatures.
class SigningKey {
 public:
  /// Read an unencrypted PEM file, as `openssl genpkey -algorithm ed25519` writes it.
  /// @throws Error(configuration) if it is absent, cannot be read or is another kind of key.
  static SigningKey load(const std::filesystem::path& pem_file);

  /// Return the signature of a text: 64 bytes.
  [[nodiscard]] std::string sign(std::string_view text) const;
  /// Return the public key that verifies it, as PEM.
  [[nodiscard]] std::string public_key() const;

 private:
  explicit SigningKey(std::string pem) : pem_(std::move(pem)) {}
  std::string pem_;
};

/// Return whether an Ed25519 signature is that of a text. @throws Error(bad_input) if the public
/// key is no PEM of an Ed25519 key.
[[nodiscard]] bool is_signature_of(std::string_view text, std::string_view signature,
                                   std::string_view public_key);

/// Return what names a public key, however its PEM is laid out: the SHA-256 of its DER form.
/// @throws Error(bad_input) as is_signature_of().
[[nodiscard]] std::string key_fingerprint(std::string_view public_key);

}  // namespace alisio
