#include "apps/stage_name.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "lib/base/error.hpp"
#include "lib/base/suggest.hpp"
#include "lib/stage/description.hpp"

namespace alisio::apps {

void check_stage(const std::string& name) {
  std::vector<std::string> names;
  for (const stage::StageDescription& stage : stage::descriptions()) names.push_back(stage.name);
  if (std::find(names.begin(), names.end(), name) == names.end())
    throw Error(ErrorKind::usage, fmt::format("no stage is called '{}'", name), "alisio",
                suggestion(name, names));
}

}  // namespace alisio::apps
