#pragma once
#include <spdlog/spdlog.h>

#include <string>

namespace alisio {

enum class LogFormat { text, json };

/// Send log lines of at least `level` to stderr. Call once, from main.
/// @param level "trace", "debug", "info", "warning", "error". @throws Error(usage) if unknown.
void set_up_logging(const std::string& level, LogFormat format);

}  // namespace alisio
