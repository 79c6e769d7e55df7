#pragma once
#include "apps/commands.hpp"
#include "lib/night/discard.hpp"

namespace alisio::apps {

/// Record in provenance that a product stands no more for what it was: or that it does so again: a
/// note on its entity (prov/invalidation.hpp) in the night's journal of notes, where `prov show`
/// and the pages find it. Told twice, it is one note. @throws Error(resource) if it cannot be
/// written.
void record_invalidation(const night::Invalidation& invalidation, const Program& program);

}  // namespace alisio::apps
