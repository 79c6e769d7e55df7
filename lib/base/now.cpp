#include "lib/base/now.hpp"

#include <chrono>

namespace alisio {

double now_unix_utc_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace alisio
