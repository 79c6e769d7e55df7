#include "lib/base/version.hpp"

#include "alisio_build_info.hpp"

namespace alisio {

const BuildInfo& build_info() {
  static const BuildInfo info{ALISIO_VERSION,  ALISIO_COMMIT,     ALISIO_DIRTY != 0,
                              ALISIO_COMPILER, ALISIO_BUILD_TYPE, ALISIO_FLAGS};
  return info;
}

std::string version_tag() {
  return "v" + build_info().version;
}

std::string commit_tag() {
  return build_info().commit + (build_info().dirty ? "+changes" : "");
}

}  // namespace alisio
