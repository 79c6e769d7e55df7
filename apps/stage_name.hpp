#pragma once
#include <string>

namespace alisio::apps {

/// Refuse what is no stage of a night: "dl1_to_dl2" is one. @throws Error(usage) with a suggestion.
void check_stage(const std::string& name);

}  // namespace alisio::apps
