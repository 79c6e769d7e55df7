#include "lib/base/account.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

namespace alisio {

std::string account_name() {
  if (const passwd* entry = getpwuid(geteuid()); entry != nullptr && *entry->pw_name != 0)
    return entry->pw_name;
  return fmt::format("uid{}", geteuid());
}

}  // namespace alisio
