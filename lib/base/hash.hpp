#pragma once
#include <array>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace alisio {

/// Hash methods that records may name. Identity and verification always use sha256.
enum class HashMethod { md5, sha256 };

[[nodiscard]] const char* to_string(HashMethod method) noexcept;

/// A running hash over bytes (OpenSSL EVP).
class Hasher {
 public:
  explicit Hasher(HashMethod method = HashMethod::sha256);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void update(std::span<const std::byte> bytes);
  void update(std::string_view text);
  /// Return the digest in lower-case hexadecimal; the hasher must not be used afterwards.
  [[nodiscard]] std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] std::string hash_text(std::string_view text, HashMethod method = HashMethod::sha256);

/// Hash the content of a file, read once in large blocks. @throws Error(missing_input, resource).
[[nodiscard]] std::string hash_file(const std::filesystem::path& path,
                                    HashMethod method = HashMethod::sha256);

}  // namespace alisio
