#pragma once
#include <cstddef>
#include <future>
#include <string>
#include <vector>

#include "lib/base/hash.hpp"
#include "lib/base/large_vector.hpp"

namespace alisio {

/// A running SHA-256 over buffers that another thread hashes while more are made. Whoever adds one
/// waits only if the other thread is far behind.
class HashQueue {
 public:
  void add(LargeVector<std::byte> buffer);
  /// Return the digest of all in lower-case hexadecimal; nothing may be added afterwards.
  [[nodiscard]] std::string finish();

 private:
  void start();

  Hasher hasher_;
  std::vector<LargeVector<std::byte>> waiting_, under_way_;
  std::size_t waiting_bytes_ = 0;
  std::future<void> hashing_;  ///< after what it works on: it is done before that goes
};

}  // namespace alisio
