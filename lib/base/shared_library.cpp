#include "lib/base/shared_library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <utility>

#include "lib/base/error.hpp"

namespace alisio {

SharedLibrary::SharedLibrary(std::string file, const std::string& what, std::string remedy)
    : file_(std::move(file)),
      remedy_(std::move(remedy)),
      library_(::dlopen(file_.c_str(), RTLD_NOW | RTLD_LOCAL)) {
  if (library_ == nullptr)
    throw Error(ErrorKind::configuration, fmt::format("{} cannot be loaded", what), file_, remedy_);
}

void* SharedLibrary::address_of(const char* name) const {
  void* const address = ::dlsym(library_, name);
  if (address == nullptr)
    throw Error(ErrorKind::configuration, fmt::format("there is no function {} in it", name), file_,
                remedy_);
  return address;
}

}  // namespace alisio
