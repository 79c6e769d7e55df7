#include "lib/base/signature.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"

namespace alisio {
namespace {

namespace fs = std::filesystem;

// RFC 8032, section 7.1, test 1: the signature of nothing, with its key in PEM.
constexpr const char* private_key =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n";
constexpr const char* signature_of_nothing =
    "\xe5\x56\x43\x00\xc3\x60\xac\x72\x90\x86\xe2\xcc\x80\x6e\x82\x8a\x84\x87\x7f\x1e\xb8\xe5\xd9"
    "\x74\xd8\x73\xe0\x65\x22\x49\x01\x55\x5f\xb8\x82\x15\x90\xa3\x3b\xac\xc6\x1e\x39\x70\x1c\xf9"
    "\xb4\x6b\xd2\x5b\xf5\xf0\x59\x5b\xbe\x24\x65\x51\x41\x43\x8e\x7a\x10\x0b";

class SignatureTest : public testing::Test {
 protected:
  void SetUp() override {
    file_ = fs::temp_directory_path() / ("alisio_signature_" + std::to_string(::getpid()));
  }
  void TearDown() override { fs::remove(file_); }

  SigningKey key() {
    write_file_atomically(file_, private_key);
    return SigningKey::load(file_);
  }

  fs::path file_;
};

TEST_F(SignatureTest, IsThatOfTheStandard) {
  const SigningKey signer = key();
  EXPECT_EQ(signer.sign(""), std::string(signature_of_nothing, 64));
  EXPECT_TRUE(is_signature_of("", signer.sign(""), signer.public_key()));
}

TEST_F(SignatureTest, BelongsToOneTextAndOneKey) {
  const SigningKey signer = key();
  const std::string signature = signer.sign("night");
  EXPECT_TRUE(is_signature_of("night", signature, signer.public_key()));
  EXPECT_FALSE(is_signature_of("nigh", signature, signer.public_key()));
  EXPECT_FALSE(is_signature_of("night", signature.substr(1), signer.public_key()));
  EXPECT_EQ(key_fingerprint(signer.public_key()), key_fingerprint(signer.public_key() + "\n"));
}

TEST_F(SignatureTest, RefusesWhatIsNoKey) {
  EXPECT_THROW(SigningKey::load(file_), Error) << "absent";
  write_file_atomically(file_, "no key");
  EXPECT_THROW(SigningKey::load(file_), Error);
  EXPECT_THROW(static_cast<void>(key_fingerprint("no key")), Error);
}

}  // namespace
}  // namespace alisio
