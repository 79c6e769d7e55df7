#include "lib/base/signature.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/hash.hpp"

namespace alisio {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Memory = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

/// Refuses to ask for a passphrase: a night is closed without anybody at the keyboard.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Memory memory_of(std::string_view text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free};
}

Key private_key_of(std::string_view pem) {
  const Memory memory = memory_of(pem);
  return {PEM_read_bio_PrivateKey(memory.get(), nullptr, no_passphrase, nullptr), &EVP_PKEY_free};
}

Key public_key_of(std::string_view pem) {
  const Memory memory = memory_of(pem);
  Key key{PEM_read_bio_PUBKEY(memory.get(), nullptr, no_passphrase, nullptr), &EVP_PKEY_free};
  if (!key || EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519)
    throw Error(ErrorKind::bad_input, "this is no public Ed25519 key in PEM", "public key",
                "openssl pkey -in KEY -pubout writes it");
  return key;
}

[[noreturn]] void fail(const char* what) {
  throw Error(ErrorKind::bug, std::string(what) + " failed", "OpenSSL");
}

}  // namespace

SigningKey SigningKey::load(const std::filesystem::path& pem_file) {
  constexpr const char* remedy = "openssl genpkey -algorithm ed25519 -out FILE makes one";
  std::string pem;
  try {
    pem = read_text_file(pem_file);
  } catch (const Error& error) {
    throw Error(ErrorKind::configuration, "the signing key cannot be read: " + error.problem(),
                pem_file.string(), remedy);
  }
  const Key key = private_key_of(pem);
  if (!key || EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519)
    throw Error(ErrorKind::configuration, "this is no private Ed25519 key without passphrase",
                pem_file.string(), remedy);
  return SigningKey(std::move(pem));
}

std::string SigningKey::sign(std::string_view text) const {
  const Key key = private_key_of(pem_);
  const Context context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (!key || !context ||
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1)
    fail("preparing a signature");
  std::size_t size = 0;
  if (EVP_DigestSign(context.get(), nullptr, &size, bytes_of(text), text.size()) != 1)
    fail("signing");
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     bytes_of(text), text.size()) != 1)
    fail("signing");
  signature.resize(size);
  return signature;
}

std::string SigningKey::public_key() const {
  const Key key = private_key_of(pem_);
  const Memory memory(BIO_new(BIO_s_mem()), &BIO_free);
  if (!key || !memory || PEM_write_bio_PUBKEY(memory.get(), key.get()) != 1)
    fail("writing a public key");
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

bool is_signature_of(std::string_view text, std::string_view signature,
                     std::string_view public_key) {
  const Key key = public_key_of(public_key);
  const Context context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (!context || EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1)
    fail("preparing the check of a signature");
  return EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(text),
                          text.size()) == 1;
}

std::string key_fingerprint(std::string_view public_key) {
  const Key key = public_key_of(public_key);
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  if (size <= 0) fail("writing a public key");
  const std::string digest = hash_text(
      std::string_view(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)));
  OPENSSL_free(der);
  return digest;
}

}  // namespace alisio
