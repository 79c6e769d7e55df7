#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "lib/night/state.hpp"

/// What a night made that people look at: its report and the significance of its sources.
namespace alisio::web {

/// Return the report, the data check and the significance of a night as `<section id="products">`.
[[nodiscard]] std::string products_part(night::State& state, const night::NightKey& night);

/// Return the place of a product that people look at, by its name: only what the state records as
/// made by the report or the significance of this night, and what stands as a regular file.
[[nodiscard]] std::optional<std::filesystem::path> shown_product(night::State& state,
                                                                 const night::NightKey& night,
                                                                 const std::string& name);

}  // namespace alisio::web
