#pragma once
#include "apps/commands.hpp"
#include "lib/night/night.hpp"

namespace alisio::apps {

/// Return what a night asks of the rest of the program: to look into raw files, hash, judge
/// constants, pretend a job, merge provenance.
[[nodiscard]] night::NightServices night_services(const Program& program);

}  // namespace alisio::apps
