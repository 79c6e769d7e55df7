#pragma once
#include "lib/base/error.hpp"

namespace alisio::night {

/// The state was written by a newer program: thrown by State::open() and State::open_read_only(),
/// kind resource.
class NewerSchema : public Error {
 public:
  using Error::Error;
};

}  // namespace alisio::night
