#include "lib/base/hash.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "lib/base/error.hpp"

namespace alisio {

const char* to_string(HashMethod method) noexcept {
  return method == HashMethod::md5 ? "md5" : "sha256";
}

struct Hasher::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Hasher::Hasher(HashMethod method) : state_(std::make_unique<State>()) {
  const EVP_MD* digest = method == HashMethod::md5 ? EVP_md5() : EVP_sha256();
  if (state_->context == nullptr || EVP_DigestInit_ex(state_->context, digest, nullptr) != 1)
    throw Error(ErrorKind::resource,
                std::string("the hash ") + to_string(method) + " is not available");
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(std::span<const std::byte> bytes) {
  EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
}
void Hasher::update(std::string_view text) {
  EVP_DigestUpdate(state_->context, text.data(), text.size());
}

std::string Hasher::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  EVP_DigestFinal_ex(state_->context, digest.data(), &length);
  static constexpr char hex[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * length);
  for (unsigned i = 0; i < length; ++i) {
    text += hex[digest[i] >> 4];
    text += hex[digest[i] & 15];
  }
  return text;
}

std::string hash_text(std::string_view text, HashMethod method) {
  Hasher hasher(method);
  hasher.update(text);
  return hasher.finish();
}

std::string hash_file(const std::filesystem::path& path, HashMethod method) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    throw Error(ErrorKind::missing_input, std::string("cannot be opened: ") + std::strerror(errno),
                path.string(), "check the path and its permissions");
  Hasher hasher(method);
  // Stays in the cache from the read to the hash.
  std::vector<std::byte> block(std::size_t{1} << 18);
  for (;;) {
    const ssize_t got = ::read(descriptor, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int cause = errno;
      ::close(descriptor);
      if (cause == EISDIR)
        throw Error(ErrorKind::missing_input, "is a folder, not a file", path.string(),
                    "name a file");
      throw Error(ErrorKind::resource, std::string("cannot be read: ") + std::strerror(cause),
                  path.string());
    }
    if (got == 0) break;
    hasher.update(std::span(block.data(), static_cast<std::size_t>(got)));
  }
  ::close(descriptor);
  return hasher.finish();
}

}  // namespace alisio
